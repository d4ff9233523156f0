import { grouped } from '../grouped.js';
import type { Counterexample, ScenarioOutcome } from '../outcome.js';
import { showCounts } from '../plan/counts.js';
import { brokenBy, brokenText } from './broken.js';
import { explain } from './explain.js';
import { lanesOf } from './lanes.js';
import { inline } from './markdown-text.js';
import { operationLines } from './operations.js';
import { shrunkText, type TextOptions } from './text.js';

/** The counterexample for a pull request: a table with a column an actor, the argument, and the line to replay it. */
export function counterexampleMarkdown(
  outcome: Pick<ScenarioOutcome, 'name' | 'operations' | 'empty' | 'planCounts'>,
  counterexample: Counterexample,
  options: TextOptions,
): string {
  const { history, plan, invariant } = counterexample;
  const [main, ...others] = brokenBy(counterexample);
  const names = plan.actors.map((actor) => inline(actor.name));
  const cell = (text: string) => (text === '' ? '' : `\`${text.replaceAll('`', "'").replaceAll('|', '\\|')}\``);
  const rows = lanesOf(history, invariant).map((step) => {
    const cells = names.map((_, lane) =>
      lane === Math.max(0, step.lane)
        ? step.lines.flatMap(({ text, answer }) => [cell(text), cell(answer)].filter((part) => part !== '')).join('<br>')
        : '',
    );
    return `| ${step.number} | ${cells.join(' | ')} | ${step.usage}${step.violated ? ' **x**' : ''} |`;
  });
  const share =
    counterexample.violating === null
      ? ''
      : ` ${grouped(counterexample.violating)} of ${grouped(counterexample.interleavings ?? 0)} interleavings fail.`;
  const where = counterexample.confirmedOnPostgres
    ? `Confirmed on PostgreSQL ${options.postgres}, replayed ${counterexample.replays.matched}/${counterexample.replays.of}.`
    : 'Found on the model only.';
  return `${[
    `### ${inline(outcome.name)}: ${inline(invariant)} violated`,
    '',
    `**${inline(main!.resource)}**: ${inline(main!.message)}${main!.atEnd ? ', at the end' : ''} (${plan.isolation}, capacity ${plan.capacity}).${share} ${where}`,
    '',
    ...(others.length === 0 ? [] : [...others.map((broken) => `- also broken by this step: ${inline(brokenText(broken))}`), '']),
    `| | ${names.join(' | ')} | |`,
    `|---|${names.map(() => '---|').join('')}---|`,
    ...rows,
    '',
    ...explain(history, invariant, plan.isolation).map((line) => `- ${inline(line)}`),
    `- ${shrunkText(counterexample)}`,
    ...operationLines(outcome.operations).map((line) => `- ${inline(line)}`),
    ...outcome.empty.map((reason) => `- ${inline(reason)}`),
    `- explored: ${showCounts(outcome.planCounts)}`,
    '',
    '```sh',
    `${options.replayCommand} ${counterexample.token}`,
    '```',
  ].join('\n')}\n`;
}
