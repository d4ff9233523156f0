import type { ErrorReply } from '../../reply.js';
import type { Changed } from './pglite/allowed.js';

/** An error that PostgreSQL raises, with its SQLSTATE. Thrown inside the layer, and an error reply outside it. */
export class SqlError extends Error {
  readonly code: string;
  readonly constraint: string | null;
  readonly table: string | null;
  /** What of its statement does something else before a version, where it may be the cause. */
  changed: Changed | null = null;

  constructor(code: string, message: string, where: { constraint?: string; table?: string } = {}) {
    super(message);
    this.code = code;
    this.constraint = where.constraint ?? null;
    this.table = where.table ?? null;
  }

  toReply(): ErrorReply {
    return { kind: 'error', code: this.code, message: this.message, constraint: this.constraint, table: this.table };
  }
}
