/** What a function may do besides computing a value: of PostgreSQL's own, those that are known; of the schema's, nothing is known. */
import type { Access } from '../footprint.js';
import { isNode, type NodeValue } from '../node-tree.js';
import { type CalledFunction, FIRST_OWN_OID } from './catalogue.js';
import { knownValue } from './values.js';

/** `nothing`, a sequence, an advisory lock and in which form, or what no tree shows. */
export type Called = 'nothing' | 'hides' | 'sequence' | 'advisory' | 'shared advisory';

export const ADVISORY: ReadonlySet<Called> = new Set<Called>(['advisory', 'shared advisory']);

/** Functions of sequences that name theirs. lastval tells only what its own session has drawn. */
const OF_SEQUENCES: ReadonlySet<string> = new Set(['nextval', 'currval', 'setval', 'pg_sequence_last_value']);
/** VOLATILE or STABLE, and all the same nothing that others do shows in them. */
const OWN_AFFAIR: ReadonlySet<string> = new Set(
  (
    'random gen_random_uuid uuidv4 uuidv7 clock_timestamp timeofday statement_timestamp now transaction_timestamp age lastval setseed pg_sleep ' +
    'pg_notify set_config current_setting pg_backend_pid version current_database current_schema current_schemas current_user session_user ' +
    'getpgusername pg_typeof format_type random_normal'
  ).split(' '),
);
/** STABLE functions that look into the catalogue, run queries, or tell of transactions and of the server. */
const LOOKS_ELSEWHERE =
  /^(pg_|has_|txid_|row_security|to_reg|reg|query_to_|table_to_|schema_to_|database_to_|cursor_to_|obj_desc|col_desc|shobj|inet_(client|server)|currtid|lo_|ts_|loread|lowrite|ginb|brin)/;

export function called({ oid, schema, name, volatility, language }: CalledFunction): Called {
  if (schema === 'lastseat') return 'nothing';
  if (Number(oid) >= FIRST_OWN_OID) return language === 'c' && volatility === 'i' ? 'nothing' : 'hides';
  if (OF_SEQUENCES.has(name)) return 'sequence';
  if (/advisory/.test(name)) return /shared/.test(name) ? 'shared advisory' : 'advisory';
  if (volatility === 'i' || OWN_AFFAIR.has(name)) return 'nothing';
  return volatility === 's' && !LOOKS_ELSEWHERE.test(name) ? 'nothing' : 'hides';
}

/** For an advisory lock whose key is not known. */
export const ANY_KEY = '*';

export function advisoryAccess(what: Called, values: NodeValue | undefined, parameters: readonly (string | null)[]): Access {
  const keys = (Array.isArray(values) ? (values as readonly NodeValue[]) : []).map((value) => wholeNumber(value, parameters));
  return { kind: 'advisory', key: keyOf(keys), shared: what === 'shared advisory' };
}

function wholeNumber(value: NodeValue, parameters: readonly (string | null)[]): bigint | null {
  const known = knownValue(value, parameters);
  return typeof known === 'string' && /^-?\d+$/.test(known) ? BigInt(known) : null;
}

/** As pg_locks has it: a key of 64 bits in two halves, and 1; or two keys, and 2 (lockfuncs.c, SET_LOCKTAG_INT64). */
function keyOf(keys: readonly (bigint | null)[]): string {
  if (keys.length === 0 || keys.length > 2 || keys.includes(null)) return ANY_KEY;
  const [first, second] = keys as readonly bigint[];
  const half = (number: bigint) => BigInt.asUintN(32, number);
  return second === undefined ? `${half(first! >> 32n)} ${half(first!)} 1` : `${half(first!)} ${half(second)} 2`;
}

/** The object id of the sequence that is a function's first argument; null where that is not a constant. */
export function sequenceIn(values: NodeValue | undefined): string | null {
  const first = Array.isArray(values) ? (values as readonly NodeValue[])[0] : undefined;
  const bytes = isNode(first) && first.kind === 'CONST' ? first.fields.get('constvalue') : null;
  if (!Array.isArray(bytes)) return null;
  return String((bytes as readonly string[]).slice(2, 6).reduceRight((sum, byte) => sum * 256 + (Number(byte) & 255), 0));
}
