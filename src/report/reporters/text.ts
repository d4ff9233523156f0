import type { ScenarioOutcome } from '../../outcome.js';
import { score, scoreText } from '../score.js';
import { asExpected, scenarioText, suiteLine } from '../text.js';
import type { Reporter, RunReport } from './reporter.js';

/** As the terminal shows it, without colours. */
export const text: Reporter = {
  name: 'text',
  summary: 'as the terminal shows it',
  render: (report) => {
    const { scenarios, judged, again, seed, version } = report;
    const head = [`lastseat ${version} · seed ${seed}`, ''];
    const body = scenarios.flatMap((outcome) => (judged ? judgedLines(outcome, report) : [...namedLines(outcome, report), '']));
    const tail = judged ? ['', tally(scenarios), scoreText(score(scenarios))] : [];
    return `${[...head, ...body, ...tail, `again       ${again}`].join('\n')}\n`;
  },
};

function judgedLines(outcome: ScenarioOutcome, { scenarios, textOptions }: RunReport): string[] {
  const options = { ...textOptions(outcome), color: false };
  const width = Math.max(...scenarios.map(({ name }) => name.length));
  return [suiteLine(outcome, options, width), ...(asExpected(outcome) ? [] : ['', scenarioText(outcome, options), ''])];
}

function namedLines(outcome: ScenarioOutcome, { textOptions }: RunReport): string[] {
  const body = scenarioText(outcome, { ...textOptions(outcome), color: false });
  // A counterexample begins with the name.
  return outcome.counterexample === null ? [`${outcome.name} · ${outcome.isolation}`, '', body] : [body];
}

const tally = (scenarios: readonly ScenarioOutcome[]): string =>
  `${scenarios.filter(asExpected).length} of ${scenarios.length} verdicts as expected`;
