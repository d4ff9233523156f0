import { UnmodelledError } from '../engine/contract.js';
import { ScenarioError } from '../scenario-error.js';

/** A call of `query`, read as `pg` reads it. */
export interface QueryCall {
  readonly text: string;
  readonly values: readonly unknown[];
  /** Rows as lists of values instead of objects. */
  readonly asArrays: boolean;
}

/** Options that change nothing that an operation could see: a prepared statement's name, and the protocol, which is the extended one anyhow. */
const WITHOUT_EFFECT = new Set(['name', 'queryMode']);
const READ = new Set(['text', 'values', 'rowMode']);

/** Throws {@link UnmodelledError} for what is there in `pg` and not here, since it must not be ignored, and {@link ScenarioError} for what is no query. */
export function readQueryCall(given: readonly unknown[]): QueryCall {
  const [first, second] = given;
  if (given.some((item) => typeof item === 'function')) throw new UnmodelledError('a callback of query(): await its promise instead');
  if (typeof first !== 'string' && (typeof first !== 'object' || first === null))
    throw new ScenarioError(`query() wants SQL as a text, and was given ${String(first)}`);
  const config = typeof first === 'string' ? { text: first } : ((first ?? {}) as Readonly<Record<string, unknown>>);
  if (typeof config.text !== 'string' || 'submit' in config)
    throw new UnmodelledError('a call of query() without a text, such as that of a cursor or a stream');
  for (const [name, value] of Object.entries(config))
    if (!READ.has(name) && !WITHOUT_EFFECT.has(name) && value !== undefined && value !== null)
      throw new UnmodelledError(`the option "${name}" of query()`);
  const { rowMode } = config as { rowMode?: unknown };
  if (rowMode !== undefined && rowMode !== null && rowMode !== 'array')
    throw new UnmodelledError(`the option rowMode: ${JSON.stringify(rowMode)} of query()`);
  // As in `pg`, values beside an object go before those in it.
  const values = second ?? (config as { values?: unknown }).values ?? [];
  if (!Array.isArray(values)) throw new UnmodelledError('values of query() that are no list');
  return { text: config.text, values: [...values], asArrays: rowMode === 'array' };
}
