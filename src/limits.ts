/** Limits, with their defaults. A limit that is hit is reported and never counts as a pass. */
export interface Limits {
  /** Plans of one workload that are explored, the smallest first. */
  readonly plans: number;
  /** Steps of the plans of one workload, on the model, after which no further plan of it is begun; a schedule that is sampled on the server counts as ten. */
  readonly planSteps: number;
  /** Plans of one workload that the seed gives besides, of those that were not explored. */
  readonly drawnPlans: number;
  /** States of one plan that the model may visit before it is sampled instead. */
  readonly maxStates: number;
  /** Schedules that are sampled on the model where a plan cannot be explored exhaustively. */
  readonly runs: number;
  /** Where a workload has more than two plans, they share twice as many; this many each at the least. */
  readonly sharedRuns: number;
  /** Orders of one plan that are run one by one, where the model does not answer or `dpor` is asked for. */
  readonly orderRuns: number;
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
  plans: 200,
  planSteps: 50_000,
  drawnPlans: 2,
  maxStates: 200_000,
  runs: 1_000,
  sharedRuns: 100,
  orderRuns: 2_000,
  serverRuns: 5_000,
  violatedServerRuns: 40,
  sampledServerRuns: 25,
  minimiserPlans: 2_000,
  replays: 10,
};

/** Schedules that are sampled of each of so many plans of a workload. */
export const runsOfEach = ({ runs, sharedRuns }: Limits, plans: number): number =>
  Math.min(runs, Math.max(sharedRuns, Math.ceil((2 * runs) / plans)));

/** Limits of one actor's operation. One that is hit is a violation of `progress`, and named; for the last, an error. */
export const ACTOR_LIMITS = {
  /** Calls that an operation may make. */
  calls: 1_000,
  /** Rounds of the same calls with the same answers, and nothing written, after which an operation goes round in a circle. */
  rounds: 50,
  /** The longest such round, in calls. */
  roundCalls: 20,
  /** Milliseconds in which an operation neither calls anything nor ends. */
  silentMs: 10_000,
} as const;
