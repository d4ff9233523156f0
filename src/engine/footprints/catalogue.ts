/** What has to be known of a schema to tell what a statement over it does, as one JSON document. Object ids are the database's. */

export interface Catalogue {
  readonly relations: readonly CatalogueRelation[];
  readonly foreignKeys: readonly CatalogueForeignKey[];
  /** Collations by which texts that differ may be equal. */
  readonly blurred: readonly string[];
  /** Something in user code runs where no tree shows it: checks of domains. */
  readonly hidesCode: boolean;
  /** Functions of the schema may do what leaves no lock behind: handlers of errors, advisory locks that were refused or given back, looking at others. */
  readonly leavesNoTrace: boolean;
}

export interface CatalogueRelation {
  readonly oid: string;
  /** With its schema; of a partition or a child, that of its topmost parent. */
  readonly name: string;
  /** As pg_class has it: `r` for a table, `i` an index, `S` a sequence, `v` a view, `t` TOAST. */
  readonly kind: string;
  readonly temporary: boolean;
  /** Of an index: its table. */
  readonly table: string | null;
  /** Of a view: its query. */
  readonly query: string | null;
  /** Other relations, rules, policies, or code of the schema's in its defaults, CHECKs or indexes: what is done with it is not what it seems. */
  readonly hides: boolean;
  /** Events on which its own triggers fire: `insert`, `update`, `delete`. */
  readonly triggers: readonly string[];
  readonly columns: readonly CatalogueColumn[];
  readonly unique: readonly CatalogueUnique[];
}

export interface CatalogueColumn {
  readonly number: number;
  readonly name: string;
  readonly type: string;
  readonly hasDefault: boolean;
  readonly generated: boolean;
  /** Its default is a new random UUID and nothing else. */
  readonly fresh: boolean;
  /** Sequences from which its default draws. */
  readonly draws: readonly string[];
}

export interface CatalogueUnique {
  /** Those by which rows are told apart, all of them for a unique index, those with `=` for an exclusion constraint. None where the index is partial or over expressions. */
  readonly columns: readonly string[];
  /** All columns that it depends on; null where it is partial or over expressions. */
  readonly depends: readonly string[] | null;
  /** A foreign key may refer to it: a change of its columns takes the stronger row lock. */
  readonly referable: boolean;
  /** It names one row. */
  readonly whole: boolean;
  readonly nullsNotDistinct: boolean;
}

export interface CatalogueForeignKey {
  readonly child: string;
  readonly parent: string;
  readonly columns: readonly string[];
  readonly parentColumns: readonly string[];
  /** As pg_constraint has it: `a` no action, `r` restrict, `c` cascade, `n` set null, `d` set default. */
  readonly onUpdate: string;
  readonly onDelete: string;
}

/** Functions that a tree calls, as pg_proc has them. */
export interface CalledFunction {
  readonly oid: string;
  readonly schema: string;
  readonly name: string;
  readonly volatility: string;
  readonly language: string;
}

/** SQL for functions by object id: one row each, in the order of {@link CalledFunction}. */
export const calledFunctions = (oids: readonly string[]): string => `
SELECT json_agg(json_build_object('oid', p.oid::text, 'schema', n.nspname, 'name', p.proname, 'volatility', p.provolatile, 'language', l.lanname))::text AS functions
  FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace JOIN pg_catalog.pg_language l ON l.oid = p.prolang
 WHERE p.oid IN (${oids.join()})`;

/** Ids of objects that somebody has made begin here (transam.h, FirstNormalObjectId). */
export const FIRST_OWN_OID = 16_384;

/** A function of the schema's, or of an extension's that is not in C. */
const OWN_CODE = (reference: string): string => `EXISTS (
  SELECT FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
   WHERE p.oid = ${reference} AND p.oid >= ${FIRST_OWN_OID} AND p.pronamespace <> 'lastseat'::regnamespace AND NOT (l.lanname = 'c' AND p.provolatile = 'i'))`;

/** In the text of a function: it may do, or depend on, what its transaction's locks do not show. */
export const LEAVES_NO_TRACE =
  '(exception\\s+when|try_advisory|advisory_unlock|search_path|pg_locks|pg_stat|txid_|pg_current_|snapshot|blocking|dblink|ctid|xmin|xmax|pg_class|commit|rollback)';

export const CATALOGUE = `
WITH RECURSIVE roots AS (
  SELECT c.oid, c.oid AS root FROM pg_class c WHERE c.oid >= ${FIRST_OWN_OID} AND NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = c.oid)
  UNION SELECT i.inhrelid, r.root FROM roots r JOIN pg_inherits i ON i.inhparent = r.oid
), own AS (
  SELECT DISTINCT ON (c.oid) c.*, rn.nspname || '.' || rc.relname AS shown
    FROM pg_class c JOIN roots r ON r.oid = c.oid JOIN pg_class rc ON rc.oid = r.root JOIN pg_namespace rn ON rn.oid = rc.relnamespace ORDER BY c.oid, r.root
)
SELECT json_build_object(
  'relations', coalesce((SELECT json_agg(json_build_object(
    'oid', c.oid::text, 'name', c.shown, 'kind', c.relkind, 'temporary', c.relpersistence = 't',
    'table', (SELECT indrelid::text FROM pg_index WHERE indexrelid = c.oid),
    'query', (SELECT ev_action::text FROM pg_rewrite WHERE ev_class = c.oid AND rulename = '_RETURN'),
    'hides', c.relkind NOT IN ('r', 'S', 'v') OR c.relrowsecurity
      OR EXISTS (SELECT FROM pg_inherits WHERE c.oid IN (inhrelid, inhparent))
      OR EXISTS (SELECT FROM pg_rewrite WHERE ev_class = c.oid AND rulename <> '_RETURN')
      OR EXISTS (SELECT FROM pg_depend d WHERE d.refclassid = 'pg_proc'::regclass AND ${OWN_CODE('d.refobjid')} AND (
           d.classid = 'pg_constraint'::regclass AND d.objid IN (SELECT oid FROM pg_constraint WHERE conrelid = c.oid)
        OR d.classid = 'pg_attrdef'::regclass AND d.objid IN (SELECT oid FROM pg_attrdef WHERE adrelid = c.oid)
        OR d.classid = 'pg_class'::regclass AND d.objid IN (SELECT indexrelid FROM pg_index WHERE indrelid = c.oid))),
    'triggers', coalesce((SELECT json_agg(DISTINCT event) FROM pg_trigger,
        unnest(array_remove(ARRAY[CASE WHEN tgtype & 4 <> 0 THEN 'insert' END, CASE WHEN tgtype & 8 <> 0 THEN 'delete' END, CASE WHEN tgtype & 16 <> 0 THEN 'update' END], NULL)) AS event
       WHERE tgrelid = c.oid AND NOT tgisinternal AND tgenabled IN ('O', 'A')), '[]'),
    'columns', coalesce((SELECT json_agg(json_build_object('number', a.attnum, 'name', a.attname, 'type', a.atttypid::text,
        'hasDefault', a.atthasdef OR a.attidentity <> '' OR EXISTS (SELECT FROM pg_type t WHERE t.oid = a.atttypid AND t.typdefault IS NOT NULL),
        'generated', a.attgenerated <> '',
        'fresh', coalesce(pg_get_expr(d.adbin, d.adrelid) IN ('gen_random_uuid()', 'lastseat.gen_random_uuid()'), false),
        'draws', coalesce((SELECT json_agg(DISTINCT q.shown) FROM pg_depend p, own q WHERE q.relkind = 'S' AND (
             p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid AND p.refclassid = 'pg_class'::regclass AND p.refobjid = q.oid
          OR p.classid = 'pg_class'::regclass AND p.objid = q.oid AND p.refobjid = c.oid AND p.refobjsubid = a.attnum AND p.deptype = 'i')), '[]')) ORDER BY a.attnum)
       FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
      WHERE c.relkind IN ('r', 'p') AND a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '[]'),
    'unique', coalesce((SELECT json_agg(json_build_object(
        'columns', CASE WHEN i.indexprs IS NOT NULL OR i.indpred IS NOT NULL THEN '[]'::json ELSE coalesce((
          SELECT json_agg(a.attname ORDER BY k.position) FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(number, position), pg_attribute a
           WHERE a.attrelid = c.oid AND a.attnum = k.number AND k.position <= i.indnkeyatts
             AND (x.conexclop IS NULL OR (SELECT oprname FROM pg_operator WHERE oid = x.conexclop[k.position]) = '=')
             AND a.atttypid IN (16, 20, 21, 23, 25, 1043, 1082, 2950)
             AND NOT EXISTS (SELECT FROM pg_collation l WHERE l.oid = i.indcollation[k.position - 1] AND NOT l.collisdeterministic)), '[]') END,
        'depends', CASE WHEN i.indexprs IS NULL AND i.indpred IS NULL THEN (SELECT json_agg(a.attname) FROM pg_attribute a
           WHERE a.attrelid = c.oid AND a.attnum = ANY (i.indkey::int2[])) END,
        'referable', i.indisunique AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL,
        'whole', i.indisunique AND NOT i.indisexclusion AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL
           AND (SELECT count(*) FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(number, position), pg_attribute a
             WHERE a.attrelid = c.oid AND a.attnum = k.number AND k.position <= i.indnkeyatts AND a.atttypid IN (16, 20, 21, 23, 25, 1043, 1082, 2950)
               AND NOT EXISTS (SELECT FROM pg_collation l WHERE l.oid = i.indcollation[k.position - 1] AND NOT l.collisdeterministic)) = i.indnkeyatts,
        'nullsNotDistinct', i.indnullsnotdistinct))
       FROM pg_index i LEFT JOIN pg_constraint x ON x.conindid = i.indexrelid AND x.contype IN ('x', 'p', 'u')
      WHERE i.indrelid = c.oid AND (i.indisunique OR i.indisexclusion)), '[]')) ORDER BY c.oid) FROM own c), '[]'),
  'foreignKeys', coalesce((SELECT json_agg(json_build_object('child', k.conrelid::text, 'parent', k.confrelid::text,
      'columns', (SELECT json_agg(a.attname ORDER BY position) FROM unnest(k.conkey) WITH ORDINALITY AS n(number, position), pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = n.number),
      'parentColumns', (SELECT json_agg(a.attname ORDER BY position) FROM unnest(k.confkey) WITH ORDINALITY AS n(number, position), pg_attribute a WHERE a.attrelid = k.confrelid AND a.attnum = n.number),
      'onUpdate', k.confupdtype, 'onDelete', k.confdeltype) ORDER BY k.oid) FROM pg_constraint k WHERE k.contype = 'f'), '[]'),
  'blurred', coalesce((SELECT json_agg(oid::text) FROM pg_collation WHERE NOT collisdeterministic), '[]'),
  'hidesCode', EXISTS (SELECT FROM pg_constraint k JOIN pg_depend d ON d.classid = 'pg_constraint'::regclass AND d.objid = k.oid
     WHERE k.contypid <> 0 AND d.refclassid = 'pg_proc'::regclass AND ${OWN_CODE('d.refobjid')}),
  'leavesNoTrace', EXISTS (SELECT FROM pg_extension WHERE extname IN ('dblink', 'postgres_fdw', 'file_fdw')) OR EXISTS (SELECT FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
     WHERE p.oid >= ${FIRST_OWN_OID} AND p.pronamespace <> 'lastseat'::regnamespace AND p.prokind IN ('f', 'p')
       AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
       AND (l.lanname NOT IN ('sql', 'plpgsql') OR p.prosrc ~* '${LEAVES_NO_TRACE}' OR pg_get_function_sqlbody(p.oid) ~* '${LEAVES_NO_TRACE}'))
)::text AS catalogue`;
