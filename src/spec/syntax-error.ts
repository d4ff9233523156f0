/** Where something stands in a specification's text; both count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A text that is no specification: where it stops being one, and what should stand there. */
export class SpecSyntaxError extends Error {
  override readonly name = 'SpecSyntaxError';
  readonly position: Position;
  /** The usual cause, or what to write instead. */
  readonly hint: string;

  constructor(position: Position, message: string, hint: string) {
    super(message);
    this.position = { line: position.line, column: position.column };
    this.hint = hint;
  }
}
