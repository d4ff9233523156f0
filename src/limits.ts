/** Limits, with their defaults. A limit that is hit is reported and never counts as a pass. */
export interface Limits {
  /** States of one plan that the model may visit before it is sampled instead. */
  readonly maxStates: number;
  /** Schedules that are sampled on the model where a plan cannot be explored exhaustively. */
  readonly runs: number;
  /** Schedules of one plan that are run on PostgreSQL at the most. */
  readonly serverRuns: number;
  /** The same for a plan that is violated anyway: its verdict rests on the counterexample, which is confirmed on its own. */
  readonly violatedServerRuns: number;
  /** Of sampled schedules: how many are run on PostgreSQL too. */
  readonly sampledServerRuns: number;
  /** Plans that the minimiser explores. */
  readonly minimiserPlans: number;
  /** Times that a counterexample is replayed on the server. */
  readonly replays: number;
}

/** What holds where nothing else is asked for. */
export const DEFAULT_LIMITS: Limits = {
  maxStates: 200_000,
  runs: 1_000,
  serverRuns: 5_000,
  violatedServerRuns: 40,
  sampledServerRuns: 25,
  minimiserPlans: 2_000,
  replays: 10,
};
