import type { ScenarioOutcome } from '../../outcome.js';
import { showShare } from '../../plan/counts.js';
import { counterexampleMarkdown } from '../markdown.js';
import { fenced, inline } from '../markdown-text.js';
import type { Reporter, RunReport } from './reporter.js';
import { headline, isGood } from './verdicts.js';

/** For a pull request or a job's summary: the verdicts in a table, what broke first, and each counterexample of it. */
export const markdown: Reporter = {
  name: 'markdown',
  summary: 'for a pull request: verdicts in a table, and each counterexample',
  render: (report) => {
    const { scenarios, again } = report;
    const bad = scenarios.filter((outcome) => !isGood(outcome, report));
    const good = scenarios.length - bad.length;
    return `${[
      `## lastseat: ${bad.length === 0 ? `${good} of ${scenarios.length} ${scenarios.length === 1 ? 'verdict' : 'verdicts'} good` : `${bad.length} of ${scenarios.length} to look at`}`,
      '',
      '| | scenario | isolation | verdict | plans |',
      '|---|---|---|---|---|',
      // What is bad comes first.
      ...[...bad, ...scenarios.filter((outcome) => isGood(outcome, report))].map((outcome) => row(outcome, report)),
      '',
      ...bad.flatMap((outcome) => details(outcome, report)),
      'The same again:',
      '',
      ...fenced(again, 'sh'),
    ].join('\n')}\n`;
  },
};

const row = (outcome: ScenarioOutcome, report: RunReport): string =>
  `| ${isGood(outcome, report) ? 'ok' : '**x**'} | ${inline(outcome.name)} | ${outcome.isolation} | ${inline(headline(outcome, report))} | ${showShare(outcome.planCounts)} |`;

function details(outcome: ScenarioOutcome, { textOptions }: RunReport): string[] {
  if (outcome.counterexample !== null) return [counterexampleMarkdown(outcome, outcome.counterexample, textOptions(outcome))];
  return [`### ${inline(outcome.name)}: ${outcome.verdict}`, '', ...fenced(outcome.reason ?? 'no reason is known', ''), ''];
}
