import { tokenize } from '../../sql/text.js';
import { UnmodelledError } from '../contract.js';
import type { Catalog } from './catalog.js';
import { inLockOrder } from './lock-order.js';
import { TABLE_LOCK_MODES } from './parse.js';
import { compileAdvice, mentionsAdvisory } from './pglite/advice.js';
import { compileText } from './pglite/compile.js';
import type { PgliteSchema } from './pglite/schema.js';
import { writtenOut } from './pglite/writing-function.js';
import { compileSetConstraints } from './set-constraints.js';
import { SqlError } from './sql-error.js';
import { compilePlain, type StatementPlan, type TableLock } from './statements.js';
import type { Works } from './works.js';

/**
 * PostgreSQL says what a statement means, and what is wrong with it. Where pg-mem knows its form too, and both read it alike, pg-mem answers it as
 * long as its answers are PostgreSQL's.
 */
export function compileStatement(text: string, parameters: readonly unknown[], { catalog, evaluator, shapes }: Works): StatementPlan {
  const { pglite } = evaluator;
  const setting = compileSetConstraints(text);
  if (setting !== null) return setting;
  if (!TEXT_VERBS.test(text)) return compilePlain(text, parameters, catalog);
  const calls = plainOrNull(text, parameters, catalog);
  if (calls?.kind === 'calls') return calls;
  let compiled: StatementPlan | null = null;
  const whole = (): StatementPlan => {
    compiled ??= mentionsAdvisory(text)
      ? compileAdvice(text, parameters, catalog, pglite)
      : compileOrWriteOut(text, parameters, catalog, pglite);
    return compiled;
  };
  const shape = shapes.of(text, parameters);
  if (shape.state === 'refuted' || calls === null) return whole();
  if (!shape.isKnown) {
    const difference = readOtherwise(calls, whole());
    if (difference !== null) {
      shape.misread(difference);
      return whole();
    }
  }
  return { ...calls, fastPath: { shape, whole } };
}

/** A call of a function that writes is what the function runs. */
function compileOrWriteOut(text: string, parameters: readonly unknown[], catalog: Catalog, pglite: PgliteSchema): StatementPlan {
  try {
    return compileText(text, parameters, catalog, pglite);
  } catch (error) {
    if (!(error instanceof UnmodelledError) || !error.reasons.some((reason) => reason.endsWith(', which writes'))) throw error;
    const call = parameters.length === 0 ? writtenOut(text, pglite, catalog) : null;
    if (call === null) throw error;
    const plan = compileWritten(call.text, catalog, pglite, error);
    if ((plan.kind !== 'insert' && plan.kind !== 'update' && plan.kind !== 'delete') || plan.rest !== undefined || plan.outputs.length > 0)
      throw error;
    return { ...plan, answersAs: call.name };
  }
}

function compileWritten(text: string, catalog: Catalog, pglite: PgliteSchema, refusal: UnmodelledError): StatementPlan {
  try {
    return compileText(text, [], catalog, pglite);
  } catch (error) {
    // What is wrong inside a function may be found later, or not at all.
    throw error instanceof SqlError ? refusal : error;
  }
}

/** The plan for pg-mem; null where pg-mem is not known to answer rightly, or where it finds an error, which is PostgreSQL's to find. */
function plainOrNull(text: string, parameters: readonly unknown[], catalog: Catalog): StatementPlan | null {
  try {
    const plan = compilePlain(text, parameters, catalog);
    return 'query' in plan || plan.kind === 'insert' ? { ...plan, locks: inLockOrder(plan.locks, tokenize(text), catalog) } : plan;
  } catch (error) {
    if (error instanceof UnmodelledError || error instanceof SqlError) return null;
    throw error;
  }
}

/** Where the two readings of a statement differ: its outputs, what it locks, and how. */
function readOtherwise(plain: StatementPlan, whole: StatementPlan): string | null {
  const [ours, theirs] = [reading(plain), reading(whole)];
  return ours === theirs ? null : `read by the fast path as ${ours}, by PostgreSQL as ${theirs}`;
}

function reading(plan: StatementPlan): string {
  const outputs =
    'query' in plan && (plan.kind === 'select' || plan.kind === 'select for') ? plan.query.outputs : 'outputs' in plan ? plan.outputs : [];
  return JSON.stringify([
    plan.kind,
    plan.rest !== undefined,
    outputs.map(({ name, type }) => [name, type]),
    strongest(plan.locks),
    'marks' in plan ? plan.marks : [],
  ]);
}

/** The strongest lock on each table. */
function strongest(locks: readonly TableLock[]): readonly (readonly [number, number])[] {
  const modes = new Map<number, number>();
  for (const { table, mode } of locks) modes.set(table, Math.max(modes.get(table) ?? 0, TABLE_LOCK_MODES.indexOf(mode)));
  return [...modes].sort(([left], [right]) => left - right);
}

const TEXT_VERBS = /^[\s(]*(--[^\n]*\n\s*|\/\*.*?\*\/\s*)*(select|with|values|insert|update|delete)\b/is;
