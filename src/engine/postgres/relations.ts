import type { Row } from '../../context.js';

/** A table, sequence or view, in any schema that is not the server's, an extension's or ours. */
export interface Relation {
  readonly schema: string;
  readonly name: string;
}

export interface TableColumn {
  readonly name: string;
  /** Of a domain: the type below it. */
  readonly type: string;
  readonly generated: boolean;
}

export interface StoredTable extends Relation {
  readonly columns: readonly TableColumn[];
  /** Columns of the primary key; none where there is none. */
  readonly key: readonly string[];
  /** Has no rows of its own: they lie in its partitions. */
  readonly partitioned: boolean;
  readonly partition: boolean;
  /** Tables that its foreign keys refer to, as {@link nameOf} names them. */
  readonly parents: readonly string[];
  /** Its own triggers, and how each is enabled: `O` where it fires for ordinary sessions, `A` always, `R` for replicas, `D` never. */
  readonly triggers: readonly { readonly name: string; readonly enabled: string }[];
  readonly rules: readonly { readonly name: string; readonly enabled: string }[];
}

export interface MaterializedView extends Relation {
  readonly populated: boolean;
}

/** What a schema has made that holds something. */
export interface Relations {
  readonly tables: readonly StoredTable[];
  readonly sequences: readonly Relation[];
  readonly views: readonly MaterializedView[];
}

export const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;
/** As SQL names it, wherever the search path leads. */
export const qualified = ({ schema, name }: Relation): string => `${quote(schema)}.${quote(name)}`;
/** As committed states name it. */
export const nameOf = ({ schema, name }: Relation): string => (schema === 'public' ? name : `${schema}.${name}`);

export async function readRelations(session: { query(sql: string): Promise<Row[]> }): Promise<Relations> {
  const [row] = await session.query(RELATIONS);
  return row!.relations as Relations;
}

/** What an extension brings is its own affair: it belongs to no schema's text. */
const OURS = (relation: string) => `
  ${relation}.relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'lastseat'))
  AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = ${relation}.oid AND d.deptype = 'e')`;

/** Of the domain t, which may be over another domain. */
const BASE_TYPE = `(WITH RECURSIVE bases AS (
    SELECT t.typbasetype AS oid UNION ALL SELECT d.typbasetype FROM bases JOIN pg_type d ON d.oid = bases.oid AND d.typtype = 'd'
  ) SELECT b.typname FROM bases JOIN pg_type b ON b.oid = bases.oid WHERE b.typtype <> 'd')`;

const RELATIONS = `
SELECT json_build_object(
  'tables', coalesce((SELECT json_agg(json_build_object(
      'schema', n.nspname, 'name', c.relname,
      'columns', coalesce((SELECT json_agg(json_build_object('name', a.attname, 'type', CASE t.typtype WHEN 'd' THEN ${BASE_TYPE} ELSE t.typname END, 'generated', a.attgenerated <> '') ORDER BY a.attnum)
         FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '[]'),
      'key', coalesce((SELECT json_agg(a.attname ORDER BY k.position)
         FROM pg_index i, unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, position), pg_attribute a
        WHERE i.indrelid = c.oid AND i.indisprimary AND k.position <= i.indnkeyatts AND a.attrelid = c.oid AND a.attnum = k.attnum), '[]'),
      'partitioned', c.relkind = 'p', 'partition', c.relispartition,
      'parents', coalesce((SELECT json_agg(DISTINCT CASE pn.nspname WHEN 'public' THEN p.relname ELSE pn.nspname || '.' || p.relname END)
         FROM pg_constraint k JOIN pg_class p ON p.oid = k.confrelid JOIN pg_namespace pn ON pn.oid = p.relnamespace
        WHERE k.conrelid = c.oid AND k.contype = 'f'), '[]'),
      'triggers', coalesce((SELECT json_agg(json_build_object('name', tgname, 'enabled', tgenabled) ORDER BY oid) FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal), '[]'),
      'rules', coalesce((SELECT json_agg(json_build_object('name', rulename, 'enabled', ev_enabled) ORDER BY oid) FROM pg_rewrite WHERE ev_class = c.oid), '[]')
    ) ORDER BY c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND ${OURS('c')}), '[]'),
  'sequences', coalesce((SELECT json_agg(json_build_object('schema', n.nspname, 'name', c.relname) ORDER BY c.oid)
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'S' AND ${OURS('c')}), '[]'),
  'views', coalesce((SELECT json_agg(json_build_object('schema', n.nspname, 'name', c.relname, 'populated', c.relispopulated) ORDER BY c.oid)
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'm' AND ${OURS('c')}), '[]')
) AS relations`;
