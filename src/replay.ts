import type { Engine } from './engine/contract.js';
import { patiently } from './explore/plan.js';
import type { History } from './history/history.js';
import { Machine } from './machine.js';
import { recordHistory, stepHash } from './record.js';
import { type Run, run } from './run.js';
import type { Scenario } from './scenario.js';
import { replay, ScheduleError } from './schedule/replay.js';
import type { Recording } from './schedule/token.js';

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
  let done: Run<S>;
  try {
    done = await patiently(() => run(machine, replay(recording.schedule, machine.actorNames)));
  } catch (error) {
    if (!(error instanceof ScheduleError)) throw error;
    return { matches: false, difference: { step: error.step, message: error.message }, violated: false, history: null };
  }
  const history = recordHistory(machine, done);
  const hashes = done.steps.map(stepHash);
  const wanted = recording.violation;
  const violated = done.violations.some(
    ({ violation }) => violation.invariant === wanted?.invariant && violation.resource === wanted.resource,
  );
  const first = recording.hashes.findIndex((hash, index) => hash !== hashes[index]);
  if (first >= 0) {
    const step = history.steps[first];
    const now =
      step === undefined
        ? 'nothing'
        : `${step.name} ${step.text}: ${step.error === null ? step.outcome : `${step.error.code} ${step.error.message}`}`;
    return { matches: false, difference: { step: first, message: `step ${first + 1} is now: ${now}` }, violated, history };
  }
  if (hashes.length !== recording.hashes.length) {
    const step = recording.hashes.length;
    return {
      matches: false,
      difference: { step, message: `the run now has ${hashes.length} steps; ${step} were recorded` },
      violated,
      history,
    };
  }
  return { matches: violated === (wanted !== null), difference: null, violated, history };
}
