import type { Engine } from './engine/contract.js';
import { patiently } from './explore/patiently.js';
import type { History } from './history/history.js';
import { Machine, type Step } from './machine.js';
import { recordHistory, StepHashes } from './record.js';
import { type Run, run } from './run.js';
import type { Scenario } from './scenario.js';
import { nameIn } from './schedule/choice.js';
import { replay, ScheduleError } from './schedule/replay.js';
import type { Recording } from './schedule/token.js';

/** How a replay came out. */
export interface Replayed {
  /** Every step was what it was when it was recorded, and the same came of it. */
  readonly matches: boolean;
  /** The first step that differs, from 0, and how; null where none does. */
  readonly difference: { readonly step: number; readonly message: string } | null;
  /** The recorded violation came again. */
  readonly violated: boolean;
  readonly history: History | null;
}

/** Runs a recording again, to the letter, on one engine. Nothing is skipped and nothing is filled in. */
export async function replayOn<S>(scenario: Scenario, recording: Recording, engine: Engine<S>): Promise<Replayed> {
  const machine = new Machine(scenario, recording.plan, engine, { sites: true });
  const { steps, end } = await strictly(machine, recording);
  const done = end instanceof ScheduleError ? null : end;
  const { violation: wanted, hashes } = recording;
  const violated =
    done?.violations.some(({ violation }) => violation.invariant === wanted?.invariant && violation.resource === wanted.resource) ?? false;
  const seen = { violated, history: done === null ? null : recordHistory(machine, done) };
  const differs = (step: number, message: string): Replayed => ({ matches: false, difference: { step, message }, ...seen });
  const held = new StepHashes();
  const first = steps.findIndex((step, index) => held.of(step, hashes[index]) !== hashes[index]);
  if (first >= 0) return differs(first, `step ${first + 1} is now: ${describeStep(machine.actorNames, steps[first]!)}`);
  if (end instanceof ScheduleError)
    return differs(
      end.step,
      `${end.message}${!engine.capabilities.holdsWaiters ? '. On this server freed waiters go on at once, before anybody else' : ''}`,
    );
  if (steps.length < hashes.length)
    return differs(steps.length, `the run now ends after ${steps.length} steps; ${hashes.length} were recorded`);
  return { matches: wanted === null ? end.violations.length === 0 : violated, difference: null, ...seen };
}

/** The steps that could be taken, and the run, or why it could not go on. */
const strictly = <S>(machine: Machine<S>, recording: Recording): Promise<{ steps: readonly Step<S>[]; end: Run<S> | ScheduleError }> =>
  patiently(async () => {
    const steps: Step<S>[] = [];
    try {
      const policy = replay(recording.schedule, machine.actorNames, machine.engine.name === 'postgres');
      return { steps, end: await run(machine, policy, { onStep: (step) => void steps.push(step) }) };
    } catch (error) {
      if (!(error instanceof ScheduleError)) throw error;
      return { steps, end: error };
    }
  });

function describeStep<S>(names: readonly string[], { choice, text, outcome }: Step<S>): string {
  const came =
    outcome.kind === 'blocked' ? 'waits' : outcome.reply.kind === 'error' ? `${outcome.reply.code} ${outcome.reply.message}` : outcome.kind;
  return `${nameIn(names, choice)} ${text}: ${came}`;
}
