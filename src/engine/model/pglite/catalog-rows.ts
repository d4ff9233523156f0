import { UnmodelledError } from '../../contract.js';
import type { Timing } from '../catalog.js';
import { analyseExpression } from './analysis.js';
import type { Instance } from './instance.js';
import { qualified, quote } from './names.js';
import { type CatalogTrigger, judged } from './triggers.js';

/** `shown`: as it is named where there may be several of one name. */
export interface CatalogName {
  readonly schema: string;
  readonly name: string;
  readonly shown: string;
}

export interface CatalogTable extends CatalogName {
  readonly columns: readonly CatalogColumn[];
  readonly key: readonly string[] | null;
  readonly indexes: readonly CatalogIndex[];
  /** Columns that some index depends on, in its keys or its predicate. */
  readonly indexed: readonly string[];
  readonly checks: readonly { readonly name: string; readonly expression: string }[];
  readonly foreignKeys: readonly CatalogForeignKey[];
  /** What in its CHECKs, defaults and indexes may not be computed apart from the rest: it makes every change of the table refused. */
  readonly odd?: string;
  /** What is not modelled about it. */
  readonly triggers: readonly CatalogTrigger[];
  readonly others: readonly string[];
  /** What it is besides a table of its own. */
  readonly kind: {
    readonly partitioned: boolean;
    readonly partition: boolean;
    readonly inherits: boolean;
    readonly forcesPolicies: boolean;
    readonly rules: readonly string[];
  };
}

export interface CatalogColumn {
  readonly name: string;
  /** Of a domain: the type that it is over. */
  readonly type: string;
  readonly notNull: boolean;
  /** Its type as SQL has it, with length and precision. */
  readonly written: string;
  readonly isEnum: boolean;
  /** Length, precision or scale, or the rules of a domain: a value may be changed, or refused, on its way in. */
  readonly limited: boolean;
  readonly default: string | null;
  /** The sequence that it draws from, by itself or in an expression, as shown. */
  readonly sequence: string | null;
  readonly identity: '' | 'a' | 'd';
  readonly generated: boolean;
  readonly virtual: boolean;
}

export interface KeyType {
  readonly type: string;
  readonly isEnum: boolean;
}

export interface CatalogIndex {
  readonly name: string;
  readonly columns: readonly string[] | null;
  readonly keys: readonly string[];
  readonly keyTypes: readonly KeyType[];
  /** The operators by which two keys are equal. */
  readonly equal: readonly string[] | null;
  /** Texts that differ may be equal to it. */
  readonly blurred: boolean;
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
  /** The operators by which a parent's key is equal to a child's, to another parent's, and a child's to another child's. */
  readonly across: readonly string[];
  readonly parents: readonly string[];
  readonly children: readonly string[];
  /** Columns named by ON DELETE SET NULL or SET DEFAULT. */
  readonly setColumns: readonly string[] | null;
  readonly timing: Timing;
}

/** Numbers are text: they may be larger than JavaScript's. */
export interface CatalogSequence extends CatalogName {
  readonly increment: string;
  readonly min: string;
  readonly max: string;
  readonly cache: string;
  readonly cycles: boolean;
}

export interface CatalogRows {
  readonly tables: readonly CatalogTable[];
  readonly sequences: readonly (CatalogSequence & { readonly lastValue: string; readonly isCalled: boolean })[];
  /** Rows that the schema has inserted, as text in the order in which they lie: of the tables that have some, by their names as shown. */
  readonly contents: Readonly<Record<string, readonly (readonly (string | null)[])[]>>;
  /** What the clock said when the schema was made shows in these rows. */
  readonly clocked?: boolean;
  /** Functions that may give another value at every call, by name. */
  readonly volatile: readonly string[];
  /** There is nothing but tables, their indexes and sequences, all in the schema "public". */
  readonly plain: boolean;
}

/** Only where a statement's rows are asked for must they come in the order in which they lie: here indexes save seconds. */
export function readRows(instance: Instance, mostRows: number): CatalogRows {
  instance.script('SET enable_indexscan = on; SET enable_bitmapscan = on');
  const rows = JSON.parse(instance.script(CATALOG)[0]![0]![0]!) as CatalogRows;
  instance.script('RESET enable_indexscan; RESET enable_bitmapscan');
  const odd = oddExpressions(instance);
  const tables = rows.tables.map((table) => ({
    ...table,
    triggers: judged(table.triggers, instance),
    ...(odd.has(table.shown) ? { odd: odd.get(table.shown)! } : {}),
  }));
  return { ...rows, tables, ...readContents(instance, rows, mostRows) };
}

/** Tables with an expression that reads other rows, or whose functions are not known, and what it is. */
function oddExpressions(instance: Instance): ReadonlyMap<string, string> {
  const odd = new Map<string, string>();
  for (const [table, what, tree] of instance.script(EXPRESSIONS)[0]!) {
    const { reasons, readByFunctions } = analyseExpression(instance, tree!);
    const reason = reasons[0] ?? (readByFunctions.length > 0 ? `a function that reads ${readByFunctions[0]!.name}` : null);
    if (reason !== null && !odd.has(table!)) odd.set(table!, `${what} of ${table}, with ${reason}`);
  }
  return odd;
}

const EXPRESSIONS = `
SELECT table_name, what, tree::text FROM (
  SELECT conrelid AS table, 'constraint ' || conname AS what, conbin AS tree FROM pg_constraint WHERE contype = 'c'
  UNION ALL SELECT a.attrelid, 'constraint ' || d.conname, d.conbin FROM pg_constraint d JOIN pg_attribute a ON a.atttypid = d.contypid WHERE d.contype = 'c'
  UNION ALL SELECT adrelid, 'the default of ' || attname, adbin FROM pg_attrdef JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum
  UNION ALL SELECT indrelid, 'index ' || indexrelid::regclass, indexprs FROM pg_index WHERE indexprs IS NOT NULL
  UNION ALL SELECT indrelid, 'index ' || indexrelid::regclass, indpred FROM pg_index WHERE indpred IS NOT NULL
) AS expressions, LATERAL (
  SELECT CASE n.nspname WHEN 'public' THEN c.relname ELSE n.nspname || '.' || c.relname END AS table_name
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.oid = expressions.table AND c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'lastseat')
) AS tables ORDER BY table_name, what`;

/** What the schema has put into its tables, and where it has left its sequences. */
export function readContents(
  instance: Instance,
  { tables, sequences }: CatalogRows,
  mostRows: number,
): Pick<CatalogRows, 'contents' | 'sequences'> {
  const lists = tables.map((table) => {
    const list = table.columns.map((column) => quote(column.name)).join();
    return `SELECT ${list} FROM ${qualified(table)} ORDER BY ctid`;
  });
  const states = sequences.map((sequence) => `SELECT last_value, is_called FROM ${qualified(sequence)}`);
  const results = lists.length + states.length === 0 ? [] : instance.script([...lists, ...states].join(';'));
  const large = tables.find((_, at) => results[at]!.length > mostRows);
  if (large !== undefined) throw tooLarge(large.shown, mostRows);
  const filled = tables.flatMap(({ shown, kind }, at) =>
    results[at]!.length > 0 && !kind.partition ? [[shown, results[at]!] as const] : [],
  );
  const drawn = sequences.map((sequence, at) => {
    const [lastValue, isCalled] = results[tables.length + at]![0]!;
    return { ...sequence, lastValue: lastValue!, isCalled: isCalled === 't' };
  });
  return { contents: Object.fromEntries(filled), sequences: drawn };
}

/** Refuses rows of the schema that were kept by somebody who takes more. */
export function refuseLarge({ contents }: CatalogRows, mostRows: number): void {
  for (const [table, rows] of Object.entries(contents)) if (rows.length > mostRows) throw tooLarge(table, mostRows);
}

/** Rows of one table that are loaded for a query, and rows of one answer, where nothing else is said: the model is for few. */
export const MOST_ROWS = 1_000;

export const tooLarge = (table: string, mostRows: number): UnmodelledError =>
  new UnmodelledError(`a table of more than ${mostRows} rows: ${table}`);

/** Everything that the layer has to know of the schema, as one JSON document. */
export const CATALOG = `
WITH names AS (
  SELECT c.oid, n.nspname AS schema, c.relname AS name, CASE n.nspname WHEN 'public' THEN c.relname ELSE n.nspname || '.' || c.relname END AS shown
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'lastseat')
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
), attributes AS (
  SELECT a.attrelid, a.attnum, a.attname, a.attnotnull, t.typtype, format_type(a.atttypid, a.atttypmod) AS written,
         CASE WHEN t.typtype <> 'd' THEN t.typname ELSE (
           WITH RECURSIVE bases AS (SELECT t.oid, t.typtype, t.typbasetype, t.typname UNION ALL
             SELECT b.oid, b.typtype, b.typbasetype, b.typname FROM bases JOIN pg_type b ON b.oid = bases.typbasetype WHERE bases.typtype = 'd')
           SELECT typname FROM bases WHERE typtype <> 'd') END AS typname,
         a.attidentity, a.attgenerated, a.atttypmod,
         pg_get_expr(d.adbin, d.adrelid) AS default,
         (SELECT s.shown FROM pg_depend p JOIN pg_class q ON q.oid = p.refobjid AND q.relkind = 'S' JOIN names s ON s.oid = q.oid
           WHERE p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid AND p.refclassid = 'pg_class'::regclass) AS drawn,
         (SELECT s.shown FROM pg_depend p JOIN pg_class q ON q.oid = p.objid AND q.relkind = 'S' JOIN names s ON s.oid = q.oid
           WHERE p.refobjid = a.attrelid AND p.refobjsubid = a.attnum AND p.deptype = 'i') AS own
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
   WHERE a.attnum > 0 AND NOT a.attisdropped
), tables AS (
  SELECT c.*, n.schema, n.shown FROM pg_class c JOIN names n USING (oid) WHERE c.relkind IN ('r', 'p')
)
SELECT json_build_object(
  'tables', coalesce((SELECT json_agg(json_build_object(
    'name', c.relname, 'schema', c.schema, 'shown', c.shown,
    'columns', coalesce((SELECT json_agg(json_build_object('name', attname, 'type', typname, 'written', written, 'isEnum', typtype = 'e', 'limited', atttypmod <> -1 OR typtype = 'd', 'notNull', attnotnull, 'default', a.default, 'sequence', coalesce(own, drawn), 'identity', attidentity, 'generated', attgenerated <> '', 'virtual', attgenerated = 'v') ORDER BY attnum)
                  FROM attributes a WHERE attrelid = c.oid), '[]'),
    'key', (SELECT json_agg(a.attname ORDER BY k.position)
              FROM pg_index i, unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, position), attributes a
             WHERE i.indrelid = c.oid AND i.indisprimary AND a.attrelid = c.oid AND a.attnum = k.attnum AND k.position <= i.indnkeyatts),
    'indexes', coalesce((SELECT json_agg(json_build_object(
        'name', x.relname,
        'columns', CASE WHEN i.indexprs IS NULL AND i.indpred IS NULL THEN
                     (SELECT json_agg(a.attname ORDER BY k.position) FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, position), attributes a
                       WHERE a.attrelid = c.oid AND a.attnum = k.attnum AND k.position <= i.indnkeyatts) END,
        'keys', (SELECT json_agg(pg_get_indexdef(i.indexrelid, k::int, true) ORDER BY k) FROM generate_series(1, i.indnkeyatts) AS k),
        'keyTypes', (SELECT json_agg(json_build_object('type', typname, 'isEnum', typtype = 'e') ORDER BY attnum) FROM attributes k WHERE k.attrelid = i.indexrelid AND k.attnum <= i.indnkeyatts),
        'equal', (SELECT json_agg(format('OPERATOR(%I.%s)', n.nspname, o.oprname) ORDER BY k.position)
           FROM unnest(i.indclass::oid[]) WITH ORDINALITY AS k(class, position) JOIN pg_opclass q ON q.oid = k.class
           JOIN pg_amop m ON m.amopfamily = q.opcfamily AND m.amoplefttype = q.opcintype AND m.amoprighttype = q.opcintype AND m.amopstrategy = 3
           JOIN pg_operator o ON o.oid = m.amopopr JOIN pg_namespace n ON n.oid = o.oprnamespace),
        'blurred', EXISTS (SELECT FROM pg_collation l WHERE l.oid = ANY (i.indcollation::oid[]) AND NOT l.collisdeterministic),
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
      FROM pg_constraint WHERE conrelid = c.oid AND contype = 'c' AND conenforced), '[]'),
    'foreignKeys', coalesce((SELECT json_agg(json_build_object(
        'name', k.conname,
        'columns', (SELECT json_agg(a.attname ORDER BY position) FROM unnest(k.conkey) WITH ORDINALITY AS n(attnum, position), attributes a WHERE a.attrelid = k.conrelid AND a.attnum = n.attnum),
        'parent', (SELECT shown FROM names WHERE oid = k.confrelid),
        'parentColumns', (SELECT json_agg(a.attname ORDER BY position) FROM unnest(k.confkey) WITH ORDINALITY AS n(attnum, position), attributes a WHERE a.attrelid = k.confrelid AND a.attnum = n.attnum),
        'actions', k.confupdtype::text || k.confdeltype::text || k.confmatchtype::text, 'period', k.conperiod,
        'timing', CASE WHEN NOT k.condeferrable THEN 'at once' WHEN k.condeferred THEN 'deferred' ELSE 'immediate' END,
        'across', (SELECT json_agg(format('OPERATOR(%I.%s)', n.nspname, o.oprname) ORDER BY position) FROM unnest(k.conpfeqop) WITH ORDINALITY AS e(operator, position), pg_operator o, pg_namespace n WHERE o.oid = e.operator AND n.oid = o.oprnamespace),
        'parents', (SELECT json_agg(format('OPERATOR(%I.%s)', n.nspname, o.oprname) ORDER BY position) FROM unnest(k.conppeqop) WITH ORDINALITY AS e(operator, position), pg_operator o, pg_namespace n WHERE o.oid = e.operator AND n.oid = o.oprnamespace),
        'children', (SELECT json_agg(format('OPERATOR(%I.%s)', n.nspname, o.oprname) ORDER BY position) FROM unnest(k.conffeqop) WITH ORDINALITY AS e(operator, position), pg_operator o, pg_namespace n WHERE o.oid = e.operator AND n.oid = o.oprnamespace),
        'setColumns', (SELECT json_agg(a.attname) FROM unnest(k.confdelsetcols) AS n(attnum), attributes a WHERE a.attrelid = k.conrelid AND a.attnum = n.attnum)) ORDER BY k.oid)
      FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.conenforced AND k.conparentid = 0), '[]'),
    'triggers', coalesce((SELECT json_agg(json_build_object('name', tgname,
        'on', array_to_json(array_remove(ARRAY[CASE WHEN tgtype & 4 <> 0 THEN 'insert' END, CASE WHEN tgtype & 16 <> 0 THEN 'update' END,
          CASE WHEN tgtype & 8 <> 0 THEN 'delete' END, CASE WHEN tgtype & 32 <> 0 THEN 'truncate' END], NULL)),
        'isBeforeRow', tgtype & 3 = 3 AND tgtype & 64 = 0,
        'columns', coalesce((SELECT json_agg(attname ORDER BY attnum) FROM attributes a WHERE a.attrelid = c.oid AND a.attnum = ANY (tgattr)), '[]'),
        'definition', pg_get_triggerdef(t.oid), 'language', lanname, 'source', prosrc, 'configured', proconfig IS NOT NULL OR prosecdef) ORDER BY tgname)
      FROM pg_trigger t JOIN pg_proc p ON p.oid = tgfoid JOIN pg_language l ON l.oid = prolang
     WHERE tgrelid = c.oid AND NOT tgisinternal AND tgenabled IN ('O', 'A')), '[]'),
    'others', coalesce((SELECT json_agg(conname ORDER BY conname) FROM pg_constraint
                         WHERE conrelid = c.oid AND contype NOT IN ('c', 'f', 'p', 'u', 'n', 'x', 't')), '[]'),
    'kind', json_build_object('partitioned', c.relkind = 'p', 'partition', c.relispartition, 'forcesPolicies', c.relrowsecurity AND c.relforcerowsecurity,
      'inherits', EXISTS (SELECT FROM pg_inherits WHERE c.oid IN (inhrelid, inhparent)),
      'rules', coalesce((SELECT json_agg(rulename ORDER BY rulename) FROM pg_rewrite WHERE ev_class = c.oid), '[]'))
  ) ORDER BY c.oid) FROM tables c), '[]'),
  'sequences', coalesce((SELECT json_agg(json_build_object('name', c.relname, 'schema', n.schema, 'shown', n.shown, 'increment', s.seqincrement::text, 'min', s.seqmin::text, 'max', s.seqmax::text, 'cache', s.seqcache::text, 'cycles', s.seqcycle) ORDER BY c.oid)
     FROM pg_class c JOIN names n USING (oid) JOIN pg_sequence s ON s.seqrelid = c.oid), '[]'),
  'plain', NOT EXISTS (SELECT FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema$|public$|lastseat$)')
     AND NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind NOT IN ('r', 'i', 'S', 't'))
     AND NOT EXISTS (SELECT FROM pg_proc WHERE pronamespace = 'public'::regnamespace)
     AND NOT EXISTS (SELECT FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype IN ('d', 'e', 'r', 'm')),
  'volatile', (SELECT json_agg(DISTINCT proname) FROM pg_proc
     WHERE (provolatile = 'v' OR prokind = 'p') AND pronamespace IN ('pg_catalog'::regnamespace, 'public'::regnamespace)
       AND proname NOT IN (SELECT proname FROM pg_proc WHERE pronamespace = 'lastseat'::regnamespace)))::text`;
