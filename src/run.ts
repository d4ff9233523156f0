import type { FoundViolation } from './invariants/check.js';
import type { Configuration, Machine, Step } from './machine.js';
import type { MaybePromise } from './maybe-promise.js';
import { type Choice, isOwn } from './schedule/choice.js';
import type { GivingUp, Policy } from './schedule/policy.js';

/** One run: the steps in order, and what was violated after which of them. */
export interface Run<S> {
  readonly first: Configuration<S>;
  readonly steps: readonly Step<S>[];
  /** Where it ended. */
  readonly last: Configuration<S>;
  readonly violations: readonly { readonly step: number; readonly violation: FoundViolation }[];
  /** False where the limit of steps was hit, or the policy gave it up. */
  readonly finished: boolean;
  /** The policy gave it up. */
  readonly givenUp?: true;
}

/** Steps after which a run is given up. */
export const MAX_STEPS = 10_000;

export interface RunOptions<S> {
  /** Default {@link MAX_STEPS}. */
  readonly maxSteps?: number;
  /** Called with every step taken, also in a run that its policy then gives up; the next step waits for it. */
  readonly onStep?: (step: Step<S>) => MaybePromise<void>;
}

/** Runs a plan once: choose, step, check. */
export async function run<S>(
  machine: Machine<S>,
  policy: Policy | GivingUp,
  { maxSteps = MAX_STEPS, onStep }: RunOptions<S> = {},
): Promise<Run<S>> {
  const first = await machine.start();
  const steps: Step<S>[] = [];
  const violations: { step: number; violation: FoundViolation }[] = [];
  const taken = machine.actorNames.map(() => 0);
  const check = async (configuration: Configuration<S>, step: number) => {
    for (const violation of await machine.violations(configuration)) violations.push({ step, violation });
  };
  await check(first, -1);
  let configuration = first;
  let last = -1;
  for (let choices = await machine.nextChoices(first); choices.length > 0; choices = await machine.nextChoices(configuration)) {
    if (steps.length >= maxSteps) return { first, steps, last: configuration, violations, finished: false };
    const choice = policy.choose(choices, { taken, last });
    if (choice === null) return { first, steps, last: configuration, violations, finished: false, givenUp: true };
    const victim = policy.endsAsVictim?.();
    const waits = policy.likelyWaits?.() ?? null;
    if ((victim !== undefined || waits !== null) && isOwn(choice))
      await machine.engine.expect?.(choice.actor, { waits, victim: victim ?? false });
    const step = await machine.apply(configuration, choice);
    steps.push(step);
    await onStep?.(step);
    configuration = step.after;
    last = choice.actor;
    if (isOwn(choice)) taken[last]! += 1;
    await check(configuration, steps.length - 1);
  }
  return { first, steps, last: configuration, violations, finished: true };
}

export const scheduleOf = <S>(result: Run<S>): Choice[] => result.steps.map((step) => step.choice);

/** Changes of actor while the former could have gone on. */
export function contextSwitches<S>(machine: Machine<S>, steps: readonly Step<S>[]): number {
  return steps.filter((step, index) => {
    const last = steps[index - 1]?.choice.actor;
    return (
      last !== undefined &&
      last !== step.choice.actor &&
      machine.choices(step.before).some((choice) => choice.actor === last && isOwn(choice))
    );
  }).length;
}
