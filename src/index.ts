/** The public list: what a scenario of one's own is written with, and what the command line is made of. */
export * from './context.js';
export { CrewError, explainFailure, type FailureKind, type FailureReport, VERDICT_OF_FAILURE } from './crew/failure.js';
export type { OpenedPostgres, Source } from './crew/jobs.js';
export { scenariosIn } from './crew/load.js';
export { Pool } from './crew/pool.js';
export { UnmodelledError } from './engine/contract.js';
export { ModelEngine } from './engine/model/engine.js';
export { PostgresEngine } from './engine/postgres/engine.js';
export { isUrl, parseConnectionUrl, redactUrl } from './engine/postgres/providers/connection-url.js';
export { inspectProviders, type ProviderReport } from './engine/postgres/providers/inspect.js';
export { nativesIn } from './engine/postgres/providers/natives.js';
export { openServer, sweepServer } from './engine/postgres/providers/open.js';
export { livenessOfMark, ownMark } from './engine/postgres/providers/process-mark.js';
export { type PostgresServer, type ProviderChoice, ProviderError } from './engine/postgres/providers/server.js';
export { closeSharedServers } from './engine/postgres/providers/shared.js';
export { openUserSession, type UserSession } from './engine/postgres/providers/user-session.js';
export { type Asked, askScenario, askScript, type ScenarioAsked } from './explore/asked.js';
export { type CounterexampleOptions, makeCounterexample } from './explore/counterexample.js';
export { coverPlans } from './explore/covering.js';
export { type ExploreOptions as PlanOptions, explorePlan } from './explore/plan.js';
export { combine } from './explore/scenario.js';
export { STRATEGIES, type StrategyName } from './explore/strategies/list.js';
export { checkScenario, ScenarioMistake } from './front/check.js';
export { Exploration, type ExplorationOptions, type Found, type ItemProgress } from './front/exploration.js';
export {
  type Budget,
  type Explored,
  type ExploreOptions,
  type ExploreProgress,
  explore,
  limitsWithin,
  type Reporter,
} from './front/explore.js';
export { type ReplayOptions, type ReplayOutcome, type ReplayResult, replay } from './front/replay.js';
export { type Choice, type Item, NoPlanError, NothingLeftError, plansOf, type Slice, suitePlans, type Work, workOf } from './front/work.js';
export { type Construct, constructLines, constructsOf } from './fuzz/constructs.js';
export { FUZZ_DEFAULTS, type FuzzOptions, fuzz } from './fuzz/fuzz.js';
export { PROGRAMS_OF_A_SCHEMA } from './fuzz/program.js';
export { addTallies, type FoundDivergence, type FuzzTally, NOTHING_FUZZED, tallyOf } from './fuzz/tally.js';
export { type Catalogue, readCatalogue } from './fuzz/wide/catalogue.js';
export { SHIPPED_WITNESSES, witnessesOf } from './invariants/witnesses.js';
export { DEFAULT_LIMITS, type Limits, runsOfEach } from './limits.js';
export type { Counterexample, Failure, FirstViolation, PlanOutcome, ScenarioOutcome } from './outcome.js';
export { type Fixed, leastActors } from './plan/bounds.js';
export { MOST_PLANS, type PlanCounts, sumCounts } from './plan/counts.js';
export { PlanCovering, TooManyPlansError, type WantedPlans } from './plan/covering.js';
export { drawPlans } from './plan/draw.js';
export { type Fault, isCrash, isFault } from './plan/fault.js';
export { PlanForm } from './plan/form.js';
export { always, type Generator, integer, oneOf, record } from './plan/generators.js';
export { nameClash } from './plan/names.js';
export type { Plan, PlanActor } from './plan/plan.js';
export { type Replayed, replayOn } from './replay.js';
export { wrap } from './report/lanes.js';
export { counterexampleMarkdown } from './report/markdown.js';
export { REPORTERS } from './report/reporters/list.js';
export { outcomeKey, type Reporter as ReportFormat, type RunReport } from './report/reporters/reporter.js';
export { type Score, score, scoreText } from './report/score.js';
export { asExpected, scenarioText, storyLines, suiteLine, type TextOptions } from './report/text.js';
export * from './scenario.js';
export { readScheduleFile, ScheduleFileError, scheduleFile } from './schedule/file.js';
export { decodeToken, encodeToken, type Recording, TokenError } from './schedule/token.js';
export { withoutHolding } from './spec/at-once.js';
export { renderSpecEvent, type SpecEvent } from './spec/events.js';
export { type ExportedRun, exportSpecification } from './spec/export.js';
export type { Judgement } from './spec/judge.js';
export { parseSpecification } from './spec/parse.js';
export { runSpecification, SPEC_DEFAULTS, type SpecOptions, type SpecOutcome } from './spec/run.js';
export type { Specification } from './spec/specification.js';
export { SpecExportError } from './spec/sql-block.js';
export { type SummaryOptions, specSummary } from './spec/summary.js';
export { SpecSyntaxError } from './spec/syntax-error.js';
export { holds, type Verdict } from './verdict.js';
