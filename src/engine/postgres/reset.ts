import { literal, nameOf, qualified, quote, type Relation, type Relations, type StoredTable } from './relations.js';
import { SchemaWatch } from './schema-watch.js';
import type { ScriptSession } from './script-session.js';

/**
 * Brings tables and sequences of all schemas back to where the schema's text left them, and enters the first rows, so that nothing of the run before
 * shows. Rows that the schema's text has entered are kept as copies in our own schema. Materialised views are refreshed before the first rows.
 *
 * TRUNCATE empties, and costs more than a run: new files, and every session reads its catalogue again. DELETE leaves dead rows in the page. As long
 * as the page has room they change nothing: rows still lie in the order in which they were written. When it is almost full, PostgreSQL prunes it,
 * and new rows take the places of dead ones (src/backend/access/heap/pruneheap.c: below a tenth of a page of free space). So DELETE is used where
 * every table has one page only and thrice the room that any run has needed so far is left above that mark; else TRUNCATE.
 */
export class Reset {
  readonly #session: ScriptSession;
  readonly #watch: SchemaWatch;
  readonly #scripts: Scripts;
  readonly #freeBytes: string;
  #mayDelete: boolean;
  #seed: string | null = null;
  /** Bytes left in the fullest table's page when it was last looked at. */
  #free = 0;
  /** Most bytes that a run and its reset have taken. */
  #most = 0;
  /** Runs since then, and how many there may be before the next look. */
  #runs = 0;
  #mayRun = 0;

  private constructor(session: ScriptSession, tables: readonly StoredTable[], watch: SchemaWatch, scripts: Scripts, mayDelete: boolean) {
    this.#session = session;
    this.#watch = watch;
    this.#scripts = scripts;
    this.#mayDelete = mayDelete && tables.length > 0;
    this.#freeBytes = freeBytes(tables);
  }

  /** Call once, after the schema has been made. `superuser`: may look into pages and leave triggers out. */
  static async prepare(session: ScriptSession, relations: Relations, superuser: boolean): Promise<Reset> {
    const replica = await succeeds(session, 'BEGIN; SET LOCAL session_replication_role = replica; COMMIT');
    const contents = await keep(session, relations, replica);
    const mayDelete = superuser && replica && (await succeeds(session, 'CREATE EXTENSION IF NOT EXISTS pageinspect SCHEMA lastseat'));
    const tables = relations.tables.filter((table) => !table.partitioned);
    const watch = await SchemaWatch.install(session);
    return new Reset(session, tables, watch, scriptsFor(relations, contents, watch.changed, replica), mayDelete);
  }

  /** Nothing is known of the pages any more. */
  forget(): void {
    this.#seed = null;
  }

  /** False where the run before has changed the schema itself: it has to be made anew. */
  async run(seed: string): Promise<boolean> {
    const known = this.#seed === seed;
    this.#seed = seed;
    if (!this.#mayDelete) return this.#reset(this.#scripts.truncate, seed);
    if (known) {
      this.#runs += 1;
      if (!(await this.#reset(this.#scripts.delete, seed))) return false;
      if (this.#runs < this.#mayRun) return true;
      if (await this.#look()) return true;
    }
    if (!(await this.#reset(this.#scripts.truncate, seed))) return false;
    this.#runs = 0;
    this.#mayRun = 0;
    this.#free = await this.#freeNow();
    return true;
  }

  #reset(script: string, seed: string): Promise<boolean> {
    return this.#watch.unlessChanged(`${script} ${seed}`);
  }

  async #freeNow(): Promise<number> {
    return Number(await this.#session.firstValue(this.#freeBytes));
  }

  /** Whether the next run may begin on pages that are not fresh. Says for how many more that will hold. */
  async #look(): Promise<boolean> {
    const free = await this.#freeNow();
    this.#most = Math.max(this.#most, Math.ceil((this.#free - free) / this.#runs));
    const room = MARGIN * Math.max(this.#most, 1);
    // A run that did not begin on a fresh page has come to the mark: it may have met with pruning. Never again.
    if (this.#mayRun > 0 && free < PRUNED_BELOW) this.#mayDelete = false;
    this.#free = free;
    this.#runs = 0;
    this.#mayRun = Math.floor((free - PRUNED_BELOW) / room);
    return this.#mayRun > 0;
  }
}

/** A tenth of a page of 8,192 bytes. */
const PRUNED_BELOW = 820;
const MARGIN = 3;

/** What comes before the first rows, for each way to empty the tables. */
interface Scripts {
  readonly truncate: string;
  readonly delete: string;
}

/** What the schema's text has left: copies of rows, and a call for every sequence. */
interface Contents {
  readonly filled: readonly Filled[];
  readonly positions: readonly string[];
}

interface Filled {
  readonly table: StoredTable;
  /** Where a copy of its rows is kept. */
  readonly copy: string;
}

/** `replica`: the role may leave triggers, rules and foreign keys out. */
async function keep(session: ScriptSession, { tables, sequences }: Relations, replica: boolean): Promise<Contents> {
  return {
    filled: await copyRows(session, replica ? tables : parentsFirst(tables)),
    positions: await positionsOf(session, sequences),
  };
}

function scriptsFor({ tables, views }: Relations, { filled, positions }: Contents, changed: string, replica: boolean): Scripts {
  const first = `SELECT ${[changed, ...positions].join(', ')};`;
  const rows = filled.map(({ table, copy }) => restoreRows(table, copy)).join(' ');
  const refresh = views.map((view) => `REFRESH MATERIALIZED VIEW ${qualified(view)}${view.populated ? '' : ' WITH NO DATA'};`).join(' ');
  const quiet = (work: string) => {
    if (work.trim() === '') return '';
    const [silence, wake] = silenced(tables, replica);
    return replica
      ? `SET LOCAL session_replication_role = replica; ${silence}${work} ${wake}SET LOCAL session_replication_role = origin;`
      : `${silence}${work} ${wake}`;
  };
  const truncate = tables.length === 0 ? '' : `TRUNCATE ${tables.map(qualified).join(', ')};`;
  const deletes = tables.filter((table) => !table.partitioned).map((table) => `DELETE FROM ONLY ${qualified(table)};`);
  return {
    truncate: `${first} ${quiet(`${truncate} ${rows}`)}${refresh}`,
    delete: `${first} ${quiet(`${deletes.join(' ')} ${rows}`)}${refresh}`,
  };
}

/** Triggers and rules that fire all the same: switched off, and on again as they were. */
function silenced(tables: readonly StoredTable[], replica: boolean): [silence: string, wake: string] {
  const firing = replica ? ['A', 'R'] : ['O', 'A'];
  const items = tables.flatMap((table) => [
    ...table.triggers.map((trigger) => ({ table, what: 'TRIGGER', ...trigger })),
    ...table.rules.map((rule) => ({ table, what: 'RULE', ...rule })),
  ]);
  const awake = items.filter(({ enabled }) => firing.includes(enabled));
  const how: Readonly<Record<string, string>> = { A: 'ENABLE ALWAYS', R: 'ENABLE REPLICA', O: 'ENABLE' };
  const alter = (change: (enabled: string) => string) =>
    awake.map(({ table, what, name, enabled }) => `ALTER TABLE ${qualified(table)} ${change(enabled)} ${what} ${quote(name)}; `).join('');
  return [alter(() => 'DISABLE'), alter((enabled) => how[enabled]!)];
}

/** Keeps what the schema's text has entered, in the order in which it lies. */
async function copyRows(session: ScriptSession, tables: readonly StoredTable[]): Promise<Filled[]> {
  const own = tables.filter((table) => !table.partitioned);
  if (own.length === 0) return [];
  const [found] = await session.query(
    `SELECT ARRAY[${own.map((table) => `EXISTS (SELECT FROM ONLY ${qualified(table)})`).join(', ')}] AS filled`,
  );
  const filled = own
    .filter((_, index) => (found!.filled as boolean[])[index])
    .map((table, index) => ({ table, copy: `lastseat.rows_${index}` }));
  for (const { table, copy } of filled) await session.run(`CREATE TABLE ${copy} AS SELECT ${stored(table)} FROM ONLY ${qualified(table)}`);
  return filled;
}

/** Columns that are not computed from others. */
const stored = (table: StoredTable): string =>
  table.columns
    .filter((column) => !column.generated)
    .map((column) => quote(column.name))
    .join(', ');

function restoreRows(table: StoredTable, copy: string): string {
  const columns = stored(table);
  const list = columns === '' ? '' : ` (${columns})`;
  return `INSERT INTO ${qualified(table)}${list} OVERRIDING SYSTEM VALUE SELECT ${columns} FROM ${copy};`;
}

/** Calls that bring sequences to where they are now. */
async function positionsOf(session: ScriptSession, sequences: readonly Relation[]): Promise<string[]> {
  if (sequences.length === 0) return [];
  const position = (sequence: Relation) => `(SELECT format('%s, %L', last_value, is_called) FROM ${qualified(sequence)})`;
  const [found] = await session.query(`SELECT ARRAY[${sequences.map(position).join(', ')}] AS positions`);
  return sequences.map((sequence, index) => `setval(${regclass(sequence)}, ${(found!.positions as string[])[index]})`);
}

const regclass = (relation: Relation): string => literal(qualified(relation));

/** Where foreign keys are checked, a row comes after those that it refers to. */
function parentsFirst(tables: readonly StoredTable[]): StoredTable[] {
  const placed = new Set<string>();
  const ordered: StoredTable[] = [];
  const place = (table: StoredTable) => {
    if (placed.has(nameOf(table))) return;
    placed.add(nameOf(table));
    for (const parent of table.parents) {
      const found = tables.find((other) => nameOf(other) === parent);
      if (found !== undefined) place(found);
    }
    ordered.push(table);
  };
  for (const table of tables) place(table);
  return ordered;
}

async function succeeds(session: ScriptSession, sql: string): Promise<boolean> {
  try {
    await session.run(sql);
    return true;
  } catch {
    // Not allowed, or not there.
    await session.run('ROLLBACK');
    return false;
  }
}

/** Free bytes in the fullest of the tables' only pages; 0 where one has several. */
const freeBytes = (tables: readonly StoredTable[]): string =>
  `SELECT min(CASE pg_relation_size(t) WHEN 0 THEN 8192 WHEN 8192 THEN (SELECT h.upper - h.lower FROM lastseat.page_header(lastseat.get_raw_page(t, 0)) AS h) ELSE 0 END) FROM unnest(ARRAY[${tables.map(regclass).join()}]) AS t`;
