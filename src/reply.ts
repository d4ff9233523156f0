import type { QueryResult, Row } from './context.js';

/** A column of a result; `type` is PostgreSQL's name for it (`int4`, `int8`, `text`, `timestamptz`, ...). */
export interface Field {
  readonly name: string;
  readonly type: string;
}

/** What a statement answered. Values are JSON: integers are numbers, `int8` and `numeric` strings, dates ISO 8601 strings. */
export interface ResultReply {
  readonly kind: 'result';
  readonly command: string;
  readonly rowCount: number | null;
  readonly fields: readonly Field[];
  readonly rows: readonly (readonly unknown[])[];
}

/** An error of the database, or of a store or cache. `code` is the SQLSTATE, or a stable name such as `ENOENT`. */
export interface ErrorReply {
  readonly kind: 'error';
  readonly code: string;
  readonly message: string;
  readonly constraint: string | null;
  readonly table: string | null;
}

/** What a store or cache call answered. */
export interface ValueReply {
  readonly kind: 'value';
  readonly value: unknown;
}

export type Reply = ResultReply | ErrorReply | ValueReply;

/** The error that an operation sees: shaped as `pg`'s DatabaseError. */
class DatabaseError extends Error {
  readonly severity = 'ERROR';
  readonly code: string;
  readonly constraint: string | undefined;
  readonly table: string | undefined;

  constructor(reply: ErrorReply) {
    super(reply.message);
    this.name = 'error';
    this.code = reply.code;
    this.constraint = reply.constraint ?? undefined;
    this.table = reply.table ?? undefined;
  }
}

/** SQLSTATEs of class 08, for what no server says but the driver: `pg` has a message for each, and no code. */
export const CONNECTION_LOST = error('08006', 'Connection terminated unexpectedly');
export const NOT_CONNECTED = error('08003', 'Client has encountered a connection error and is not queryable');

/** What somebody hears whose session an administrator ends while his statement is under way (postgres.c, ProcessInterrupts). */
export const TERMINATED: ErrorReply = error('57P01', 'terminating connection due to administrator command');

/** Why a statement that waits is given up, in PostgreSQL's words. */
export type Cancellation = 'user request' | 'statement timeout' | 'lock timeout';

/** What comes of it (postgres.c, ProcessInterrupts). */
export const cancelled = (because: Cancellation): ErrorReply =>
  error(because === 'lock timeout' ? '55P03' : '57014', `canceling statement due to ${because}`);

function error(code: string, message: string): ErrorReply {
  return { kind: 'error', code, message, constraint: null, table: null };
}

/** The error that an operation sees. That its connection is lost it learns as from `pg`: by the message alone. */
export const toError = (reply: ErrorReply): Error => (reply.code.startsWith('08') ? new Error(reply.message) : new DatabaseError(reply));

const DATES = new Set(['timestamptz', 'timestamp', 'date']);

/** The result as `pg` gives it: objects by column name, or lists of values (`rowMode: 'array'`), and fresh `Date`s. */
export function toQueryResult(reply: ResultReply, asArrays = false): QueryResult<Row | unknown[]> {
  const { command, rowCount, fields } = reply;
  const rows = reply.rows.map((values) =>
    asArrays ? fields.map((field, index) => toValue(field, values[index], true)) : toRow(fields, values, true),
  );
  return { command, rowCount, rows };
}

/** Rows as objects, dates left as ISO strings. */
export function plainRows(reply: ResultReply): Row[] {
  return reply.rows.map((values) => toRow(reply.fields, values, false));
}

function toRow(fields: readonly Field[], values: readonly unknown[], dates: boolean): Row {
  const row: Row = {};
  fields.forEach((field, index) => {
    row[field.name] = toValue(field, values[index], dates);
  });
  return row;
}

const toValue = (field: Field, value: unknown, dates: boolean): unknown =>
  dates && typeof value === 'string' && DATES.has(field.type) ? new Date(value) : copy(value);

/** A row of `pg`'s with its dates as ISO strings. */
export function plainValues(row: Row): Row {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value instanceof Date ? momentText(value) : value]));
}

function copy(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? structuredClone(value) : value;
}

/** Two replies are the same when these are. */
export function replyKey(reply: Reply): string {
  return JSON.stringify(
    reply.kind === 'result'
      ? [reply.command, reply.rowCount, reply.fields.map((field) => field.name), reply.rows]
      : reply.kind === 'error'
        ? [reply.code, reply.message, reply.constraint, reply.table]
        : [reply.value ?? null],
  );
}

/**
 * Rows in an order that depends on their content only. PostgreSQL promises no order without ORDER BY, so none may reach an actor:
 * both engines answer with this one.
 */
export function inContentOrder(rows: readonly (readonly unknown[])[]): readonly (readonly unknown[])[] {
  if (rows.length < 2) return rows;
  return rows
    .map((row) => [JSON.stringify(row), row] as const)
    .sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0))
    .map(([, row]) => row);
}

/** A moment as text; one that JavaScript does not know (`5874897-12-31`) is no date to `pg` either. */
const momentText = (date: Date): string => (Number.isNaN(date.getTime()) ? 'Invalid Date' : date.toISOString());
