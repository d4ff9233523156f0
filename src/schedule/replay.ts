import { type Choice, sameChoice, showChoice } from './choice.js';
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

/** A recorded schedule, to the letter: nothing is skipped and nothing is filled in. */
export function replay(schedule: readonly Choice[], names: readonly string[]): Policy {
  let step = 0;
  return {
    choose: (choices) => {
      const wanted = schedule[step];
      step += 1;
      if (wanted === undefined)
        throw new ScheduleError(
          step - 1,
          `the schedule ends after ${schedule.length} steps, and ${choices.map((choice) => showChoice(choice, names)).join(', ')} could go on`,
        );
      const found = choices.find((choice) => sameChoice(choice, wanted));
      if (found === undefined)
        throw new ScheduleError(
          step - 1,
          `step ${step} of the schedule is ${showChoice(wanted, names)}, which cannot run here; what can: ${choices.map((choice) => showChoice(choice, names)).join(', ')}`,
        );
      return found;
    },
  };
}
