import { type Choice, isOwn, sameChoice, showChoice } from './choice.js';
import type { Policy } from './policy.js';

/** A schedule that cannot be followed to the letter. */
export class ScheduleError extends Error {
  override readonly name = 'ScheduleError';
  readonly step: number;

  constructor(step: number, message: string) {
    super(message);
    this.step = step;
  }
}

/** A schedule as far as it can be followed: what cannot run is skipped, and when it ends, actors finish in order. */
export function following(schedule: readonly Choice[]): Policy {
  let at = 0;
  return {
    choose: (choices) => {
      for (; at < schedule.length; at += 1) {
        const wanted = schedule[at]!;
        const same = choices.find((choice) => sameChoice(choice, wanted));
        const found = same ?? (isOwn(wanted) ? choices.find((choice) => choice.actor === wanted.actor && isOwn(choice)) : undefined);
        if (found === undefined) continue;
        at += 1;
        return found;
      }
      return choices[0]!;
    },
  };
}

/**
 * A recorded schedule, to the letter: nothing is skipped and nothing is filled in. `decides`: whether a step fails where it may is up to the
 * engine, as it is to a server.
 */
export function replay(schedule: readonly Choice[], names: readonly string[], decides = false): Policy {
  let step = 0;
  const victims = schedule.some((choice) => choice.kind === 'victim');
  return {
    ...(victims && {
      endsAsVictim: () => schedule.slice(step).find((later) => later.actor === schedule[step - 1]!.actor)?.kind === 'victim',
    }),
    choose: (choices) => {
      const wanted = schedule[step];
      step += 1;
      if (wanted === undefined)
        throw new ScheduleError(
          step - 1,
          `the schedule ends after ${schedule.length} steps, and ${choices.map((choice) => showChoice(choice, names)).join(', ')} could go on`,
        );
      const found = choices.find((choice) => sameChoice(choice, wanted));
      if (decides && wanted.kind === 'fail' && choices.some(({ actor, kind }) => actor === wanted.actor && kind === 'step')) return wanted;
      if (found === undefined)
        throw new ScheduleError(
          step - 1,
          `step ${step} of the schedule is ${showChoice(wanted, names)}, which cannot run here; what can: ${choices.map((choice) => showChoice(choice, names)).join(', ')}`,
        );
      return found;
    },
  };
}
