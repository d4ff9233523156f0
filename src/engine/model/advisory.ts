import type { Expr } from 'pgsql-ast-parser';
import { UnmodelledError } from '../contract.js';
import type { TableLockMode } from './parse.js';
import { compileOver, type QueryContext } from './queries.js';
import type { Query } from './query.js';
import type { SqlType, Value } from './types.js';

/** What one of the advisory-lock functions does (manual, "Advisory Lock Functions"). */
export interface AdvisoryFunction {
  readonly name: string;
  /** `unlock all` has no key. */
  readonly does: 'lock' | 'try' | 'unlock' | 'unlock all';
  readonly mode: TableLockMode;
  readonly owner: 'session' | 'transaction';
}

/** A call whose key pg-mem computes. */
export interface AdvisoryCall extends AdvisoryFunction {
  readonly function: 'advisory';
  /** One row of one or two integers; null for `unlock all`. */
  readonly key: Query | null;
}

/** A call for each row of a query that computes its key. */
export interface PlacedCall extends AdvisoryFunction {
  /** Which of the query's columns are the key: one, two, or none. */
  readonly keys: readonly number[];
  /** Which column of the answer it gives; null where it only says whether the row is in the answer. */
  readonly output: number | null;
  /** How often it is called is up to the plan, though once at least. */
  readonly countIsOpen?: boolean;
}

const NAME = /^pg_(?:(try_)?advisory_(xact_)?lock(_shared)?|advisory_unlock(?:_(shared|all))?)$/;

export const isAdvisory = (name: string): boolean => NAME.test(name);

export function advisoryFunction(name: string): AdvisoryFunction {
  const [, tries, transaction, shared, what] = NAME.exec(name)!;
  const unlocks = name.startsWith('pg_advisory_unlock');
  return {
    name,
    does: what === 'all' ? 'unlock all' : unlocks ? 'unlock' : tries === undefined ? 'lock' : 'try',
    mode: shared === undefined && what !== 'shared' ? 'EXCLUSIVE' : 'SHARE',
    owner: transaction === undefined ? 'session' : 'transaction',
  };
}

export function compileAdvisoryCall(call: Extract<Expr, { type: 'call' }>, context: QueryContext): AdvisoryCall {
  const called = advisoryFunction(call.function.name);
  const keys = call.args.length;
  if (keys !== (called.does === 'unlock all' ? 0 : Math.min(2, Math.max(1, keys))))
    throw new UnmodelledError(`${called.name} with ${keys} arguments`);
  const odd = call.args.find((argument) => !isPlainKey(argument));
  if (odd !== undefined) throw new UnmodelledError(`${called.name} with a computed argument`);
  const types: SqlType[] = keys === 2 ? ['int4', 'int4'] : ['int8'];
  const columns = call.args.map((expr) => ({ expr }));
  return { function: 'advisory', ...called, key: keys === 0 ? null : compileOver(null, columns, null, context, { types }) };
}

/** What has the type that the function asks for, or takes it on. */
const isPlainKey = (argument: Expr): boolean =>
  ['integer', 'string', 'parameter'].includes(argument.type) ||
  (argument.type === 'unary' && argument.op === '-' && argument.operand.type === 'integer');

export const resultType = ({ does }: AdvisoryFunction): SqlType => (does === 'lock' || does === 'unlock all' ? 'void' : 'bool');

/** One key and two are different lock spaces. */
export const advisoryResource = (key: readonly Value[]): string => `advisory ${key.join()}`;
