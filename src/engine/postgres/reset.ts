import type { Inspector } from './inspector.js';

/**
 * Brings tables and sequences back to the seed, so that nothing of the run before shows.
 *
 * TRUNCATE does, and costs more than a run: new files, and every session reads its catalogue again. DELETE leaves dead rows in the page. As long
 * as the page has room they change nothing: rows still lie in the order in which they were written. When it is almost full, PostgreSQL prunes it,
 * and new rows take the places of dead ones (src/backend/access/heap/pruneheap.c: below a tenth of a page of free space). So DELETE is used where
 * every table has one page only and thrice the room that any run has needed so far is left above that mark; else TRUNCATE.
 */
export class Reset {
  readonly #inspector: Inspector;
  readonly #truncate: string;
  readonly #delete: string;
  readonly #sequences: string;
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

  private constructor(inspector: Inspector, sequences: string, mayDelete: boolean) {
    const tables = inspector.tables.map(quote);
    this.#inspector = inspector;
    this.#sequences = sequences;
    this.#mayDelete = mayDelete && tables.length > 0;
    this.#truncate = tables.length === 0 ? '' : `TRUNCATE ${tables.join(', ')};`;
    this.#freeBytes = freeBytes(inspector.tables);
    // Neither triggers nor foreign keys take part.
    this.#delete = `SET LOCAL session_replication_role = replica; ${tables.map((table) => `DELETE FROM ${table};`).join(' ')} SET LOCAL session_replication_role = origin;`;
  }

  /** Call after the schema has been made. `superuser`: may look into pages and leave triggers out. */
  static async prepare(inspector: Inspector, superuser: boolean): Promise<Reset> {
    const sequences = await inspector.sequenceStarts();
    return new Reset(inspector, sequences, superuser && (await canInspectPages(inspector)));
  }

  /** Nothing is known of the pages any more. */
  forget(): void {
    this.#seed = null;
  }

  async run(seed: string): Promise<void> {
    const known = this.#seed === seed;
    this.#seed = seed;
    if (!this.#mayDelete) return this.#inspector.script(`${this.#truncate}${this.#sequences}${seed}`);
    if (known) {
      this.#runs += 1;
      await this.#inspector.script(`${this.#delete}${this.#sequences}${seed}`);
      if (this.#runs < this.#mayRun) return;
      if (await this.#look()) return;
    }
    await this.#inspector.script(`${this.#truncate}${this.#sequences}${seed}`);
    this.#runs = 0;
    this.#mayRun = 0;
    this.#free = await this.#inspector.number('free bytes', this.#freeBytes);
  }

  /** Whether the next run may begin on pages that are not fresh. Says for how many more that will hold. */
  async #look(): Promise<boolean> {
    const free = await this.#inspector.number('free bytes', this.#freeBytes);
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

const quote = (name: string) => `"${name.replaceAll('"', '""')}"`;
const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;

async function canInspectPages(inspector: Inspector): Promise<boolean> {
  try {
    await inspector.script('CREATE EXTENSION IF NOT EXISTS pageinspect SCHEMA lastseat');
    return true;
  } catch {
    // Not installed on this server.
    return false;
  }
}

/** Free bytes in the fullest of the tables' only pages; 0 where one has several. */
const freeBytes = (tables: readonly string[]): string =>
  `SELECT min(CASE pg_relation_size(t) WHEN 0 THEN 8192 WHEN 8192 THEN (SELECT h.upper - h.lower FROM lastseat.page_header(lastseat.get_raw_page(t, 0)) AS h) ELSE 0 END) FROM unnest(ARRAY[${tables.map((name) => literal(quote(name))).join()}]) AS t`;
