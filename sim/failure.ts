import type { FailureKind, FailureReport } from '../src/index.js';
import { EXIT } from './exit-codes.js';

/** The exit code that follows from what could not be done. */
export const EXIT_OF_FAILURE: Readonly<Record<FailureKind, number>> = {
  nondeterminism: EXIT.mismatch,
  server: EXIT.environment,
  worker: EXIT.internal,
  scenario: EXIT.usage,
  defect: EXIT.internal,
};

/** The report as it is shown on standard error. */
export function failureText({ kind, message, hint, trace }: FailureReport): string {
  const what = kind === 'defect' ? `this is a defect of lastseat, not of yours: ${message}` : message;
  return `error: ${[what, ...trace, hint].join('\n')}\n`;
}
