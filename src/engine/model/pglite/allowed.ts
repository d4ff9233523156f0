/**
 * What PostgreSQL's analysed trees may be made of, where PGlite's answer is taken for the server's. A kind of node, a function or a type that is not
 * listed makes a statement refused: what is new in a version of PostgreSQL is refused until somebody has looked at it.
 */

/** Nodes of parsenodes.h and primnodes.h, as outfuncs.c names them. */
export const KNOWN_NODES: ReadonlySet<string> = new Set(
  (
    'QUERY FROMEXPR RANGETBLENTRY RANGETBLREF RANGETBLFUNCTION RTEPERMISSIONINFO JOINEXPR ALIAS TARGETENTRY SORTGROUPCLAUSE COMMONTABLEEXPR SETOPERATIONSTMT ' +
    'ROWMARKCLAUSE ONCONFLICTEXPR INFERENCEELEM WINDOWCLAUSE GROUPINGSET GROUPINGFUNC ' +
    'VAR CONST PARAM OPEXPR FUNCEXPR NAMEDARGEXPR AGGREF WINDOWFUNC SUBLINK BOOLEXPR BOOLEANTEST NULLTEST DISTINCTEXPR NULLIFEXPR SCALARARRAYOPEXPR ' +
    'CASEEXPR CASEWHEN CASETESTEXPR COALESCEEXPR MINMAXEXPR ARRAYEXPR ROWEXPR ROWCOMPAREEXPR SUBSCRIPTINGREF FIELDSELECT FIELDSTORE ' +
    'RELABELTYPE COERCEVIAIO ARRAYCOERCEEXPR CONVERTROWTYPEEXPR COERCETODOMAIN COERCETODOMAINVALUE COLLATEEXPR SETTODEFAULT ' +
    'JSONVALUEEXPR JSONCONSTRUCTOREXPR JSONISPREDICATE JSONFORMAT JSONRETURNING JSONBEHAVIOR JSONEXPR'
  ).split(' '),
);

/** Kinds of range table entries: relation, subquery, join, function, VALUES, WITH query, none, and the grouping of 18. */
export const KNOWN_RANGES: ReadonlySet<string> = new Set(['0', '1', '2', '3', '5', '6', '8', '9']);

/**
 * Built-in functions that are STABLE for the sake of settings which are the same in PGlite and in every session of ours (time zone, styles,
 * encoding), or of types that a schema cannot change meanwhile. IMMUTABLE ones need no list; all others are refused.
 */
export const STEADY: ReadonlySet<string> = new Set(
  (
    'anytextcat textanycat concat concat_ws format quote_literal quote_nullable array_to_string array_to_json to_json to_jsonb row_to_json length ' +
    'json_agg json_agg_strict json_object_agg json_object_agg_strict json_object_agg_unique json_object_agg_unique_strict json_build_array json_build_object ' +
    'jsonb_agg jsonb_agg_strict jsonb_build_array jsonb_build_object json_populate_record json_populate_recordset json_to_record json_to_recordset ' +
    'jsonb_populate_record jsonb_populate_recordset jsonb_to_record jsonb_to_recordset jsonb_object_agg jsonb_object_agg_strict jsonb_object_agg_unique ' +
    'jsonb_object_agg_unique_strict jsonb_path_exists_tz jsonb_path_match_tz jsonb_path_query_tz jsonb_path_query_array_tz jsonb_path_query_first_tz ' +
    'convert convert_from convert_to enum_first enum_last enum_range ' +
    'date time timetz timestamp timestamptz timezone date_add date_subtract date_part date_trunc extract to_char to_date to_number to_timestamp ' +
    'make_timestamptz overlaps generate_series in_range interval_pl_timestamptz timestamptz_mi_interval timestamptz_pl_interval ' +
    ['date', 'timestamp'].map((type) => six(type, 'timestamptz')).join(' ') +
    ' ' +
    ['date', 'timestamp'].map((type) => six('timestamptz', type)).join(' ') +
    ' to_tsquery plainto_tsquery phraseto_tsquery websearch_to_tsquery to_tsvector ts_headline'
  ).split(' '),
);

function six(left: string, right: string): string {
  return ['eq', 'ne', 'lt', 'le', 'gt', 'ge', 'cmp'].map((name) => `${left}_${name}_${right}`).join(' ');
}

/** IMMUTABLE, and all the same not the server's answer: they tell of the machine or of how a value is stored. */
export const OF_THE_MACHINE: ReadonlySet<string> = new Set(['pg_column_size', 'pg_size_pretty', 'ts_rewrite', 'ts_stat']);

/**
 * Functions over double precision, by what they are in C, that PostgreSQL leaves to the C library. PGlite's differs from a server's in the last digit
 * (SELECT ||/ 27::float8 is 3 with one and 3.0000000000000004 with the other).
 */
export const OF_THE_C_LIBRARY: ReadonlySet<string> = new Set(
  (
    'dexp dlog1 dlog10 dpow dcbrt dsin dcos dtan dcot dasin dacos datan datan2 dsinh dcosh dtanh dasinh dacosh datanh ' +
    'dsind dcosd dtand dcotd dasind dacosd datand datan2d derf derfc dgamma dlgamma'
  ).split(' '),
);

/** Comparisons that give what the C library's memcmp gives: of that only the sign is the same everywhere. */
export const OF_MEMCMP: ReadonlySet<string> = new Set(
  (
    'btnamecmp bttextcmp btnametextcmp bttextnamecmp bpcharcmp bitcmp network_cmp byteacmp bttext_pattern_cmp btbpchar_pattern_cmp ' +
    'uuid_cmp jsonb_cmp range_cmp multirange_cmp tsvector_cmp tsquery_cmp'
  ).split(' '),
);

/** A function that does something else before a major version of PostgreSQL than from that one on. */
export interface Changed {
  readonly since: number;
  /** What it is, in a sentence: `the cast of jsonb`. */
  readonly what: string;
}

/** By what they are in C. */
export const CHANGED: ReadonlyMap<string, Changed> = new Map([
  // Since then the null of JSON is NULL, and was an error before.
  ...['bool', 'numeric', 'int2', 'int4', 'int8', 'float4', 'float8'].map(
    (name) => [`jsonb_${name}`, { since: 18, what: `the cast of jsonb to ${name}` }] as const,
  ),
  // Since then it is immutable: of constants it is worked out, and fails, where the statement is planned, whether or not any row needs it.
  ['timestamptz_trunc_zone', { since: 16, what: 'date_trunc with a time zone' }],
]);

/** Types whose values are object ids, places or transactions of one server. */
export const TYPES_OF_ONE_SERVER: ReadonlyMap<string, string> = new Map(
  Object.entries({
    24: 'regproc',
    26: 'oid',
    27: 'tid',
    28: 'xid',
    29: 'cid',
    142: 'xml',
    1790: 'refcursor',
    2202: 'regprocedure',
    2203: 'regoper',
    2204: 'regoperator',
    2205: 'regclass',
    2206: 'regtype',
    2970: 'txid_snapshot',
    3220: 'pg_lsn',
    3734: 'regconfig',
    3769: 'regdictionary',
    4089: 'regnamespace',
    4096: 'regrole',
    4191: 'regcollation',
    5038: 'pg_snapshot',
    5069: 'xid8',
  }),
);
/** One of them is a constant of text search functions: which configuration they use. */
export const CONFIGURATION_TYPE = '3734';
