import { EngineError, UnmodelledError } from './engine/contract.js';
import type { MaybePromise } from './maybe-promise.js';

/** Code or SQL of a scenario fails outside of its operations, or an operation does what none may do. The message names the part. */
export class ScenarioError extends Error {
  override readonly name = 'ScenarioError';

  constructor(message: string, cause?: unknown) {
    super(message, { cause });
  }
}

/** Calls a function of the scenario's own. What it throws is told with the part that it belongs to: `the invariant "capacity"`. */
export function calling<T>(part: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw thrownBy(part, error);
  }
}

export const thrownBy = (part: string, error: unknown): ScenarioError =>
  new ScenarioError(`${part} throws ${nameAndMessage(error)}`, error);

/** Runs SQL of the scenario's own. What the database refuses is told with the part and the statement; a lost connection is not its affair. */
export function querying<T>(part: string, sql: string, query: () => MaybePromise<T>): MaybePromise<T> {
  const refuse = (error: unknown): never => {
    if (error instanceof UnmodelledError) throw new UnmodelledError(`${part}: ${error.message}`);
    const { code, message } = error as { code?: unknown; message?: unknown };
    if (error instanceof EngineError || typeof code !== 'string' || !/^(0A|2|42|44|54|55|P0)/.test(code)) throw error;
    throw new ScenarioError(`${part} fails: ${code} ${message}, in: ${sql}`, error);
  };
  try {
    const result = query();
    return result instanceof Promise ? result.catch(refuse) : result;
  } catch (error) {
    return refuse(error);
  }
}

/** `TypeError: rows is undefined`; what is no Error as text. */
export const nameAndMessage = (error: unknown): string => (error instanceof Error ? `${error.name}: ${error.message}` : String(error));
