import type { IsolationLevel } from '../scenario.js';
import type { Fault } from './fault.js';

/** One participant: the operation that it calls, and with what. */
export interface PlanActor {
  readonly name: string;
  /** Key of the scenario's operations. */
  readonly operation: string;
  readonly input: unknown;
}

/** Everything that a run needs besides the order. Plain JSON. */
export interface Plan {
  /** The scenario's name. */
  readonly scenario: string;
  readonly workload: string;
  readonly isolation: IsolationLevel;
  readonly capacity: number;
  readonly actors: readonly PlanActor[];
  /** Seed of the actors' random streams. */
  readonly seed: string;
  /** What may happen besides the actors' steps; absent where there is nothing. */
  readonly faults?: readonly Fault[];
}

/** The plan with these faults in place of its own. */
export function planWith(plan: Plan, faults: readonly Fault[]): Plan {
  const { faults: _others, ...rest } = plan;
  return faults.length === 0 ? rest : { ...rest, faults };
}
