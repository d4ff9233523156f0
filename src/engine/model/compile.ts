import { UnmodelledError } from '../contract.js';
import { tokenize } from '../sql-text.js';
import type { Catalog } from './catalog.js';
import { inLockOrder } from './lock-order.js';
import { compileText } from './pglite/compile.js';
import type { PgliteSchema } from './pglite/schema.js';
import { compileSetConstraints } from './set-constraints.js';
import { compilePlain, type StatementPlan } from './statements.js';

/** pg-mem is asked where it is known to answer rightly, PGlite for what is left. */
export function compileStatement(
  text: string,
  parameters: readonly unknown[],
  catalog: Catalog,
  pglite: PgliteSchema | null,
): StatementPlan {
  const setting = compileSetConstraints(text);
  if (setting !== null) return setting;
  try {
    const plan = compilePlain(text, parameters, catalog);
    return 'query' in plan || plan.kind === 'insert' ? { ...plan, locks: inLockOrder(plan.locks, tokenize(text), catalog) } : plan;
  } catch (error) {
    if (!(error instanceof UnmodelledError) || pglite === null || !TEXT_VERBS.test(text)) throw error;
    return compileText(text, parameters, catalog, pglite);
  }
}

const TEXT_VERBS = /^[\s(]*(--[^\n]*\n\s*|\/\*.*?\*\/\s*)*(select|with|values|insert|update|delete)\b/is;
