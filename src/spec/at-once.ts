import { ModelEngine } from '../engine/model/engine.js';
import { shortestTo } from '../explore/graph.js';
import { search } from '../explore/search.js';
import type { History } from '../history/history.js';
import { Machine } from '../machine.js';
import type { Plan } from '../plan/plan.js';
import { recordHistory } from '../record.js';
import { run } from '../run.js';
import type { Scenario } from '../scenario.js';
import { ordered } from '../schedule/arbitrary.js';
import { goesOnAtOnce } from './sent-steps.js';

/** States after which the search for another way is given up. */
const MAX_STATES = 50_000;

/**
 * A history of the same plan and the same violation in which freed waiters go on at once, as they do under isolationtester: the given one, the same
 * order with nobody held back, or the shortest there is on the model. Null where there is none.
 */
export async function withoutHolding(
  scenario: Scenario,
  plan: Plan,
  history: History,
  violation: { readonly invariant: string; readonly resource: string } | null,
): Promise<History | null> {
  if (goesOnAtOnce(history)) return history;
  const violates = (items: readonly { readonly invariant: string; readonly resource: string }[]) =>
    violation === null || items.some((item) => item.invariant === violation.invariant && item.resource === violation.resource);
  const engine = new ModelEngine();
  const machine = new Machine(scenario, plan, engine, { resumeAtOnce: true });
  const follow = async (order: readonly number[]) => recordHistory(machine, await run(machine, ordered(order)));
  const sent = history.steps.filter((step) => step.kind !== 'resume').map((step) => step.actor);
  const same = await follow(sent);
  if (violates(same.violations)) return same;
  const { graph } = await search(machine, engine, { maxStates: MAX_STATES });
  const path = shortestTo(graph, (node) => violates(node.violations));
  return path === null ? null : follow(path.choices.map((choice) => choice.actor));
}
