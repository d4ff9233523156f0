import { EngineError, UnmodelledError } from '../engine/contract.js';
import { ModelEngine } from '../engine/model/engine.js';
import type { ModelState } from '../engine/model/state.js';
import type { PostgresEngine, ServerState } from '../engine/postgres/engine.js';
import type { FoundViolation } from '../invariants/check.js';
import type { Limits } from '../limits.js';
import { Machine } from '../machine.js';
import { chain, type MaybePromise } from '../maybe-promise.js';
import type { Difference, Failure, ModelFigures, PlanOutcome, ServerFigures } from '../outcome.js';
import type { Plan } from '../plan/plan.js';
import { contextSwitches, type Run, run, scheduleOf } from '../run.js';
import type { Scenario } from '../scenario.js';
import { drawOrders, ordered } from '../schedule/arbitrary.js';
import { delayed, delayPlacements } from '../schedule/bounded.js';
import { type Choice, isOwn } from '../schedule/choice.js';
import { withHappenings } from '../schedule/happening.js';
import { pct } from '../schedule/pct.js';
import type { Policy } from '../schedule/policy.js';
import randomStream from '../schedule/random.js';
import { following } from '../schedule/replay.js';
import { weighted } from '../schedule/weighted.js';
import type { Verdict } from '../verdict.js';
import { unheld } from './cover.js';
import { Coverage } from './coverage.js';
import { brokenFirstRows } from './first-rows.js';
import { ForetoldSteps, KnownSteps } from './foretold.js';
import { count, type GraphEdge, type GraphNode, type StateGraph, shortestTo } from './graph.js';
import { type Foretold, type LockstepRun, lockstep, type Parting } from './lockstep.js';
import { type Activity, activityIn, SampledActivity } from './operations.js';
import { search } from './search.js';

/** Random ways that are tried before the shortest failing one is taken for the one that was found. */
const RANDOM_FAILURES = 200;

/** Times that a schedule is run again where server and model differ: where the order is ours, and where it is the server's own. */
const CLOSED_REPEATS = 2;
const OPEN_REPEATS = 10;

/** `auto`: every interleaving where the state graph is small enough, else a portfolio of sampling policies. The others are what they say. */
export type Strategy = 'auto' | 'exhaustive' | 'uniform' | 'pct' | 'bounded';

/** Where one plan is explored, and how far. */
export interface ExploreOptions {
  readonly strategy: Strategy;
  readonly limits: Limits;
  /** Null: the model alone. A promise where the server is still starting: the model is searched meanwhile. */
  readonly postgres: MaybePromise<PostgresEngine | null>;
  /** False: the server alone. */
  readonly model: boolean;
  /** Says that the time is up: what has not been done by then is reported as a limit. */
  readonly expired?: () => boolean;
  /** Called once, as soon as a violation of the plan is known. */
  readonly onViolation?: () => void;
  readonly onProgress?: (progress: { readonly states: number; readonly runs: number; readonly of: number }) => void;
}

/** Explores one plan as far as it goes: exhaustively on the model where it can, confirmed on the server, sampled otherwise. */
export async function explorePlan(scenario: Scenario, plan: Plan, options: ExploreOptions): Promise<PlanOutcome> {
  const exploration = new PlanExploration(scenario, plan, options);
  try {
    return await exploration.explore();
  } catch (error) {
    if (error instanceof UnmodelledError) return exploration.unmodelled(error);
    throw error;
  }
}

class PlanExploration {
  readonly #scenario: Scenario;
  readonly #plan: Plan;
  readonly #options: ExploreOptions;
  readonly #limits: string[] = [];

  constructor(scenario: Scenario, plan: Plan, options: ExploreOptions) {
    this.#scenario = scenario;
    this.#plan = plan;
    this.#options = options;
  }

  async explore(): Promise<PlanOutcome> {
    if (!this.#options.model) return this.#sampleServer();
    const major = chain(this.#options.postgres, (postgres) => postgres?.server.major ?? null);
    const engine = new ModelEngine({ major });
    try {
      return await this.#onModel(engine);
    } finally {
      engine.keepShapes();
    }
  }

  async #onModel(engine: ModelEngine): Promise<PlanOutcome> {
    const { strategy } = this.#options;
    const machine = new Machine(this.#scenario, this.#plan, engine);
    if (strategy === 'auto' || strategy === 'exhaustive') {
      const { maxStates } = this.#options.limits;
      const { expired } = this.#options;
      const steps = new KnownSteps<ModelState>();
      const { graph, complete } = await search(machine, engine, {
        maxStates,
        remember: steps.remember,
        ...(expired === undefined ? {} : { expired }),
        onProgress: (states) => this.#progress({ states }),
      });
      if (complete) return this.#exhaustive(machine, engine, graph, steps);
      if (expired?.()) {
        this.#limits.push('time');
        return this.#outcome({ verdict: 'inconclusive', reason: `the time was up after ${graph.nodes.length} states (--time)` });
      }
      if (strategy === 'exhaustive') {
        this.#limits.push(`max-states ${maxStates}`);
        return this.#outcome({ verdict: 'inconclusive', reason: `the state graph has more than ${maxStates} states (--max-states)` });
      }
    }
    return this.#sampleModel(machine, engine);
  }

  /** SQL that the model refuses still runs on the server. */
  async unmodelled(error: UnmodelledError): Promise<PlanOutcome> {
    const reason = `the model does not answer ${error.message}`;
    if ((await this.#options.postgres) === null) return this.#outcome({ verdict: 'unmodelled', reason });
    let sampled: PlanOutcome;
    try {
      sampled = await this.#sampleServer();
    } catch (refusal) {
      // Nor can the server be made to show it under a clock of ours.
      if (refusal instanceof UnmodelledError) return this.#outcome({ verdict: 'unmodelled', reason });
      throw refusal;
    }
    return sampled.verdict === 'passed' ? { ...sampled, verdict: 'unmodelled', reason } : { ...sampled, reason: sampled.reason ?? reason };
  }

  #progress(progress: { states?: number; runs?: number; of?: number }): void {
    this.#options.onProgress?.({ states: 0, runs: 0, of: 0, ...progress });
  }

  #outcome(known: Partial<PlanOutcome> & { verdict: Verdict }): PlanOutcome {
    return {
      plan: this.#plan,
      model: null,
      postgres: null,
      witnesses: {},
      operations: {},
      activity: null,
      reason: null,
      limits: this.#limits,
      failure: null,
      divergence: null,
      ...known,
    };
  }

  async #exhaustive(
    machine: Machine<ModelState>,
    engine: ModelEngine,
    graph: StateGraph,
    steps: KnownSteps<ModelState>,
  ): Promise<PlanOutcome> {
    const counts = count(graph, machine.witnesses.length);
    const model: ModelFigures = {
      interleavings: String(counts.interleavings),
      violating: String(counts.violating),
      states: graph.nodes.length,
      transitions: graph.transitions,
      exhaustive: true,
      strategy: 'exhaustive',
      coarse: engine.coarse,
    };
    const witnesses = Object.fromEntries(machine.witnesses.map((witness, index) => [witness.name, String(counts.witnesses[index])]));
    if (counts.violating > 0n) this.#options.onViolation?.();
    const violated = counts.violating > 0n;
    const firstRows = this.#brokenFirstRows(graph.root.violations);
    const failure = violated && firstRows === null ? await this.#failureIn(machine, graph) : null;
    const confirmed = await this.#confirm(machine, graph, new ForetoldSteps(machine, graph, steps), violated);
    const verdict: Verdict = confirmed.verdict ?? (violated ? 'violated' : confirmed.complete ? 'proved' : 'explored');
    const reason = confirmed.reason ?? firstRows ?? (verdict === 'explored' ? confirmed.share : null);
    const done = activityIn(machine, graph);
    return this.#outcome({
      verdict,
      model,
      postgres: confirmed.figures,
      witnesses,
      operations: done.figures,
      activity: done.activity,
      failure,
      reason,
      divergence: confirmed.divergence,
    });
  }

  #brokenFirstRows(violations: readonly FoundViolation[]): string | null {
    return brokenFirstRows(
      violations,
      (this.#scenario.monitors ?? []).map(({ name }) => name),
    );
  }

  /** A failing way as somebody would meet it: at random. Making it small is the minimiser's work. */
  async #failureIn(machine: Machine<ModelState>, graph: StateGraph): Promise<Failure> {
    const random = randomStream(`${this.#plan.seed}/failure`);
    for (let tries = 0; tries < RANDOM_FAILURES; tries += 1) {
      const schedule: Choice[] = [];
      let failed = false;
      for (let node = graph.root; node.edges.length > 0; ) {
        const edge = node.edges[random.integer(0, node.edges.length - 1)]!;
        schedule.push(edge.choice);
        node = edge.to;
        failed ||= node.violations.length > 0;
      }
      if (failed) return this.#failure(machine, await run(machine, following(schedule)), tries + 1);
    }
    const shortest = shortestTo(graph, (node) => node.violations.length > 0)!;
    return this.#failure(machine, await run(machine, following(shortest.choices)), null);
  }

  #failure<S>(machine: Machine<S>, failed: Run<S>, schedules: number | null): Failure {
    const { violation, step } = failed.violations[0]!;
    const steps = failed.steps.slice(0, step + 1);
    return {
      plan: this.#plan,
      schedule: scheduleOf(failed),
      invariant: violation.invariant,
      resource: violation.resource,
      steps: steps.length,
      switches: contextSwitches(machine, steps),
      schedules,
      onServerOnly: false,
    };
  }

  async #confirm(
    machine: Machine<ModelState>,
    graph: StateGraph,
    foretold: Foretold<ModelState>,
    violated: boolean,
  ): Promise<Confirmation> {
    const { limits } = this.#options;
    const postgres = await this.#options.postgres;
    if (postgres === null)
      return {
        figures: null,
        complete: false,
        verdict: null,
        reason: null,
        share: 'not confirmed on PostgreSQL: the model alone was asked',
        divergence: null,
      };
    const held = postgres.resumesAtOnce ? unheld(postgres.server.canSetDeadlockTimeout) : () => true;
    const allowed = (node: GraphNode, edge: GraphEdge) => held(node, edge) && (edge.choice.kind !== 'crash' || postgres.canCrash);
    const most = violated ? Math.min(limits.serverRuns, limits.violatedServerRuns) : limits.serverRuns;
    const coverage = new Coverage(graph, allowed);
    let compared: Compared = { runs: 0, difference: null, schedule: null, racy: null };
    let runs = 0;
    let inTime = true;
    for (let schedules = coverage.schedules(most); schedules.length > 0; schedules = inTime ? coverage.schedules(most - runs) : []) {
      compared = await this.#lockstepAll(machine, postgres, schedules, foretold, coverage);
      runs += compared.runs;
      inTime = compared.runs === schedules.length;
      if (compared.difference !== null || compared.racy !== null) break;
    }
    const { difference, schedule, racy } = compared;
    const { confirmed, unforceable } = coverage;
    const failed = difference !== null || racy !== null;
    const all = runs > 0 && confirmed === graph.transitions - unforceable;
    if (!inTime && !failed) this.#limits.push('time');
    else if (runs >= most && !all && !failed && !violated) this.#limits.push(`server-runs ${limits.serverRuns}`);
    const figures: ServerFigures = {
      runs,
      transitionsConfirmed: confirmed,
      transitionsUnforceable: unforceable,
      divergences: difference === null ? 0 : 1,
    };
    const share = `${confirmed} of ${graph.transitions} transitions were seen on PostgreSQL${figures.transitionsUnforceable > 0 ? `, ${figures.transitionsUnforceable} cannot be forced with this provider` : ''}`;
    return {
      figures,
      complete: all && !failed,
      verdict: racy !== null ? 'racy' : difference !== null ? 'diverged' : null,
      reason: racy ?? (difference === null ? null : describe(difference)),
      share,
      divergence: difference === null ? null : { ...difference, schedule: schedule ?? [] },
    };
  }

  async #lockstepAll(
    machine: Machine<ModelState>,
    postgres: PostgresEngine,
    schedules: readonly (readonly Choice[])[],
    foretold: Foretold<ModelState> = machine,
    coverage: Coverage | null = null,
  ): Promise<Compared> {
    const server = new Machine(this.#scenario, this.#plan, postgres);
    let runs = 0;
    for (const schedule of schedules) {
      if (this.#options.expired?.()) break;
      const { difference, meaning, parted, followed } = await this.#compare(() => lockstep(machine, server, schedule, foretold));
      runs += 1;
      if (meaning === 'divergence') return { runs, difference, schedule, racy: null };
      if (meaning === 'race') return { runs, difference: null, schedule: null, racy: `once, and not again: ${describe(difference!)}` };
      if (meaning === 'agreement') coverage?.note(schedule, parted);
      else coverage?.refuse(schedule, followed);
      if (runs % 16 === 0) this.#progress({ runs, of: schedules.length });
    }
    return { runs, difference: null, schedule: null, racy: null };
  }

  /**
   * A difference that does not come again is no divergence but a race that the schedule does not settle. Where waiters cannot be held and
   * race for what was freed, that is as expected: the schedule is tried until the server goes on as scheduled, or has refused to often enough.
   */
  async #compare(attempt: () => Promise<LockstepRun<ModelState, ServerState>>): Promise<Comparison> {
    const first = await patiently(attempt);
    const { difference, parted, openAfter } = first;
    const followed = openAfter === null ? 0 : openAfter + 1;
    if (difference === null) return { difference, meaning: 'agreement', parted, followed };
    const isOpen = openAfter !== null && difference.step > openAfter;
    let same = true;
    for (let repeat = 0; repeat < (isOpen ? OPEN_REPEATS : CLOSED_REPEATS); repeat += 1) {
      const next = await patiently(attempt);
      if (next.difference === null)
        return isOpen
          ? { difference: null, meaning: 'agreement', parted: next.parted, followed }
          : { difference, meaning: 'race', parted, followed };
      same &&= describe(next.difference) === describe(difference);
    }
    return { difference, meaning: isOpen && !same ? 'unseen' : 'divergence', parted, followed };
  }

  async #sampleModel(machine: Machine<ModelState>, engine: ModelEngine): Promise<PlanOutcome> {
    const { limits } = this.#options;
    const sample = await this.#sample(machine, limits.runs);
    const postgres = await this.#options.postgres;
    let figures: ServerFigures | null = null;
    let divergence: PlanOutcome['divergence'] = null;
    let racy: string | null = null;
    if (postgres !== null) {
      const compared = await this.#lockstepAll(machine, postgres, await this.#sampledForServer(engine, postgres, sample.schedules));
      racy = compared.racy;
      figures = {
        runs: compared.runs,
        transitionsConfirmed: 0,
        transitionsUnforceable: 0,
        divergences: compared.difference === null ? 0 : 1,
      };
      if (compared.difference !== null) divergence = { ...compared.difference, schedule: compared.schedule ?? [] };
    }
    const model: ModelFigures = {
      interleavings: String(sample.runs),
      violating: String(sample.violating),
      states: 0,
      transitions: sample.steps,
      exhaustive: false,
      strategy: this.#options.strategy === 'auto' ? 'portfolio' : this.#options.strategy,
      coarse: engine.coarse,
    };
    const found: Verdict = sample.violating > 0 ? 'violated' : sample.runs === 0 ? 'inconclusive' : 'passed';
    return this.#outcome({
      verdict: racy !== null ? 'racy' : divergence !== null ? 'diverged' : found,
      reason:
        racy ??
        (divergence === null
          ? found === 'inconclusive'
            ? 'no schedule was run before the time was up'
            : sample.firstRows
          : describe(divergence)),
      model,
      postgres: figures,
      witnesses: sample.witnesses,
      operations: sample.activity.figures,
      activity: sample.runs === 0 ? null : sample.activity.activity,
      failure: sample.failure,
      divergence,
    });
  }

  /** Those of the sampled schedules that are run on the server too; a server that cannot be held back gets some that it can be made to follow. */
  async #sampledForServer(
    engine: ModelEngine,
    { resumesAtOnce, server }: PostgresEngine,
    sampled: readonly (readonly Choice[])[],
  ): Promise<readonly (readonly Choice[])[]> {
    const { sampledServerRuns } = this.#options.limits;
    if (!resumesAtOnce) return sampled.slice(0, sampledServerRuns);
    const machine = new Machine(this.#scenario, this.#plan, engine, { resumeAtOnce: true });
    const { schedules } = await this.#sample(machine, sampledServerRuns);
    if (server.canSetDeadlockTimeout) return schedules;
    return schedules.map((schedule) => {
      const victim = schedule.findIndex((choice) => choice.kind === 'victim');
      return victim < 0 ? schedule : schedule.slice(0, victim);
    });
  }

  async #sampleServer(): Promise<PlanOutcome> {
    const { limits } = this.#options;
    const postgres = await this.#options.postgres;
    if (postgres === null) throw new Error('neither the model nor a server');
    const machine = new Machine(this.#scenario, this.#plan, postgres);
    const sample = await this.#sample(machine, Math.min(limits.runs, limits.serverRuns));
    const figures: ServerFigures = { runs: sample.runs, transitionsConfirmed: 0, transitionsUnforceable: 0, divergences: 0 };
    return this.#outcome({
      verdict: sample.violating > 0 ? 'violated' : sample.runs === 0 ? 'inconclusive' : 'passed',
      reason: sample.runs === 0 ? 'no schedule was run before the time was up' : sample.firstRows,
      postgres: figures,
      witnesses: sample.witnesses,
      operations: sample.activity.figures,
      activity: sample.runs === 0 ? null : sample.activity.activity,
      failure: sample.failure === null ? null : { ...sample.failure, onServerOnly: true },
    });
  }

  /** The first run is without them, and tells how long runs are. */
  #withFaults(policy: Policy, runs: number, lengths: readonly number[]): Policy {
    const { faults, seed } = this.#plan;
    if (faults === undefined) return policy;
    const steps = lengths.reduce((sum, length) => sum + length, 0);
    return withHappenings(policy, `${seed}/faults ${runs}`, runs === 0 ? 0 : faults.length, steps);
  }

  async #sample<S>(machine: Machine<S>, budget: number): Promise<Sample> {
    const seen = machine.witnesses.map(() => 0);
    const schedules: Choice[][] = [];
    const sampled = new SampledActivity(machine);
    let failure: Failure | null = null;
    let firstRows: string | null = null;
    let endless = false;
    let runs = 0;
    let steps = 0;
    let violating = 0;
    const lengths = machine.actorNames.map(() => 1);
    for (const policy of policies(this.#options.strategy, this.#plan, budget, lengths)) {
      if (this.#options.expired?.()) {
        this.#limits.push('time');
        break;
      }
      const result = await patiently(() => run(machine, this.#withFaults(policy(), runs, lengths)));
      runs += 1;
      steps += result.steps.length;
      if (!result.finished) this.#limits.push('steps');
      schedules.push(scheduleOf(result));
      lengths.forEach((length, actor) => {
        lengths[actor] = Math.max(length, result.steps.filter(({ choice }) => isOwn(choice) && choice.actor === actor).length);
      });
      sampled.note(result);
      const bits = result.steps.reduce((all, step) => all | step.witnesses, 0);
      machine.witnesses.forEach((_, index) => {
        if (bits & (1 << index)) seen[index]! += 1;
      });
      if (result.violations.length > 0) {
        violating += 1;
        if (violating === 1) this.#options.onViolation?.();
        firstRows = this.#brokenFirstRows(result.violations.filter(({ step }) => step < 0).map(({ violation }) => violation));
        if (firstRows !== null) break;
        failure ??= this.#failure(machine, result, runs);
        endless ||= machine.actorNames.some((_, actor) => machine.phase(result.last, actor) === 'endless');
      }
      // Each such run takes as many steps as an operation may: the failure is known, and more of them would say no more.
      if (endless && runs >= this.#options.limits.violatedServerRuns) break;
      if (runs % 16 === 0) this.#progress({ runs, of: budget });
    }
    const witnesses = Object.fromEntries(machine.witnesses.map((witness, index) => [witness.name, String(seen[index])]));
    return { runs, steps, violating, witnesses, activity: sampled.activity, schedules, failure, firstRows };
  }
}

/** What came of one schedule in lockstep, repeated where it had to be. */
interface Comparison {
  readonly difference: Difference | null;
  readonly meaning: 'agreement' | 'divergence' | 'race' | 'unseen';
  readonly parted: Parting | null;
  /** Steps until the order is the server's own; 0 where it never is. */
  readonly followed: number;
}

interface Confirmation {
  readonly figures: ServerFigures | null;
  readonly complete: boolean;
  readonly verdict: 'diverged' | 'racy' | null;
  readonly reason: string | null;
  readonly share: string;
  readonly divergence: PlanOutcome['divergence'];
}

interface Compared {
  readonly runs: number;
  readonly difference: Difference | null;
  readonly schedule: readonly Choice[] | null;
  readonly racy: string | null;
}

interface Sample {
  readonly runs: number;
  readonly steps: number;
  readonly violating: number;
  readonly witnesses: Readonly<Record<string, string>>;
  readonly activity: Activity;
  readonly schedules: readonly Choice[][];
  readonly failure: Failure | null;
  /** See {@link brokenFirstRows}: then there is no failure of an order. */
  readonly firstRows: string | null;
}

export const describe = (difference: Difference): string =>
  `after step ${difference.step + 1} (${difference.text}), ${difference.what}: the model shows ${difference.model}; PostgreSQL shows ${difference.server}`;

/** Tries again where the machine was too busy for the server's timers. */
export async function patiently<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof EngineError) || tries === 3) throw error;
    }
  }
}

/**
 * Policies for one plan, as many as the budget allows. The portfolio: all schedules with few delays first, up to a third of the
 * budget, then walks weighted by steps left and PCT in turn; each alone is blind to some shape of bug.
 */
function* policies(strategy: Strategy, plan: Plan, budget: number, lengths: readonly number[]): Generator<() => Policy> {
  const actors = plan.actors.length;
  const total = () => lengths.reduce((sum, length) => sum + length, 0);
  const bounded = strategy === 'bounded' ? budget : strategy === 'auto' ? Math.ceil(budget / 3) : 0;
  let given = 0;
  if (bounded > 0) {
    // The first run tells how long runs are.
    yield () => delayed([]);
    given += 1;
    for (let delays = 1; delays <= 4 && given < bounded; delays += 1)
      for (const placement of delayPlacements(delays, total())) {
        if (given >= bounded) break;
        given += 1;
        yield () => delayed(placement);
      }
    if (strategy === 'bounded') return;
  }
  if (strategy === 'uniform') {
    for (const order of drawOrders(plan, budget)) yield () => ordered(order);
    return;
  }
  for (; given < budget; given += 1) {
    const seed = `${plan.seed}/schedule ${given}`;
    yield strategy === 'pct' || given % 2 === 0 ? () => pct(seed, actors, total()) : () => weighted(seed, lengths);
  }
}
