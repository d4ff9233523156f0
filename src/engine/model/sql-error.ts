import type { ErrorReply } from '../../reply.js';

/** An error that PostgreSQL raises, with its SQLSTATE. Thrown inside the layer, and an error reply outside it. */
export class SqlError extends Error {
  readonly code: string;
  readonly constraint: string | null;
  readonly table: string | null;

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
