import { clockFunctions, withClock } from '../../clock-functions.js';
import { UnmodelledError } from '../../contract.js';
import type { Timing } from '../catalog.js';
import { SqlError } from '../sql-error.js';
import { type Answer, type Instance, running } from './instance.js';

/** Copies of every table that hold one given row each, or what a statement's target holds. They have no constraint: those are the layer's. */
export const rowSchema = (index: number): string => `ls_row_${index}`;
/** A copy of every table with its unique indexes: holds the one row that an ON CONFLICT met. */
export const CONFLICT_SCHEMA = 'ls_conflict';
/** A copy of every table for the rows that an INSERT proposes: what is computed from them waits until their sequences have been drawn. */
export const INSERT_SCHEMA = 'ls_insert';
/** Rows of what is no table, as text, by number. */
export const TEXTS = 'lastseat.texts';

/** A sequence's value is drawn when the row's turn comes; until then the row holds this. */
export const UNDRAWN: Readonly<Record<string, number>> = { int2: -32768, int4: -2147483648, int8: Number.MIN_SAFE_INTEGER };

export interface CatalogTable {
  readonly name: string;
  readonly columns: readonly CatalogColumn[];
  readonly key: readonly string[] | null;
  readonly indexes: readonly CatalogIndex[];
  /** Columns that some index depends on, in its keys or its predicate. */
  readonly indexed: readonly string[];
  readonly checks: readonly { readonly name: string; readonly expression: string }[];
  readonly foreignKeys: readonly CatalogForeignKey[];
  /** What is not modelled about it. */
  readonly triggers: readonly string[];
  readonly others: readonly string[];
  readonly special: boolean;
}

export interface CatalogColumn {
  readonly name: string;
  readonly type: string;
  readonly notNull: boolean;
  readonly default: string | null;
  readonly sequence: string | null;
  readonly identity: '' | 'a' | 'd';
  readonly generated: boolean;
}

export interface CatalogIndex {
  readonly name: string;
  readonly columns: readonly string[] | null;
  readonly keys: readonly string[];
  readonly predicate: string | null;
  readonly nullsNotDistinct: boolean;
  readonly method: string;
  /** Of an exclusion constraint, or one WITHOUT OVERLAPS: the operator between two rows' keys, for each. */
  readonly operators: readonly string[] | null;
  readonly withoutOverlaps: boolean;
  readonly primary: boolean;
  readonly timing: Timing;
}

export interface CatalogForeignKey {
  readonly name: string;
  readonly columns: readonly string[];
  readonly parent: string;
  readonly parentColumns: readonly string[];
  readonly actions: string;
  readonly period: boolean;
  /** Columns named by ON DELETE SET NULL. */
  readonly setColumns: readonly string[] | null;
  readonly timing: Timing;
}

export interface CatalogRows {
  readonly tables: readonly CatalogTable[];
  readonly sequences: readonly { readonly name: string; readonly start: number; readonly step: number }[];
  readonly volatile: readonly string[];
}

export const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;
export const literal = (text: string | null): string => (text === null ? 'NULL' : `'${text.replaceAll("'", "''")}'`);

/** One plan's schema in PGlite: set up when first needed, and again when another plan had the place meanwhile. */
export class PgliteSchema {
  readonly #text: string;
  readonly #prepared = new Set<string>();
  #rows: CatalogRows | null = null;
  #rowSchemas = 0;
  #nowMs: number | null = null;
  #loads = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The instance with this schema in place. */
  open(): Instance {
    const instance = running();
    if (instance.holds !== this) this.#setUp(instance);
    return instance;
  }

  get rows(): CatalogRows {
    this.open();
    return this.#rows!;
  }

  #setUp(instance: Instance): void {
    instance.holds = null;
    this.#prepared.clear();
    this.#rowSchemas = 0;
    this.#nowMs = null;
    const schemas = instance
      .script("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'ls\\_%' OR nspname IN ('public', 'lastseat')")
      .flat();
    instance.script(
      [
        'DEALLOCATE ALL',
        ...schemas.map(([name]) => `DROP SCHEMA ${quote(name!)} CASCADE`),
        'CREATE SCHEMA public',
        'CREATE SCHEMA lastseat',
        clockFunctions(0).slice(0, -1),
        `CREATE TABLE ${TEXTS} (number int PRIMARY KEY, value text)`,
        'SET search_path = public, lastseat, pg_catalog',
      ].join(';'),
    );
    try {
      instance.script(withClock(this.#text));
    } catch (error) {
      if (error instanceof SqlError) throw new UnmodelledError(`the schema, of which PGlite says: ${error.message}`);
      throw error;
    }
    this.#rows ??= readRows(instance);
    const defaultsAndKeys = this.#rows.tables.flatMap((table) => [
      `ALTER TABLE ${quote(table.name)} DISABLE TRIGGER USER`,
      ...table.foreignKeys.map((foreignKey) => `ALTER TABLE ${quote(table.name)} DROP CONSTRAINT ${quote(foreignKey.name)}`),
      `CREATE TABLE ${CONFLICT_SCHEMA}.${quote(table.name)} (LIKE ${quote(table.name)} INCLUDING GENERATED INCLUDING INDEXES)`,
      ...this.#bare(table, CONFLICT_SCHEMA),
      `CREATE TABLE ${INSERT_SCHEMA}.${quote(table.name)} (LIKE ${quote(table.name)} INCLUDING DEFAULTS)`,
      ...this.#bare(table, INSERT_SCHEMA),
    ]);
    // What a snapshot shows need not satisfy an exclusion constraint, since a newer row may be ours, nor one that is checked later. The layer judges.
    instance.script('UPDATE pg_index SET indisready = false WHERE (indisexclusion AND NOT indisunique) OR NOT indimmediate');
    instance.script([`CREATE SCHEMA ${CONFLICT_SCHEMA}`, `CREATE SCHEMA ${INSERT_SCHEMA}`, ...defaultsAndKeys].join(';'));
    instance.holds = this;
  }

  /** Takes the NOT NULLs away, but for those of the primary key, and leaves sequences to the layer. */
  #bare(table: CatalogTable, schema: string): string[] {
    return table.columns.flatMap((column) => {
      const alter = `ALTER TABLE ${schema}.${quote(table.name)} ALTER COLUMN ${quote(column.name)}`;
      const keyed = schema === CONFLICT_SCHEMA && table.key?.includes(column.name);
      return [
        ...(column.notNull && !keyed ? [`${alter} DROP NOT NULL`] : []),
        ...(column.sequence === null ? [] : [`${alter} SET DEFAULT ${UNDRAWN[column.type] ?? 'NULL'}`]),
      ];
    });
  }

  /** Makes sure that there are so many row schemas. */
  needRowSchemas(count: number): void {
    const instance = this.open();
    for (; this.#rowSchemas < count; this.#rowSchemas += 1) {
      const schema = rowSchema(this.#rowSchemas);
      const tables = this.#rows!.tables.flatMap((table) => [
        `CREATE TABLE ${schema}.${quote(table.name)} (LIKE ${quote(table.name)} INCLUDING DEFAULTS INCLUDING GENERATED)`,
        ...this.#bare(table, schema),
      ]);
      instance.script([`CREATE SCHEMA ${schema}`, ...tables].join(';'));
    }
  }

  /** Parses a statement once; the error, if it has one. */
  prepare(name: string, text: string, types: readonly number[]): SqlError | null {
    const instance = this.open();
    if (this.#prepared.has(name)) return null;
    const [answer] = instance.send([instance.wire.parse({ name, text, types: [...types] }), instance.wire.sync()]);
    if (answer!.error === null) this.#prepared.add(name);
    return answer!.error;
  }

  /** What a statement's parameters and outputs are, which relations it locks and how; or the error that it has. */
  describe(
    text: string,
    values: (string | null)[],
    types: readonly number[] = [],
  ): { readonly answer: Answer; readonly error: SqlError | null; readonly locks: readonly (readonly (string | null)[])[] } {
    const instance = this.open();
    const { wire } = instance;
    const answers = instance.send([
      wire.query('BEGIN'),
      wire.parse({ name: '', text, types: [...types] }),
      wire.describe({ type: 'S', name: '' }),
      wire.sync(),
      // Some errors come with the plan only.
      wire.bind({ statement: '', values }),
      wire.sync(),
      wire.query(LOCKS),
      wire.query('ROLLBACK'),
    ]);
    return { answer: answers[1]!, error: answers[1]!.error ?? answers[2]!.error, locks: answers[3]!.results[0] ?? [] };
  }

  /** Runs a prepared statement over loaded rows, and undoes all of it. The results of loading come first. */
  ask(
    load: string,
    name: string,
    values: (string | null)[],
    nowMs: number,
  ): { readonly loaded: Answer['results']; readonly answer: Answer } {
    const instance = this.open();
    const { wire } = instance;
    if (this.#nowMs !== nowMs) {
      instance.script(clockFunctions(nowMs));
      this.#nowMs = nowMs;
    }
    this.#tidy(instance);
    const [loaded, answer] = instance.send([
      wire.query(`BEGIN;${load}`),
      wire.bind({ statement: name, values }),
      wire.execute({ portal: '' }),
      wire.sync(),
      wire.query('ROLLBACK'),
    ]);
    if (loaded!.error !== null) throw new UnmodelledError(`rows that PGlite does not take: ${loaded!.error.message}`);
    return { loaded: loaded!.results.slice(1), answer: answer! };
  }

  /** What was rolled back stays in the files until they are emptied. */
  #tidy(instance: Instance): void {
    this.#loads += 1;
    if (this.#loads % TIDY_EVERY !== 0) return;
    const schemas = ['public', CONFLICT_SCHEMA, INSERT_SCHEMA, ...Array.from({ length: this.#rowSchemas }, (_, index) => rowSchema(index))];
    const tables = schemas.flatMap((schema) => this.#rows!.tables.map((table) => `${schema}.${quote(table.name)}`));
    instance.script(`TRUNCATE ${[...tables, TEXTS].join(', ')}`);
  }
}

const TIDY_EVERY = 200;

/** Only where a statement's rows are asked for must they come in the order in which they lie: here indexes save seconds. */
function readRows(instance: Instance): CatalogRows {
  instance.script('SET enable_indexscan = on; SET enable_bitmapscan = on');
  const rows = JSON.parse(instance.script(CATALOG)[0]![0]![0]!) as CatalogRows;
  instance.script('RESET enable_indexscan; RESET enable_bitmapscan');
  return rows;
}

const LOCKS = `SELECT c.relname, l.mode, c.relkind, c.relnamespace::regnamespace::text
  FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
 WHERE l.locktype = 'relation' AND c.relkind <> 'i' AND c.relname NOT IN ('pg_locks', 'pg_class') ORDER BY c.oid`;

/** Everything that the layer has to know of the schema, as one JSON document. */
const CATALOG = `
WITH attributes AS (
  SELECT a.attrelid, a.attnum, a.attname, t.typname, a.attnotnull, a.attidentity, a.attgenerated,
         pg_get_expr(d.adbin, d.adrelid) AS default,
         (SELECT s.relname FROM pg_depend p JOIN pg_class s ON s.oid = p.refobjid AND s.relkind = 'S'
           WHERE p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid AND p.refclassid = 'pg_class'::regclass) AS drawn,
         (SELECT s.relname FROM pg_depend p JOIN pg_class s ON s.oid = p.objid AND s.relkind = 'S'
           WHERE p.refobjid = a.attrelid AND p.refobjsubid = a.attnum AND p.deptype = 'i') AS own
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
   WHERE a.attnum > 0 AND NOT a.attisdropped
), tables AS (
  SELECT c.* FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
)
SELECT json_build_object(
  'tables', coalesce((SELECT json_agg(json_build_object(
    'name', c.relname,
    'columns', (SELECT json_agg(json_build_object('name', attname, 'type', typname, 'notNull', attnotnull, 'default', a.default, 'sequence', coalesce(own, drawn), 'identity', attidentity, 'generated', attgenerated <> '') ORDER BY attnum)
                  FROM attributes a WHERE attrelid = c.oid),
    'key', (SELECT json_agg(a.attname ORDER BY k.position)
              FROM pg_index i, unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, position), attributes a
             WHERE i.indrelid = c.oid AND i.indisprimary AND a.attrelid = c.oid AND a.attnum = k.attnum),
    'indexes', coalesce((SELECT json_agg(json_build_object(
        'name', x.relname,
        'columns', CASE WHEN i.indexprs IS NULL AND i.indpred IS NULL THEN
                     (SELECT json_agg(a.attname ORDER BY k.position) FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, position), attributes a
                       WHERE a.attrelid = c.oid AND a.attnum = k.attnum AND k.position <= i.indnkeyatts) END,
        'keys', (SELECT json_agg(pg_get_indexdef(i.indexrelid, k::int, true) ORDER BY k) FROM generate_series(1, i.indnkeyatts) AS k),
        'predicate', pg_get_expr(i.indpred, i.indrelid),
        'nullsNotDistinct', i.indnullsnotdistinct,
        'method', (SELECT amname FROM pg_am WHERE oid = x.relam),
        'operators', (SELECT json_agg(format('OPERATOR(%I.%s)', n.nspname, o.oprname) ORDER BY k.position)
           FROM pg_constraint e, unnest(e.conexclop) WITH ORDINALITY AS k(operator, position), pg_operator o, pg_namespace n
          WHERE e.conindid = i.indexrelid AND e.contype IN ('x', 'p', 'u') AND o.oid = k.operator AND n.oid = o.oprnamespace),
        'withoutOverlaps', i.indisunique AND i.indisexclusion,
        'primary', i.indisprimary,
        'timing', coalesce((SELECT CASE WHEN NOT e.condeferrable THEN 'at once' WHEN e.condeferred THEN 'deferred' ELSE 'immediate' END
           FROM pg_constraint e WHERE e.conindid = i.indexrelid AND e.contype IN ('x', 'p', 'u')), 'at once')) ORDER BY NOT i.indisprimary, i.indexrelid)
      FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = c.oid AND (i.indisunique OR i.indisexclusion)), '[]'),
    'indexed', coalesce((SELECT json_agg(DISTINCT a.attname)
      FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam JOIN attributes a ON a.attrelid = c.oid
     WHERE i.indrelid = c.oid AND m.amname <> 'brin' AND (a.attnum = ANY (i.indkey) OR EXISTS (SELECT 1 FROM pg_depend d
           WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND d.refobjsubid = a.attnum))), '[]'),
    'checks', coalesce((SELECT json_agg(json_build_object('name', conname, 'expression', pg_get_expr(conbin, conrelid)) ORDER BY conname)
      FROM pg_constraint WHERE conrelid = c.oid AND contype = 'c'), '[]'),
    'foreignKeys', coalesce((SELECT json_agg(json_build_object(
        'name', k.conname,
        'columns', (SELECT json_agg(a.attname ORDER BY position) FROM unnest(k.conkey) WITH ORDINALITY AS n(attnum, position), attributes a WHERE a.attrelid = k.conrelid AND a.attnum = n.attnum),
        'parent', (SELECT relname FROM pg_class WHERE oid = k.confrelid),
        'parentColumns', (SELECT json_agg(a.attname ORDER BY position) FROM unnest(k.confkey) WITH ORDINALITY AS n(attnum, position), attributes a WHERE a.attrelid = k.confrelid AND a.attnum = n.attnum),
        'actions', k.confupdtype::text || k.confdeltype::text || k.confmatchtype::text, 'period', k.conperiod,
        'timing', CASE WHEN NOT k.condeferrable THEN 'at once' WHEN k.condeferred THEN 'deferred' ELSE 'immediate' END,
        'setColumns', (SELECT json_agg(a.attname) FROM unnest(k.confdelsetcols) AS n(attnum), attributes a WHERE a.attrelid = k.conrelid AND a.attnum = n.attnum)) ORDER BY k.oid)
      FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'f'), '[]'),
    'triggers', coalesce((SELECT json_agg(tgname ORDER BY tgname) FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal), '[]'),
    'others', coalesce((SELECT json_agg(conname ORDER BY conname) FROM pg_constraint
                         WHERE conrelid = c.oid AND contype NOT IN ('c', 'f', 'p', 'u', 'n', 'x')), '[]'),
    'special', c.relrowsecurity OR c.relispartition OR c.relkind = 'p' OR c.relhassubclass OR c.relhasrules
      OR EXISTS (SELECT 1 FROM pg_inherits WHERE inhrelid = c.oid)
  ) ORDER BY c.oid) FROM tables c), '[]'),
  'sequences', coalesce((SELECT json_agg(json_build_object('name', c.relname, 'start', s.seqstart, 'step', s.seqincrement) ORDER BY c.oid)
     FROM pg_class c JOIN pg_sequence s ON s.seqrelid = c.oid WHERE c.relnamespace = 'public'::regnamespace), '[]'),
  'volatile', (SELECT json_agg(DISTINCT proname) FROM pg_proc
     WHERE (provolatile = 'v' OR prokind = 'p') AND pronamespace IN ('pg_catalog'::regnamespace, 'public'::regnamespace)
       AND proname NOT IN (SELECT proname FROM pg_proc WHERE pronamespace = 'lastseat'::regnamespace)))::text`;
