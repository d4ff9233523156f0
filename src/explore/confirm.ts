import type { ModelState } from '../engine/model/state.js';
import type { PostgresEngine, ServerState } from '../engine/postgres/engine.js';
import { Machine } from '../machine.js';
import type { Difference, PlanOutcome, ServerFigures } from '../outcome.js';
import type { Choice } from '../schedule/choice.js';
import { unheld } from './cover.js';
import { Coverage } from './coverage.js';
import type { GraphEdge, GraphNode, StateGraph } from './graph.js';
import { type Foretold, type LockstepRun, lockstep, type Parting } from './lockstep.js';
import { patiently } from './patiently.js';
import type { PlanTask } from './task.js';

/** Times that a schedule is run again where server and model differ: where the order is ours, and where it is the server's own. */
const CLOSED_REPEATS = 2;
const OPEN_REPEATS = 10;

/** What came of one schedule in lockstep, repeated where it had to be. */
interface Comparison {
  readonly difference: Difference | null;
  readonly meaning: 'agreement' | 'divergence' | 'race' | 'unseen';
  readonly parted: Parting | null;
  /** Steps until the order is the server's own; 0 where it never is. */
  readonly followed: number;
}

export interface Confirmation {
  readonly figures: ServerFigures | null;
  readonly complete: boolean;
  readonly verdict: 'diverged' | 'racy' | null;
  readonly reason: string | null;
  readonly share: string;
  readonly divergence: PlanOutcome['divergence'];
}

export interface Compared {
  readonly runs: number;
  readonly difference: Difference | null;
  readonly schedule: readonly Choice[] | null;
  readonly racy: string | null;
}

/** Runs schedules on the server until every transition of the graph was seen there, as far as it can be made to show them. */
export async function confirm(
  task: PlanTask,
  machine: Machine<ModelState>,
  graph: StateGraph,
  foretold: Foretold<ModelState>,
  violated: boolean,
): Promise<Confirmation> {
  const { limits } = task.options;
  const postgres = await task.options.postgres;
  if (postgres === null)
    return {
      figures: null,
      complete: false,
      verdict: null,
      reason: null,
      share: 'not confirmed on PostgreSQL: the model alone was asked',
      divergence: null,
    };
  const held = postgres.capabilities.holdsWaiters ? () => true : unheld(postgres.server.canSetDeadlockTimeout);
  const allowed = (node: GraphNode, edge: GraphEdge) => held(node, edge) && (edge.choice.kind !== 'crash' || postgres.capabilities.crashes);
  const most = violated ? Math.min(limits.serverRuns, limits.violatedServerRuns) : limits.serverRuns;
  const coverage = new Coverage(graph, allowed);
  let compared: Compared = { runs: 0, difference: null, schedule: null, racy: null };
  let runs = 0;
  let inTime = true;
  for (let schedules = coverage.schedules(most); schedules.length > 0; schedules = inTime ? coverage.schedules(most - runs) : []) {
    compared = await lockstepAll(task, machine, postgres, schedules, foretold, coverage);
    runs += compared.runs;
    inTime = compared.runs === schedules.length;
    if (compared.difference !== null || compared.racy !== null) break;
  }
  const { difference, schedule, racy } = compared;
  const { confirmed, unforceable } = coverage;
  const failed = difference !== null || racy !== null;
  const all = runs > 0 && confirmed === graph.transitions - unforceable;
  if (!inTime && !failed) task.hit.push('time');
  else if (runs >= most && !all && !failed && !violated) task.hit.push(`server-runs ${limits.serverRuns}`);
  const figures: ServerFigures = {
    runs,
    transitionsConfirmed: confirmed,
    transitionsUnforceable: unforceable,
    divergences: difference === null ? 0 : 1,
  };
  const share = `${confirmed} of ${graph.transitions} transitions were seen on PostgreSQL${figures.transitionsUnforceable > 0 ? `, ${figures.transitionsUnforceable} cannot be forced with this provider` : ''}`;
  return {
    figures,
    complete: all && !failed,
    verdict: racy !== null ? 'racy' : difference !== null ? 'diverged' : null,
    reason: racy ?? (difference === null ? null : describe(difference)),
    share,
    divergence: difference === null ? null : { ...difference, schedule: schedule ?? [] },
  };
}

/** Runs schedules in lockstep, up to the first that shows a difference. */
export async function lockstepAll(
  task: PlanTask,
  machine: Machine<ModelState>,
  postgres: PostgresEngine,
  schedules: readonly (readonly Choice[])[],
  foretold: Foretold<ModelState> = machine,
  coverage: Coverage | null = null,
): Promise<Compared> {
  const server = new Machine(task.scenario, task.plan, postgres);
  let runs = 0;
  for (const schedule of schedules) {
    if (task.expired) break;
    const { difference, meaning, parted, followed } = await compareRuns(() => lockstep(machine, server, schedule, foretold));
    runs += 1;
    if (meaning === 'divergence') return { runs, difference, schedule, racy: null };
    if (meaning === 'race') return { runs, difference: null, schedule: null, racy: `once, and not again: ${describe(difference!)}` };
    if (meaning === 'agreement') coverage?.note(schedule, parted);
    else coverage?.refuse(schedule, followed);
    if (runs % 16 === 0) task.progress({ runs, of: schedules.length });
  }
  return { runs, difference: null, schedule: null, racy: null };
}

/**
 * A difference that does not come again is no divergence but a race that the schedule does not settle. Where waiters cannot be held and
 * race for what was freed, that is as expected: the schedule is tried until the server goes on as scheduled, or has refused to often enough.
 */
async function compareRuns(attempt: () => Promise<LockstepRun<ModelState, ServerState>>): Promise<Comparison> {
  const first = await patiently(attempt);
  const { difference, parted, openAfter } = first;
  const followed = openAfter === null ? 0 : openAfter + 1;
  if (difference === null) return { difference, meaning: 'agreement', parted, followed };
  const isOpen = openAfter !== null && difference.step > openAfter;
  let same = true;
  for (let repeat = 0; repeat < (isOpen ? OPEN_REPEATS : CLOSED_REPEATS); repeat += 1) {
    const next = await patiently(attempt);
    if (next.difference === null)
      return isOpen
        ? { difference: null, meaning: 'agreement', parted: next.parted, followed }
        : { difference, meaning: 'race', parted, followed };
    same &&= describe(next.difference) === describe(difference);
  }
  return { difference, meaning: isOpen && !same ? 'unseen' : 'divergence', parted, followed };
}

export const describe = (difference: Difference): string =>
  `after step ${difference.step + 1} (${difference.text}), ${difference.what}: the model shows ${difference.model}; PostgreSQL shows ${difference.server}`;
