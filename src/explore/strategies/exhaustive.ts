import { UnmodelledError } from '../../engine/contract.js';
import { ModelEngine } from '../../engine/model/engine.js';
import type { ModelState } from '../../engine/model/state.js';
import { Machine } from '../../machine.js';
import { chain } from '../../maybe-promise.js';
import type { Failure, ModelFigures, PlanOutcome } from '../../outcome.js';
import { run } from '../../run.js';
import type { Choice } from '../../schedule/choice.js';
import randomStream from '../../schedule/random.js';
import { following } from '../../schedule/replay.js';
import type { Verdict } from '../../verdict.js';
import { confirm } from '../confirm.js';
import { ForetoldSteps, KnownSteps } from '../foretold.js';
import { count, type StateGraph, shortestTo } from '../graph.js';
import { activityIn } from '../operations.js';
import { refusedByModel } from '../refused.js';
import { search } from '../search.js';
import type { PlanTask } from '../task.js';
import { dporOnServer } from './dpor.js';
import type { Strategy } from './strategy.js';

/** Random ways that are tried before the shortest failing one is taken for the one that was found. */
const RANDOM_FAILURES = 200;

/** Every interleaving on the model, equal states once; every transition confirmed on the server. */
export const exhaustive: Strategy = {
  name: 'exhaustive',
  summary: 'every interleaving on the model, confirmed on PostgreSQL',
  rewinds: true,
  explore: async (task) => {
    try {
      return (await searched(task)) ?? tooLarge(task);
    } catch (error) {
      if (!(error instanceof UnmodelledError)) throw error;
      return refusedByModel(task, error, (postgres) => dporOnServer(task, postgres));
    }
  },
};

function tooLarge(task: PlanTask): PlanOutcome {
  const { maxStates } = task.options.limits;
  task.hit.push(`max-states ${maxStates}`);
  return task.outcome({ verdict: 'inconclusive', reason: `the state graph has more than ${maxStates} states (--max-states)` });
}

/** Null where the state graph is too large. */
export async function searched(task: PlanTask): Promise<PlanOutcome | null> {
  const major = chain(task.options.postgres, (postgres) => postgres?.server.major ?? null);
  const engine = new ModelEngine({ major });
  try {
    return await searchedOn(task, engine);
  } finally {
    engine.keepShapes();
  }
}

async function searchedOn(task: PlanTask, engine: ModelEngine): Promise<PlanOutcome | null> {
  const { limits, expired } = task.options;
  const machine = new Machine(task.scenario, task.plan, engine);
  const steps = new KnownSteps<ModelState>();
  const { graph, complete } = await search(machine, engine, {
    maxStates: limits.maxStates,
    remember: steps.remember,
    ...(expired === undefined ? {} : { expired }),
    onProgress: (states) => task.progress({ states }),
  });
  if (complete) return explored(task, machine, engine, graph, steps);
  if (!task.expired) return null;
  task.hit.push('time');
  return task.outcome({ verdict: 'inconclusive', reason: `the time was up after ${graph.nodes.length} states (--time)` });
}

async function explored(
  task: PlanTask,
  machine: Machine<ModelState>,
  engine: ModelEngine,
  graph: StateGraph,
  steps: KnownSteps<ModelState>,
): Promise<PlanOutcome> {
  const counts = count(graph, machine.witnesses.length);
  const model: ModelFigures = {
    interleavings: String(counts.interleavings),
    violating: String(counts.violating),
    states: graph.nodes.length,
    transitions: graph.transitions,
    exhaustive: true,
    strategy: 'exhaustive',
    coarse: engine.coarse,
  };
  const witnesses = Object.fromEntries(machine.witnesses.map((witness, index) => [witness.name, String(counts.witnesses[index])]));
  if (counts.violating > 0n) task.violated();
  const violated = counts.violating > 0n;
  const firstRows = task.brokenFirstRows(graph.root.violations);
  const failure = violated && firstRows === null ? await failureIn(task, machine, graph) : null;
  const confirmed = await confirm(task, machine, graph, new ForetoldSteps(machine, graph, steps), violated);
  const verdict: Verdict = confirmed.verdict ?? (violated ? 'violated' : confirmed.complete ? 'proved' : 'explored');
  const reason = confirmed.reason ?? firstRows ?? (verdict === 'explored' ? confirmed.share : null);
  const done = activityIn(machine, graph);
  return task.outcome({
    verdict,
    model,
    postgres: confirmed.figures,
    witnesses,
    operations: done.figures,
    activity: done.activity,
    failure,
    reason,
    divergence: confirmed.divergence,
  });
}

/** A failing way as somebody would meet it: at random. Making it small is the minimiser's work. */
async function failureIn(task: PlanTask, machine: Machine<ModelState>, graph: StateGraph): Promise<Failure> {
  const random = randomStream(`${task.plan.seed}/failure`);
  for (let tries = 0; tries < RANDOM_FAILURES; tries += 1) {
    const schedule: Choice[] = [];
    let failed = false;
    for (let node = graph.root; node.edges.length > 0; ) {
      const edge = node.edges[random.integer(0, node.edges.length - 1)]!;
      schedule.push(edge.choice);
      node = edge.to;
      failed ||= node.violations.length > 0;
    }
    if (failed) return task.failure(machine, await run(machine, following(schedule)), tries + 1);
  }
  const shortest = shortestTo(graph, (node) => node.violations.length > 0)!;
  return task.failure(machine, await run(machine, following(shortest.choices)), null);
}
