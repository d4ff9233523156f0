import pg from 'pg';
import { UnmodelledError } from '../contract.js';
import { plainValue } from '../plain-value.js';
import { typeOid } from '../type-names.js';
import { SqlError } from './sql-error.js';

/** Types that pg-mem is asked about. `null` is the type of a bare NULL. */
type PlainType = 'int2' | 'int4' | 'int8' | 'numeric' | 'text' | 'varchar' | 'bool' | 'timestamptz' | 'uuid' | 'void' | 'null';

/** Any other of PostgreSQL's types, by its name in pg_type: PGlite alone knows its values. */
export type SqlType = PlainType | (string & {});

/**
 * A value as the layer keeps it: integers of every width are numbers, `timestamptz` an ISO 8601 string in UTC where whole milliseconds of the years 1000
 * to 9999 say it; all others are as PostgreSQL writes them, as text.
 */
export type Value = number | string | boolean | null;

const NAMES: Readonly<Record<string, SqlType>> = {
  int2: 'int2',
  smallint: 'int2',
  int: 'int4',
  int4: 'int4',
  integer: 'int4',
  serial: 'int4',
  int8: 'int8',
  bigint: 'int8',
  bigserial: 'int8',
  text: 'text',
  varchar: 'varchar',
  'character varying': 'varchar',
  bool: 'bool',
  boolean: 'bool',
  timestamptz: 'timestamptz',
  'timestamp with time zone': 'timestamptz',
  uuid: 'uuid',
};

export function typeByName(name: string): SqlType {
  const type = NAMES[name.toLowerCase()];
  if (type === undefined) throw new UnmodelledError(`type ${name}`);
  return type;
}

const INTEGER_RANK: Readonly<Record<string, number>> = { int2: 0, int4: 1, int8: 2, numeric: 3 };

export const isInteger = (type: SqlType): boolean => type === 'int2' || type === 'int4' || type === 'int8';
export const isNumber = (type: SqlType): boolean => INTEGER_RANK[type] !== undefined;
export const isText = (type: SqlType): boolean => type === 'text' || type === 'varchar';

/** The type of two operands side by side: the wider number, or the one that both are. */
export function commonType(left: SqlType, right: SqlType): SqlType {
  if (left === right || right === 'null') return left;
  if (left === 'null') return right;
  if (isNumber(left) && isNumber(right)) return INTEGER_RANK[left]! > INTEGER_RANK[right]! ? left : right;
  if (isText(left) && isText(right)) return 'text';
  throw new UnmodelledError(`${left} and ${right} in one expression`);
}

const LIMITS: Readonly<Record<string, { low: number; high: number; name: string }>> = {
  int2: { low: -32768, high: 32767, name: 'smallint' },
  int4: { low: -2147483648, high: 2147483647, name: 'integer' },
};

/** Checks an integer against its type; beyond what JavaScript counts exactly the model does not answer. */
export function checkRange(value: Value, type: SqlType): Value {
  if (typeof value !== 'number') return value;
  if (!Number.isInteger(value)) throw new UnmodelledError(`a fraction where ${type} was expected`);
  const limit = LIMITS[type];
  if (limit !== undefined && (value < limit.low || value > limit.high)) throw new SqlError('22003', `${limit.name} out of range`);
  if (!Number.isSafeInteger(value)) throw new UnmodelledError('an integer beyond 2^53');
  return value;
}

const TYPE_TITLES: Readonly<Record<string, string>> = {
  int2: 'smallint',
  int4: 'integer',
  int8: 'bigint',
  bool: 'boolean',
  timestamptz: 'timestamp with time zone',
};

const invalid = (type: SqlType, text: string) =>
  new SqlError('22P02', `invalid input syntax for type ${TYPE_TITLES[type] ?? type}: "${text}"`);

/** Reads a parameter as the server would: `pg` sends text, and the statement decides its type. */
export function readParameter(value: unknown, type: SqlType): Value {
  if (value === null || value === undefined) return null;
  if (typeof value === 'object' && !(value instanceof Date && type === 'timestamptz'))
    throw new UnmodelledError(`an object as a parameter of type ${type}`);
  const text = value instanceof Date ? value.toISOString() : String(value);
  switch (type) {
    case 'int2':
    case 'int4':
    case 'int8': {
      if (!/^\s*[-+]?\d+\s*$/.test(text)) throw invalid(type, text);
      const number = Number(text);
      const limit = LIMITS[type];
      if ((limit !== undefined && (number < limit.low || number > limit.high)) || Math.abs(number) > 2 ** 63)
        throw new SqlError('22003', `value "${text}" is out of range for type ${TYPE_TITLES[type]}`);
      return checkRange(number, type);
    }
    case 'bool': {
      const lower = text.trim().toLowerCase();
      if (['t', 'true', 'y', 'yes', 'on', '1'].includes(lower)) return true;
      if (['f', 'false', 'n', 'no', 'off', '0'].includes(lower)) return false;
      throw invalid('bool', text);
    }
    case 'timestamptz': {
      const time = value instanceof Date ? value.getTime() : Date.parse(text);
      if (!/^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[-+]\d\d(:?\d\d)?))?$/.test(text) || Number.isNaN(time))
        throw new UnmodelledError(`the time stamp "${text}": write it in ISO 8601 with a zone, to the millisecond`);
      return new Date(time).toISOString();
    }
    case 'uuid': {
      if (!/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(text)) throw invalid('uuid', text);
      return text.toLowerCase();
    }
    case 'numeric':
      throw new UnmodelledError('a parameter of type numeric');
    default:
      return text;
  }
}

/** Values of these types, and of no others, are what pg-mem may be asked about. */
export const isPlain = (type: SqlType): boolean => PLAIN.has(type);
const PLAIN = new Set<string>(['int2', 'int4', 'int8', 'text', 'varchar', 'bool', 'timestamptz', 'uuid', 'void']);

/** A value as PostgreSQL writes it, in the layer's form. */
export function fromText(text: string | null, type: SqlType): Value {
  if (text === null) return null;
  if (isInteger(type)) return checkRange(Number(text), type);
  if (type === 'bool') return text === 't';
  if (type !== 'timestamptz') return text;
  const match = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d{1,3})?)\+00$/.exec(text);
  if (match === null) return text;
  return new Date(`${match[1]}T${match[2]}Z`).toISOString();
}

/** A value as a parameter or a literal of PostgreSQL's. */
export const toText = (value: Value): string | null => (value === null ? null : String(value));

/** A value as the server writes it. */
export function toServerText(value: Value, type: SqlType): string | null {
  if (value === null) return null;
  if (typeof value === 'boolean') return value ? 't' : 'f';
  return type === 'timestamptz' && ISO_MOMENT.test(String(value))
    ? String(value)
        .replace('T', ' ')
        .replace(/\.?0*Z$/, '+00')
    : String(value);
}

const ISO_MOMENT = /^\d{4}-\d\d-\d\dT/;

/** A value as a reply shows it: what `pg` makes of PostgreSQL's text, with dates as ISO strings. */
export function toReplyValue(value: Value, type: SqlType): unknown {
  if (value === null) return null;
  const isMoment = type === 'timestamptz' && !ISO_MOMENT.test(String(value));
  if (PLAIN.has(type) && !isMoment) return type === 'int8' ? String(value) : value;
  return plainValue(pg.types.getTypeParser(typeOid(type), 'text')(String(value)));
}
