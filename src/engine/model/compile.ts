import { UnmodelledError } from '../contract.js';
import { tokenize } from '../sql-text.js';
import { type Catalog, parseCatalog } from './catalog.js';
import { inLockOrder } from './lock-order.js';
import { catalogOf } from './pglite/catalog.js';
import { compileText } from './pglite/compile.js';
import type { PgliteSchema } from './pglite/schema.js';
import { compileSetConstraints } from './set-constraints.js';
import { compilePlain, type StatementPlan } from './statements.js';

/** Reads the schema that the server gets: the parser does where it can, PostgreSQL itself where not. What the model does not know is refused by name. */
export function readCatalog(schema: string, pglite: PgliteSchema | null): Catalog {
  try {
    return parseCatalog(schema);
  } catch (error) {
    if (!(error instanceof UnmodelledError) || pglite === null) throw error;
    return catalogOf(pglite.rows);
  }
}

/** pg-mem is asked where it is known to answer rightly, PGlite for what is left. */
export function compileStatement(
  text: string,
  parameters: readonly unknown[],
  catalog: Catalog,
  pglite: PgliteSchema | null,
): StatementPlan {
  // Without PGlite there are no constraints that can be deferred.
  const setting = pglite === null ? null : compileSetConstraints(text);
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
