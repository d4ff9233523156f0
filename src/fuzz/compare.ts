import type { Engine } from '../engine/contract.js';
import type { ModelState } from '../engine/model/state.js';
import { lockstep, type Parting } from '../explore/lockstep.js';
import { patiently } from '../explore/patiently.js';
import { Machine, type Step } from '../machine.js';
import type { Difference } from '../outcome.js';
import { type Choice, showChoice } from '../schedule/choice.js';

/** What one schedule came to on both engines. */
export interface Compared {
  /** Those that both have taken. */
  readonly steps: readonly Step<ModelState>[];
  /** What differs, told with the way that led to it; null where nothing does. */
  readonly difference: string | null;
  readonly parted: Parting | null;
  /** There was a difference, and it did not come again: it says nothing of the model. */
  readonly unsteady: boolean;
}

/**
 * On a busy machine a waiter's deadlock check may come before it could be frozen: a difference counts when it comes three times out of three.
 */
const TIMES = 3;

/** Runs one schedule on both engines, and compares everything that can be seen after each step. */
export async function compare<S>(machine: Machine<ModelState>, postgres: Engine<S>, schedule: readonly Choice[]): Promise<Compared> {
  const server = new Machine(machine.scenario, machine.plan, postgres);
  let found = await patiently(() => lockstep(machine, server, schedule));
  const unsteady = found.difference !== null;
  for (let times = 1; times < TIMES && found.difference !== null; times += 1)
    found = await patiently(() => lockstep(machine, server, schedule));
  const { model, difference, parted } = found;
  return {
    // The step at which the server parted was not taken.
    steps: parted === null ? model : model.slice(0, parted.at),
    parted,
    difference: difference === null ? null : tell(machine, model, difference),
    unsteady: unsteady && difference === null,
  };
}

function tell(machine: Machine<ModelState>, steps: readonly Step<ModelState>[], { what, model, server }: Difference): string {
  const way = steps.map((step) => {
    const came = step.outcome.kind === 'blocked' ? 'waits' : step.outcome.reply.kind === 'error' ? step.outcome.reply.code : 'done';
    return `  ${showChoice(step.choice, machine.actorNames)}: ${[...step.prelude, step.text].join('; ')} [${step.kind}: ${came}]`;
  });
  return [`${machine.plan.isolation}, ${what}`, ...way, `  model:  ${model}`, `  server: ${server}`].join('\n');
}

/** What a step came to: `waits`, `waits again`, an SQLSTATE, or a command and its count. */
export function cameTo(step: Step<ModelState>): string | null {
  if (step.outcome.kind === 'blocked') return step.kind === 'resume' ? 'waits again' : 'waits';
  const { reply } = step.outcome;
  if (reply.kind === 'error') return reply.code;
  return reply.kind === 'result' ? `${reply.command} ${reply.rowCount ?? ''}`.trim() : null;
}
