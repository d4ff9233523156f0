import { isRejection } from '../context.js';
import { ScenarioError } from '../scenario-error.js';
import { placeOf } from './place.js';

/** How an operation ended. `error` is `code message` of what it threw. */
export type Finished = { readonly value: unknown } | { readonly error: string };

/** How an operation ended, as it is counted: what it returned does not matter, why it failed does. */
export interface Ending {
  readonly kind: 'returned' | 'refused' | 'threw';
  /** Why: the refusal's code, or the SQLSTATE or the name of the error that it threw; empty where it returned. */
  readonly code: string;
  /** What it threw or was refused with, in full; null where it returned. */
  readonly message: string | null;
  /**
   * It met an error that is a slip of the pen: a TypeError or a ReferenceError that it threw, with its place, or an error of class 42, with the
   * statement, that it may have caught. Null where there was none.
   */
  readonly slip: string | null;
  /** It has made no call. */
  readonly silent: boolean;
}

/** An operation's end as the operation shows it; the way to it is not known here. */
export type End = { readonly finished: Finished; readonly ending: Omit<Ending, 'silent'> };

/** What an operation returned, as JSON. */
export function returned(value: unknown): End {
  const plain: unknown = value === undefined ? null : JSON.parse(toJson(value));
  if (!isRejection(plain)) return { finished: { value: plain }, ending: { kind: 'returned', code: '', message: null, slip: null } };
  const { code, message } = plain as { code?: unknown; message?: unknown };
  const name = typeof code === 'string' && code !== '' ? code : 'without a code';
  return { finished: { value: plain }, ending: { kind: 'refused', code: name, message: `${name} ${message ?? ''}`.trim(), slip: null } };
}

export function threw(error: unknown): End {
  const { code, text } = describe(error);
  const place = error instanceof TypeError || error instanceof ReferenceError ? placeOf(error) : undefined;
  const slip = place === undefined ? null : place === null ? text : `${text} (${place})`;
  return { finished: { error: text }, ending: { kind: 'threw', code, message: text, slip } };
}

function describe(error: unknown): { code: string; text: string } {
  if (!(error instanceof Error)) return { code: 'not an Error', text: String(error) };
  const { code } = error as { code?: unknown };
  return typeof code === 'string'
    ? { code, text: `${code} ${error.message}` }
    : { code: error.name, text: `${error.name}: ${error.message}` };
}

function toJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? 'null';
  } catch (error) {
    const [why] = (error as Error).message.split('\n');
    throw new ScenarioError(`what an operation returns must be JSON. ${why}${whereBigInt(value)}`, error);
  }
}

/** ` at "total"`: the first BigInt in a value. Empty where there is none. */
function whereBigInt(value: unknown, path: readonly string[] = []): string {
  if (typeof value === 'bigint') return path.length === 0 ? '' : ` at "${path.join('.')}"`;
  if (typeof value !== 'object' || value === null || path.length > 10) return '';
  for (const [name, item] of Object.entries(value)) {
    const found = whereBigInt(item, [...path, name]);
    if (found !== '') return found;
  }
  return '';
}
