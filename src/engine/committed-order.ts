import type { Row } from '../context.js';

/** A column as committed states show it; `type` is PostgreSQL's name for it. */
interface OrderedColumn {
  readonly name: string;
  readonly type: string;
}

/**
 * The order of a table's committed rows where no primary key gives one: by all columns, from the first on. It is ours and not PostgreSQL's, so that
 * it holds for every type and is the same on both engines: numbers by size, everything else by its text, NULL last.
 */
export function byAllColumns(columns: readonly OrderedColumn[]): (left: Row, right: Row) => number {
  return (left, right) => {
    for (const { name, type } of columns) {
      const order = compare(left[name], right[name], DIGITS.has(type));
      if (order !== 0) return order;
    }
    return 0;
  };
}

/** Types whose values lie in the same order by their text, or as JavaScript's numbers, as PostgreSQL has them. */
const SORTED_ALIKE = new Set(['int2', 'int4', 'int8', 'text', 'varchar', 'bool', 'uuid', 'date', 'time', 'timestamp', 'timestamptz']);

/** Whether a table's rows come in the order of its primary key; else they come in an order of ours, by the key's columns first. */
export const isInKeyOrder = (key: readonly OrderedColumn[]): boolean => key.length > 0 && key.every(({ type }) => SORTED_ALIKE.has(type));

/** Numbers that are shown as text, since JSON's are too small for them. */
const DIGITS = new Set(['int8', 'numeric']);

function compare(left: unknown, right: unknown, digits: boolean): number {
  if (left === right) return 0;
  if (left == null || right == null) return left == null ? 1 : -1;
  if (typeof left === 'number' && typeof right === 'number') return left - right;
  if (digits && size(left) !== size(right)) return size(left) < size(right) ? -1 : 1;
  const [one, other] = [asText(left), asText(right)];
  return one < other ? -1 : one > other ? 1 : 0;
}

/** Of NaN too: to PostgreSQL it is larger than all numbers. */
const size = (digits: unknown): number => (digits === 'NaN' ? Number.POSITIVE_INFINITY : Number(digits));
const asText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
