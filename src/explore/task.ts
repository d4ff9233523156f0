import type { PostgresEngine } from '../engine/postgres/engine.js';
import type { FoundViolation } from '../invariants/check.js';
import type { Limits } from '../limits.js';
import type { Machine } from '../machine.js';
import type { MaybePromise } from '../maybe-promise.js';
import type { Failure, PlanOutcome } from '../outcome.js';
import type { Plan } from '../plan/plan.js';
import { contextSwitches, type Run, scheduleOf } from '../run.js';
import type { Scenario } from '../scenario.js';
import type { Verdict } from '../verdict.js';
import { brokenFirstRows } from './first-rows.js';

/** Where one plan is explored, and how far. */
export interface TaskOptions {
  readonly limits: Limits;
  /** Null: the model alone. A promise where the server is still starting: the model is searched meanwhile. */
  readonly postgres: MaybePromise<PostgresEngine | null>;
  /** False: the server alone. */
  readonly model: boolean;
  /** False: where orders are run on an engine that cannot go back, every one is, whatever commutes. Default true. */
  readonly reduction?: boolean;
  /** Says that the time is up: what has not been done by then is reported as a limit. */
  readonly expired?: () => boolean;
  /** Called once, as soon as a violation of the plan is known. */
  readonly onViolation?: () => void;
  readonly onProgress?: (progress: { readonly states: number; readonly runs: number; readonly of: number }) => void;
}

/** One plan to be explored, and what every strategy needs for it. */
export class PlanTask {
  readonly scenario: Scenario;
  readonly plan: Plan;
  readonly options: TaskOptions;
  /** Limits that were hit. */
  readonly hit: string[] = [];
  #violated = false;

  constructor(scenario: Scenario, plan: Plan, options: TaskOptions) {
    this.scenario = scenario;
    this.plan = plan;
    this.options = options;
  }

  get expired(): boolean {
    return this.options.expired?.() === true;
  }

  progress(progress: { states?: number; runs?: number; of?: number }): void {
    this.options.onProgress?.({ states: 0, runs: 0, of: 0, ...progress });
  }

  /** Tells, once, that a violation of the plan is known. */
  violated(): void {
    if (this.#violated) return;
    this.#violated = true;
    this.options.onViolation?.();
  }

  outcome(known: Partial<PlanOutcome> & { readonly verdict: Verdict }): PlanOutcome {
    return {
      plan: this.plan,
      model: null,
      postgres: null,
      witnesses: {},
      operations: {},
      activity: null,
      reason: null,
      limits: this.hit,
      failure: null,
      divergence: null,
      ...known,
    };
  }

  brokenFirstRows(violations: readonly FoundViolation[]): string | null {
    return brokenFirstRows(
      violations,
      (this.scenario.monitors ?? []).map(({ name }) => name),
    );
  }

  failure<S>(machine: Machine<S>, failed: Run<S>, schedules: number | null): Failure {
    const { violation, step } = failed.violations[0]!;
    const steps = failed.steps.slice(0, step + 1);
    return {
      plan: this.plan,
      schedule: scheduleOf(failed),
      invariant: violation.invariant,
      resource: violation.resource,
      steps: steps.length,
      switches: contextSwitches(machine, steps),
      schedules,
      onServerOnly: machine.engine.name === 'postgres',
    };
  }
}
