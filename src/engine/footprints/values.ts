/** Values of a statement as committed states show them, as far as equal values have equal texts. */
import { isNode, type Node, type NodeValue } from '../node-tree.js';

/** Whole numbers, text, uuid, boolean and date, by oid (pg_type.dat). */
type Kind = 'integer' | 'text' | 'uuid' | 'bool' | 'date';
const KINDS: Readonly<Record<string, Kind>> = {
  16: 'bool',
  20: 'integer',
  21: 'integer',
  23: 'integer',
  25: 'text',
  1043: 'text',
  1082: 'date',
  2950: 'uuid',
};

/** Functions behind `=` between two such values: of int2, int4 and int8 in all pairs, text, boolean, date and uuid (pg_proc.dat). */
export const EQUALITY: ReadonlySet<string> = new Set([
  '63',
  '65',
  '467',
  '158',
  '159',
  '852',
  '474',
  '1850',
  '1856',
  '67',
  '60',
  '1086',
  '2956',
]);

/** Undefined: not known. Null is SQL's NULL. */
export type Known = string | null | undefined;

/** Whether equal values of the type have equal texts. */
export const isPlainType = (oid: string): boolean => KINDS[oid] !== undefined;

/** A constant or a parameter, through casts that change nothing. */
export function knownValue(expression: NodeValue | undefined, values: readonly (string | null)[]): Known {
  if (!isNode(expression)) return undefined;
  const { kind, fields } = expression;
  if (kind === 'RELABELTYPE') {
    const inner = fields.get('arg');
    return isPlainType(String(fields.get('resulttype'))) ? knownValue(inner, values) : undefined;
  }
  if (kind === 'FUNCEXPR') return throughCast(fields, values);
  if (kind === 'PARAM') {
    const value = values[Number(fields.get('paramid')) - 1];
    if (fields.get('paramkind') !== '0' || value === undefined) return undefined;
    return value === null ? null : normalised(KINDS[String(fields.get('paramtype'))], value);
  }
  if (kind !== 'CONST') return undefined;
  if (fields.get('constisnull') === 'true') return null;
  const bytes = fields.get('constvalue');
  const type = KINDS[String(fields.get('consttype'))];
  return Array.isArray(bytes) && type !== undefined ? ofDatum(type, (bytes as readonly string[]).slice(2, -1).map(Number)) : undefined;
}

/** Casts between whole numbers change no value (pg_proc.dat); the length of a column only cuts spaces off the end, or refuses the value. */
function throughCast(fields: Node['fields'], values: readonly (string | null)[]): Known {
  const [inner, , explicit] = (fields.get('args') ?? []) as readonly NodeValue[];
  const cast = String(fields.get('funcid'));
  if (INTEGER_CASTS.has(cast)) return knownValue(inner, values);
  if (cast !== LENGTH_OF_VARCHAR || knownValue(explicit, values) !== 'false') return undefined;
  const value = knownValue(inner, values);
  return value == null || !value.endsWith(' ') ? value : undefined;
}

const INTEGER_CASTS: ReadonlySet<string> = new Set(['313', '314', '480', '481', '714', '754']);
const LENGTH_OF_VARCHAR = '669';

/** A parameter's text in the form in which PostgreSQL writes the value. */
function normalised(kind: Kind | undefined, text: string): Known {
  switch (kind) {
    case 'text':
      return text;
    case 'integer':
      return /^\s*[-+]?\d+\s*$/.test(text) ? String(BigInt(text.trim().replace(/^\+/, ''))) : undefined;
    case 'uuid':
      return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text) ? text.toLowerCase() : undefined;
    case 'bool':
      return text === 'true' || text === 't' ? 'true' : text === 'false' || text === 'f' ? 'false' : undefined;
    case 'date':
      return /^\d{4}-\d\d-\d\d$/.test(text) ? text : undefined;
    default:
      return undefined;
  }
}

/** A datum as trees write it: its bytes, the least significant first, or with a header of one or four bytes where its length is its own (outfuncs.c, outDatum). */
function ofDatum(kind: Kind, signed: readonly number[]): Known {
  const bytes = signed.map((byte) => byte & 255);
  switch (kind) {
    case 'bool':
      return bytes[0] === 0 ? 'false' : 'true';
    case 'integer':
      return String(wholeNumber(bytes));
    case 'date':
      return dateText(Number(BigInt.asIntN(32, wholeNumber(bytes))));
    case 'uuid': {
      const hex = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
      return bytes.length === 16 ? hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-') : undefined;
    }
    case 'text':
      return Buffer.from(bytes.slice((bytes[0]! & 1) === 1 ? 1 : 4)).toString('utf8');
  }
}

function wholeNumber(bytes: readonly number[]): bigint {
  const number = bytes.reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n);
  return BigInt.asIntN(8 * bytes.length, number);
}

/** Days since 2000. Years before 1 and after 9999, and infinity, are left out. */
function dateText(days: number): Known {
  const date = new Date(Date.UTC(2000, 0, 1) + days * 86_400_000);
  return Number.isNaN(date.getTime()) || date.getUTCFullYear() < 1 || date.getUTCFullYear() > 9999
    ? undefined
    : date.toISOString().slice(0, 10);
}
