/** Actors that are lists of SQL, and the ways in which the model's tests explore them and hold them against a real server. */
import { ModelEngine } from '../src/engine/model/engine.js';
import type { ModelState } from '../src/engine/model/state.js';
import type { PostgresEngine } from '../src/engine/postgres/engine.js';
import { Coverage } from '../src/explore/coverage.js';
import { count, type StateGraph } from '../src/explore/graph.js';
import { search } from '../src/explore/search.js';
import { cameTo, compare } from '../src/fuzz/compare.js';
import { type ScriptedCase, scenarioOf } from '../src/fuzz/scripted.js';
import { Machine, type MachineOptions, type Step } from '../src/machine.js';

export function modelOf(
  scripted: ScriptedCase,
  engine = new ModelEngine(),
  options: MachineOptions = {},
): { engine: ModelEngine; machine: Machine<ModelState> } {
  const { scenario, plan } = scenarioOf(scripted);
  return { engine, machine: new Machine(scenario, plan, engine, options) };
}

/** What has been seen on the model while a case was confirmed. */
export interface Confirmed {
  readonly difference: string | null;
  /** SQLSTATEs, `waits`, `freed and waits again`, `deadlock`, and the replies of statements with rows, as text. */
  readonly seen: ReadonlySet<string>;
  readonly states: number;
  readonly transitions: number;
  /** Transitions that the server chose not to take: serialization failures that it may spare a transaction, or that it may not. */
  readonly unforceable: number;
  readonly interleavings: bigint;
  readonly schedules: number;
}

const MAX_STATES = 20_000;
const MAX_SCHEDULES = 5_000;

/** Explores every interleaving on the model, and runs schedules that take every transition on the server, step by step. */
export async function confirm(scripted: ScriptedCase, engine: ModelEngine, postgres: PostgresEngine): Promise<Confirmed> {
  const { machine } = modelOf(scripted, engine);
  const { graph, complete } = await search(machine, engine, { maxStates: MAX_STATES });
  if (!complete) throw new Error(`more than ${MAX_STATES} states`);
  const coverage = new Coverage(graph);
  const seen = new Set<string>();
  let runs = 0;
  for (let schedules = coverage.schedules(MAX_SCHEDULES); schedules.length > 0; schedules = coverage.schedules(MAX_SCHEDULES - runs))
    for (const schedule of schedules) {
      const { steps, difference, parted } = await compare(machine, postgres, schedule);
      runs += 1;
      for (const step of steps) note(step, seen);
      if (difference !== null) return { difference, seen, ...figures(graph, coverage, runs) };
      coverage.note(schedule, parted);
      if (runs === MAX_SCHEDULES) throw new Error(`not covered after ${MAX_SCHEDULES} schedules`);
    }
  return { difference: null, seen, ...figures(graph, coverage, runs) };
}

const figures = (graph: StateGraph, coverage: Coverage, schedules: number) => ({
  states: graph.nodes.length,
  transitions: graph.transitions,
  unforceable: coverage.unforceable,
  interleavings: count(graph, 0).interleavings,
  schedules,
});

/** Adds what a step came to. */
function note(step: Step<ModelState>, seen: Set<string>): void {
  const came = cameTo(step);
  if (came !== null) seen.add(came);
}
