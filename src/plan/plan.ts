import type { IsolationLevel } from '../scenario.js';

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
}
