import utils from 'pg/lib/utils.js';

/**
 * Parameters of a call, as they are at that moment, and so that they can be compared and written down as JSON. `pg` sends the same for them as for
 * what the operation gave: values of other kinds are put into text here as `pg` does it. Dates and buffers stay what they are, since `pg` decides late
 * how it sends them. Throws what `pg` throws for a value that it cannot send.
 */
export const plainParameters = (values: readonly unknown[]): readonly unknown[] => values.map(plain);

function plain(value: unknown): unknown {
  switch (typeof value) {
    case 'undefined':
      return null;
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'object':
      return value === null ? null : plainObject(value);
    default:
      return String(value);
  }
}

function plainObject(value: object): unknown {
  if (value instanceof Date) return new Date(value);
  if (ArrayBuffer.isView(value)) return Buffer.from(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
  if (Array.isArray(value)) return value.map(plain);
  const sent = utils.prepareValue(value);
  if (typeof sent !== 'string') return sent ?? null;
  // An object is kept as one where it is sent as its JSON: that reads better.
  const isJson = Object.getPrototypeOf(value) === Object.prototype && !('toJSON' in value) && !('toPostgres' in value);
  return isJson ? (JSON.parse(sent) as unknown) : sent;
}

/** The same text for the same parameters, and for those alone. */
export const parametersKey = (values: readonly unknown[]): string => JSON.stringify(values.map(keyed));

function keyed(value: unknown): unknown {
  if (value instanceof Date) return { date: value.getTime() };
  if (Buffer.isBuffer(value)) return { bytes: value.toString('hex') };
  if (Array.isArray(value)) return { array: value.map(keyed) };
  return typeof value === 'object' && value !== null ? { json: value } : value;
}
