import { grouped } from '../grouped.js';
import type { Counterexample, ScenarioOutcome, ServerFigures } from '../outcome.js';
import { showNext, showShare, showWhich } from '../plan/counts.js';
import { showFault } from '../plan/fault.js';
import { holds } from '../verdict.js';
import { brokenBy, brokenText } from './broken.js';
import { explain } from './explain.js';
import { lanesOf, renderLanes, wrap } from './lanes.js';
import { operationLines } from './operations.js';
import { counted, ordersText } from './orders.js';
import { planLines } from './plan-lines.js';

/** What the text depends on besides the outcome. `width` is in columns. */
export interface TextOptions {
  readonly width: number;
  /** `18.4 (embedded)`; null without a server. */
  readonly postgres: string | null;
  readonly version: string;
  readonly color: boolean;
  /** How a counterexample is replayed: a command without its token. */
  readonly replayCommand: string;
}

const paint = (code: number, text: string, color: boolean) => (color ? `\u001b[${code}m${text}\u001b[0m` : text);
const bad = (text: string, options: TextOptions) => paint(31, text, options.color);
const good = (text: string, options: TextOptions) => paint(32, text, options.color);

/** One line for the suite: verdict, counts, time. */
export function suiteLine(outcome: ScenarioOutcome, options: TextOptions, nameWidth: number): string {
  const expected = asExpected(outcome);
  const mark = expected ? good('ok', options) : bad(' x', options);
  const level = outcome.isolation === 'READ COMMITTED' ? 'RC' : outcome.isolation === 'REPEATABLE READ' ? 'RR' : 'SER';
  const counts =
    outcome.model === null
      ? (ordersText(outcome.postgres) ?? 'server alone')
      : `${grouped(outcome.model.interleavings)} ${outcome.model.exhaustive ? 'interleavings' : 'schedules'}${outcome.model.violating === '0' ? '' : `, ${grouped(outcome.model.violating)} violate`}`;
  const server =
    outcome.postgres === null || outcome.model === null
      ? ''
      : ` · ${grouped(outcome.postgres.transitionsConfirmed)}/${grouped(outcome.model?.transitions ?? 0)} transitions seen on PostgreSQL${outcome.postgres.transitionsUnforceable === 0 ? '' : `, ${grouped(outcome.postgres.transitionsUnforceable)} cannot be forced`}`;
  const verdict = (expected ? outcome.verdict : `${outcome.verdict}, expected: ${outcome.expect ?? 'nothing'}`).padEnd(9);
  return `${mark} ${outcome.name.padEnd(nameWidth)} ${level.padEnd(3)} ${verdict}  ${showShare(outcome.planCounts)}, ${counts}${server} · ${(outcome.elapsedMs / 1000).toFixed(1)} s`;
}

/** Whether the verdict is what the variant declares at this level; a level without a declaration is never as expected. */
export const asExpected = (outcome: ScenarioOutcome): boolean =>
  outcome.expect === 'violated' ? outcome.verdict === 'violated' : holds(outcome.verdict) && outcome.expect !== null;

/** Everything about one scenario that was named: its verdict with what it rests on, its counterexample, its witnesses. */
export function scenarioText(outcome: ScenarioOutcome, options: TextOptions): string {
  const lines: string[] = [];
  const { counterexample } = outcome;
  if (counterexample !== null) lines.push(...counterexampleLines(outcome.name, counterexample, options), '');
  const mark = holds(outcome.verdict) ? good(outcome.verdict, options) : bad(outcome.verdict, options);
  lines.push(`verdict     ${mark}: ${meaning(outcome, options)}`);
  const which = showWhich(outcome.planCounts);
  const next = showNext(outcome.planCounts);
  if (which !== null) lines.push(`plans       ${showShare(outcome.planCounts)}, ${which}${next === null ? '' : `; ${next}`}`);
  for (const plan of planLines(outcome.plans))
    lines.push(...wrap(plan, options.width - 12).map((line, index) => `${index === 0 ? '  plan      ' : ' '.repeat(12)}${line}`));
  const operations = operationLines(outcome.operations).flatMap((line) => wrap(line, options.width - 12));
  lines.push(...operations.map((line, index) => `${index === 0 ? 'operations  ' : ' '.repeat(12)}${line}`));
  // A vacuous verdict has said it.
  if (outcome.verdict !== 'vacuous') lines.push(...outcome.empty.map((reason) => `empty       ${reason}`));
  if (outcome.limits.length > 0) lines.push(`limits      hit: ${outcome.limits.join(', ')}`);
  if (outcome.model !== null && outcome.model.coarse.length > 0)
    lines.push(`coarse      at statement granularity, since they touch several rows at once: ${outcome.model.coarse.join('; ')}`);
  if ((outcome.postgres?.coarse ?? []).length > 0)
    lines.push(
      `coarse      at statement granularity, since PostgreSQL runs others inside them, or locks several rows: ${outcome.postgres!.coarse!.join('; ')}`,
    );
  const seen = Object.entries(outcome.witnesses).map(
    ([name, count]) => `${name} ${grouped(count)}/${grouped(outcome.model?.interleavings ?? outcome.postgres?.runs ?? 0)}`,
  );
  if (seen.length > 0) lines.push(...wrap(`witnesses   ${seen.join(' · ')}`, options.width));
  return lines.join('\n');
}

/** What the server has shown of a plan that was proved, and what it could not be made to show. */
function confirmation(
  { transitionsConfirmed, transitionsUnforceable }: Pick<ServerFigures, 'transitionsConfirmed' | 'transitionsUnforceable'>,
  options: TextOptions,
): string {
  const seen = `each of the ${grouped(transitionsConfirmed)} transitions`;
  if (transitionsUnforceable === 0) return `${seen} was seen on PostgreSQL ${options.postgres}`;
  return `${seen} that can be forced on PostgreSQL ${options.postgres} was seen there, ${grouped(transitionsUnforceable)} others cannot be forced`;
}

/** What was proved, by the model and by the server itself; a scenario may have plans of both kinds. */
function provedText({ model, plans, planCounts }: ScenarioOutcome, options: TextOptions): string {
  const onServer = plans.filter((plan) => plan.postgres?.orders !== undefined);
  const share = showShare(planCounts);
  const onModel = plans.filter((plan) => plan.model !== null);
  const confirmed = onModel.reduce((sum, plan) => sum + (plan.postgres?.transitionsConfirmed ?? 0), 0);
  const unforceable = onModel.reduce((sum, plan) => sum + (plan.postgres?.transitionsUnforceable ?? 0), 0);
  const byModel = `no violation in any of ${grouped(model?.interleavings ?? 0)} interleavings of ${onServer.length === 0 ? share : counted(onModel.length, 'plan')} on the model; ${confirmation({ transitionsConfirmed: confirmed, transitionsUnforceable: unforceable }, options)}`;
  if (onServer.length === 0) return byModel;
  const runs = onServer.reduce((sum, plan) => sum + plan.postgres!.runs, 0);
  const orders = onServer.some((plan) => plan.postgres!.orders === null)
    ? null
    : String(onServer.reduce((sum, plan) => sum + BigInt(plan.postgres!.orders!), 0n));
  const commuting = onServer[0]!.postgres!.reduction === 'none' ? '' : ', up to steps that commute,';
  const whose = onModel.length === 0 ? share : counted(onServer.length, 'plan');
  const byServer = `no violation: every order of ${whose}${commuting} was run on PostgreSQL ${options.postgres}: ${ordersText({ ...onServer[0]!.postgres!, runs, orders })}`;
  return onModel.length === 0 ? byServer : `${byServer}; and ${byModel}`;
}

/** Where the server has races of its own inside a statement. */
const coarseText = ({ coarse = [] }: ServerFigures): string => (coarse.length === 0 ? '' : '; at the granularity of statements');

/** What a verdict says, and what it does not. */
function meaning(outcome: ScenarioOutcome, options: TextOptions): string {
  const { model, postgres } = outcome;
  const plans = showShare(outcome.planCounts);
  switch (outcome.verdict) {
    case 'proved':
      return `${provedText(outcome, options)}${coarseText(postgres!)}`;
    case 'explored':
      return `no violation in any of ${grouped(model!.interleavings)} interleavings of ${plans} on the model; ${outcome.reason ?? 'not confirmed on PostgreSQL'}`;
    case 'passed':
      if (model?.exhaustive)
        return `no violation in any of ${grouped(model.interleavings)} interleavings of ${plans}. A sample is no proof`;
      if (postgres?.orders !== undefined)
        return `no violation in ${grouped(postgres.runs)} runs of ${plans} on PostgreSQL ${options.postgres}${outcome.reason === null ? '' : `: ${outcome.reason}`}. A sample is no proof`;
      return `no violation in ${grouped(model?.interleavings ?? postgres?.runs ?? 0)} sampled schedules of ${plans}. A sample is no proof`;
    case 'violated': {
      const where =
        model === null
          ? `found on PostgreSQL in ${postgres?.orders === undefined ? 'sampled schedules' : `${grouped(postgres.runs)} orders that were run`} of ${plans}`
          : `${grouped(model.violating)} of ${grouped(model.interleavings)} ${model.exhaustive ? 'interleavings' : 'sampled schedules'} of ${plans} violate`;
      return outcome.reason === null ? where : `${outcome.reason}. ${where[0]!.toUpperCase()}${where.slice(1)}`;
    }
    default:
      return outcome.reason ?? 'no reason is known, which is a defect of lastseat';
  }
}

/** The counterexample: the story, what it was shrunk from, how to replay it. */
function counterexampleLines(name: string, counterexample: Counterexample, options: TextOptions): string[] {
  const { violating, interleavings, confirmedOnPostgres, replays } = counterexample;
  const where = confirmedOnPostgres ? `confirmed on PostgreSQL ${options.postgres}` : 'on the model only';
  const share = violating === null ? [] : [`${grouped(violating)} of ${grouped(interleavings ?? 0)} interleavings`];
  const rests = [...share, where, `replayed ${replays.matched}/${replays.of}`].join(' · ');
  return [
    ...storyLines(name, counterexample, rests, options),
    ...wrap(shrunkText(counterexample), options.width - 2).map((line) => `  ${line}`),
    '',
    `replay      ${options.replayCommand} ${counterexample.token}`,
  ];
}

/** What happened, in lanes, and why it broke. `rests` says what the violation rests on. */
export function storyLines(
  name: string,
  { history, plan, invariant, resource }: Pick<Counterexample, 'history' | 'plan' | 'invariant' | 'resource'>,
  rests: string,
  options: Pick<TextOptions, 'width' | 'color'>,
): string[] {
  const names = plan.actors.map((actor) => actor.name);
  const why = explain(history, invariant, plan.isolation).flatMap((line) => wrap(line, options.width - 9));
  const heading = [
    name,
    plan.isolation,
    `capacity ${plan.capacity}`,
    counted(names.length, 'actor'),
    ...(plan.faults ?? []).map(showFault),
  ];
  return [
    ...wrap(heading.join(' · '), options.width),
    '',
    ...brokenBy({ history, invariant, resource }).flatMap((broken) =>
      wrap(`x ${brokenText(broken)}`, options.width).map((line) => paint(31, line, options.color)),
    ),
    `  ${rests}`,
    '',
    ...renderLanes(lanesOf(history, invariant), names, options.width),
    '',
    ...why.map((line, index) => `${index === 0 ? '  why    ' : '         '}${line}`),
  ];
}

/** How small the failure has become, and whether that is known to be the least. */
export function shrunkText(counterexample: Counterexample): string {
  const { plan, shrunkFrom } = counterexample;
  const size = ({ actors, steps, switches }: { actors: number; steps: number; switches: number }, faults: number) =>
    `${counted(actors, 'actor')}${shrunkFrom.faults === undefined ? '' : `, ${counted(faults, 'fault')}`}, ${counted(steps, 'step')}, ${counted(switches, 'switch', 'switches')}`;
  const [before, after] = [size(shrunkFrom, shrunkFrom.faults ?? 0), size(counterexample, plan.faults?.length ?? 0)];
  const way = before === after ? `${after}, as it was found` : `shrunk from ${before} to ${after}`;
  return `${way}: ${sizeText(counterexample)}`;
}

function sizeText({ minimal, fewestActors }: Counterexample): string {
  if (minimal) return 'no smaller one fails, with these actors and inputs that shrink from theirs';
  return fewestActors === true ? 'no fewer actors or faults fail; not proved to have the fewest steps' : 'not proved to be the smallest';
}
