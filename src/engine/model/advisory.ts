import type { Expr } from 'pgsql-ast-parser';
import { UnmodelledError } from '../contract.js';
import type { TableLockMode } from './parse.js';
import { compileOver, type QueryContext } from './queries.js';
import type { Query } from './query.js';
import type { SqlType, Value } from './types.js';

/** A call of one of the advisory lock functions (manual, "Advisory Lock Functions"). */
export interface AdvisoryCall {
  readonly function: 'advisory';
  readonly name: string;
  /** `unlock all` has no key. */
  readonly does: 'lock' | 'try' | 'unlock' | 'unlock all';
  readonly mode: TableLockMode;
  readonly owner: 'session' | 'transaction';
  /** One row of one or two integers; null for `unlock all`. */
  readonly key: Query | null;
}

const NAME = /^pg_(?:(try_)?advisory_(xact_)?lock(_shared)?|advisory_unlock(?:_(shared|all))?)$/;

export const isAdvisory = (name: string): boolean => NAME.test(name);

export function compileAdvisoryCall(call: Extract<Expr, { type: 'call' }>, context: QueryContext): AdvisoryCall {
  const { name } = call.function;
  const [, tries, transaction, shared, what] = NAME.exec(name)!;
  const unlocks = name.startsWith('pg_advisory_unlock');
  const does = what === 'all' ? 'unlock all' : unlocks ? 'unlock' : tries === undefined ? 'lock' : 'try';
  const keys = call.args.length;
  if (keys !== (does === 'unlock all' ? 0 : Math.min(2, Math.max(1, keys)))) throw new UnmodelledError(`${name} with ${keys} arguments`);
  const types: SqlType[] = keys === 2 ? ['int4', 'int4'] : ['int8'];
  return {
    function: 'advisory',
    name,
    does,
    mode: shared === undefined && what !== 'shared' ? 'EXCLUSIVE' : 'SHARE',
    owner: transaction === undefined ? 'session' : 'transaction',
    key:
      does === 'unlock all'
        ? null
        : compileOver(
            null,
            call.args.map((expr) => ({ expr })),
            null,
            context,
            { types },
          ),
  };
}

export const advisoryOutput = (call: AdvisoryCall): SqlType => (call.does === 'lock' || call.does === 'unlock all' ? 'void' : 'bool');

/** One key and two are different lock spaces. */
export const advisoryResource = (key: readonly Value[]): string => `advisory ${key.join()}`;
