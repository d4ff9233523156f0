import type { Counterexample, ScenarioOutcome } from '../outcome.js';
import { brokenBy } from './broken.js';
import { score } from './score.js';

/** What a whole invocation came to, before it is written as JSON. */
export interface OutcomeDocument {
  readonly format: 'lastseat.outcome.v1';
  readonly seed: string;
  readonly version: string;
  readonly postgres: {
    readonly provider: string;
    readonly version: string;
    /** What cannot be done with this server, a sentence each. */
    readonly limitations: readonly string[];
  } | null;
  readonly interrupted: boolean;
  readonly elapsedMs: number;
  /** The scenarios are judged by what they expect: there is a score. */
  readonly judged: boolean;
  readonly scenarios: readonly ScenarioOutcome[];
}

/** The outcome as CLI.md has it. `files` says where each scenario's schedule was written. */
export function outcomeJson({ judged, scenarios, ...document }: OutcomeDocument, files: ReadonlyMap<string, string>): unknown {
  return {
    ...document,
    score: judged ? score(scenarios) : null,
    scenarios: scenarios.map((scenario) => ({
      name: scenario.name,
      expect: scenario.expect,
      verdict: scenario.verdict,
      isolation: scenario.isolation,
      actors: scenario.actors,
      capacity: scenario.capacity,
      model: scenario.model,
      postgres: scenario.postgres,
      witnesses: scenario.witnesses,
      operations: scenario.operations,
      reason: scenario.reason,
      empty: scenario.empty,
      limits: scenario.limits,
      elapsedMs: scenario.elapsedMs,
      firstViolation: scenario.firstViolation,
      planCounts: scenario.planCounts,
      plans: scenario.plans.map(({ failure: _failure, activity: _activity, ...plan }) => plan),
      counterexample:
        scenario.counterexample === null
          ? null
          : counterexampleJson(scenario.counterexample, files.get(`${scenario.name} ${scenario.isolation}`) ?? null),
    })),
  };
}

function counterexampleJson(counterexample: Counterexample, file: string | null): unknown {
  const { token, invariant, resource, actors, steps, switches, minimal, fewestActors, confirmedOnPostgres, replays, shrunkFrom } =
    counterexample;
  const broken = brokenBy(counterexample);
  return {
    token,
    file,
    invariant,
    resource,
    broken,
    actors,
    steps,
    switches,
    minimal,
    fewestActors,
    confirmedOnPostgres,
    replays,
    shrunkFrom,
  };
}
