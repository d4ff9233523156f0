import type { ModelFigures, PlanOutcome, ScenarioOutcome, ServerFigures } from '../outcome.js';
import { allOf, areAll, type PlanCounts, showCounts } from '../plan/counts.js';
import type { IsolationLevel, Scenario } from '../scenario.js';
import { holds, worst } from '../verdict.js';
import { emptinessOf, sumOperations } from './vacuity.js';

/**
 * Puts the outcomes of a scenario's plans together: figures are sums, and the verdict is that of the worst plan. Where other plans were left out, and the
 * scenario does not declare so, what held is a sample.
 */
export function combine(
  scenario: Scenario,
  isolation: IsolationLevel,
  plans: readonly PlanOutcome[],
  planCounts: PlanCounts = allOf(plans.length),
): Omit<ScenarioOutcome, 'counterexample' | 'elapsedMs' | 'firstViolation'> {
  const witnesses = sumWitnesses(plans);
  const missing = (scenario.requires ?? []).filter((name) => (witnesses[name] ?? '0') === '0');
  const empty = [...emptinessOf(plans), ...(missing.length === 0 ? [] : [`required, and never seen: ${missing.join(', ')}`])];
  let verdict = plans.length === 0 ? 'error' : worst(plans.map((plan) => plan.verdict));
  let reason = plans.find((plan) => plan.verdict === verdict && plan.reason !== null)?.reason ?? null;
  if (holds(verdict) && !areAll(planCounts) && !planCounts.declared) {
    verdict = 'passed';
    reason = showCounts(planCounts);
  }
  if (holds(verdict) && empty.length > 0) {
    verdict = 'vacuous';
    reason = empty.join('; ');
  }
  return {
    name: scenario.name,
    expect: scenario.expect[isolation] ?? null,
    verdict,
    isolation,
    actors: Math.max(0, ...plans.map((plan) => plan.plan.actors.length)),
    capacity: Math.max(0, ...plans.map((plan) => plan.plan.capacity)),
    model: sumModel(plans),
    postgres: sumServer(plans),
    witnesses,
    operations: sumOperations(plans),
    reason,
    empty: plans.length === 0 ? [] : empty,
    limits: [...new Set(plans.flatMap((plan) => plan.limits))],
    plans,
    planCounts,
  };
}

function sumWitnesses(plans: readonly PlanOutcome[]): Record<string, string> {
  const sums: Record<string, string> = {};
  for (const plan of plans)
    for (const [name, count] of Object.entries(plan.witnesses)) sums[name] = String(BigInt(sums[name] ?? '0') + BigInt(count));
  return sums;
}

function sumModel(plans: readonly PlanOutcome[]): ModelFigures | null {
  const figures = plans.flatMap((plan) => (plan.model === null ? [] : [plan.model]));
  if (figures.length === 0) return null;
  const big = (pick: (item: ModelFigures) => string) => String(figures.reduce((sum, item) => sum + BigInt(pick(item)), 0n));
  return {
    interleavings: big((item) => item.interleavings),
    violating: big((item) => item.violating),
    states: figures.reduce((sum, item) => sum + item.states, 0),
    transitions: figures.reduce((sum, item) => sum + item.transitions, 0),
    exhaustive: figures.every((item) => item.exhaustive),
    strategy: [...new Set(figures.map((item) => item.strategy))].join(', '),
    coarse: [...new Set(figures.flatMap((item) => item.coarse))].sort(),
  };
}

/** Of the plans whose orders were run one by one. */
function sumOrders(figures: readonly ServerFigures[]): Pick<ServerFigures, 'exhaustive' | 'orders' | 'reduction' | 'coarse'> {
  const known = figures.every(({ orders }) => orders !== null);
  return {
    exhaustive: figures.every(({ exhaustive }) => exhaustive === true),
    orders: known ? String(figures.reduce((sum, { orders }) => sum + BigInt(orders!), 0n)) : null,
    reduction: figures[0]!.reduction!,
    coarse: [...new Set(figures.flatMap(({ coarse }) => coarse ?? []))].sort(),
  };
}

function sumServer(plans: readonly PlanOutcome[]): ServerFigures | null {
  const figures = plans.flatMap((plan) => (plan.postgres === null ? [] : [plan.postgres]));
  if (figures.length === 0) return null;
  const sum = (pick: (item: ServerFigures) => number) => figures.reduce((total, item) => total + pick(item), 0);
  const ordered = figures.filter(({ orders }) => orders !== undefined);
  return {
    runs: sum((item) => item.runs),
    transitionsConfirmed: sum((item) => item.transitionsConfirmed),
    transitionsUnforceable: sum((item) => item.transitionsUnforceable),
    divergences: sum((item) => item.divergences),
    ...(ordered.length > 0 && sumOrders(ordered)),
  };
}
