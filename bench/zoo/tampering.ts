/** Booking code with one safeguard taken out, by machine: between the operation and its client stands something that changes what is said. */
import type { Client, Operation, QueryConfig, QueryResult, Scenario } from '../../src/index.js';

/** A statement as an operation sends it. */
export interface Sent {
  readonly text: string;
  readonly values: readonly unknown[];
}

export interface Tampering {
  readonly sent?: (statement: Sent) => Sent;
  readonly answered?: (statement: Sent, result: QueryResult) => QueryResult;
  /** What the operation gets to see of an error. */
  readonly failed?: (error: unknown) => unknown;
}

/** The scenario with one of its operations behind such a client, and how often that has changed anything: a mutant must differ. */
export function tampered(
  scenario: Scenario,
  operation: string,
  tampering: Tampering | (() => Tampering),
): { scenario: Scenario; touched: () => number } {
  const original = scenario.operations[operation]!;
  let touched = 0;
  const mutant: Operation = (context, input) => {
    // What it remembers is of one run of one actor.
    const own = typeof tampering === 'function' ? tampering() : tampering;
    const query = async (textOrConfig: string | QueryConfig, bound?: readonly unknown[]) => {
      const { text, values } = typeof textOrConfig === 'string' ? { text: textOrConfig, values: bound } : textOrConfig;
      const wanted = { text, values: values ?? [] };
      const sent = own.sent?.(wanted) ?? wanted;
      if (sent !== wanted) touched += 1;
      const result = await context.client.query(sent.text, sent.values).catch((error: unknown) => {
        const shown = own.failed?.(error) ?? error;
        if (shown !== error) touched += 1;
        throw shown;
      });
      const answered = own.answered?.(wanted, result) ?? result;
      if (answered !== result) touched += 1;
      return answered;
    };
    return original({ ...context, client: { query } as Client }, input);
  };
  return { scenario: { ...scenario, operations: { ...scenario.operations, [operation]: mutant } }, touched: () => touched };
}
