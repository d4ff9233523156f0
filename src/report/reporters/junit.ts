import type { ScenarioOutcome } from '../../outcome.js';
import { scenarioText } from '../text.js';
import type { Reporter, RunReport } from './reporter.js';
import { headline, isGood } from './verdicts.js';

/**
 * JUnit's XML as Jenkins, GitLab and others read it: a suite for each system or file, a case for each scenario and level. What is not good is a failure, with the verdict as
 * its type; a verdict that could not be found is an error. A sample that has found nothing is good here as on the command line, and its text says that it is no proof.
 */
export const junit: Reporter = {
  name: 'junit',
  summary: "JUnit's XML, for CI systems",
  render: (report) => {
    const { scenarios, elapsedMs } = report;
    const suites = bySuite(scenarios);
    return `${[
      '<?xml version="1.0" encoding="UTF-8"?>',
      `<testsuites ${attributes({ name: 'lastseat', ...figures(scenarios, report), time: seconds(elapsedMs) })}>`,
      ...[...suites].flatMap(([name, outcomes]) => suite(name, outcomes, report)),
      '</testsuites>',
    ].join('\n')}\n`;
  },
};

const suiteOf = ({ name }: ScenarioOutcome): string => (name.includes('/') ? name.slice(0, name.indexOf('/')) : name);

function bySuite(scenarios: readonly ScenarioOutcome[]): Map<string, ScenarioOutcome[]> {
  const suites = new Map<string, ScenarioOutcome[]>();
  for (const outcome of scenarios) suites.set(suiteOf(outcome), [...(suites.get(suiteOf(outcome)) ?? []), outcome]);
  return suites;
}

function figures(outcomes: readonly ScenarioOutcome[], report: RunReport): Record<string, number> {
  const errors = outcomes.filter(({ verdict }) => verdict === 'error').length;
  const bad = outcomes.filter((outcome) => !isGood(outcome, report)).length;
  return { tests: outcomes.length, failures: bad - errors, errors };
}

function suite(name: string, outcomes: readonly ScenarioOutcome[], report: RunReport): string[] {
  const time = seconds(outcomes.reduce((sum, { elapsedMs }) => sum + elapsedMs, 0));
  return [
    `  <testsuite ${attributes({ name, ...figures(outcomes, report), skipped: 0, time })}>`,
    ...outcomes.flatMap((outcome) => testCase(outcome, report)),
    '  </testsuite>',
  ];
}

function testCase(outcome: ScenarioOutcome, report: RunReport): string[] {
  const { name, isolation, verdict, elapsedMs } = outcome;
  const about = attributes({ classname: name.replaceAll('/', '.'), name: `${name} ${isolation}`, time: seconds(elapsedMs) });
  const body = escaped(scenarioText(outcome, { ...report.textOptions(outcome), color: false }));
  if (isGood(outcome, report)) return [`    <testcase ${about}>`, `      <system-out>${body}</system-out>`, '    </testcase>'];
  const element = verdict === 'error' ? 'error' : 'failure';
  return [
    `    <testcase ${about}>`,
    `      <${element} ${attributes({ message: headline(outcome, report), type: verdict })}>${body}</${element}>`,
    '    </testcase>',
  ];
}

const seconds = (ms: number): string => (ms / 1000).toFixed(3);

const attributes = (values: Readonly<Record<string, string | number>>): string =>
  Object.entries(values)
    .map(([name, value]) => `${name}="${escaped(String(value)).replace(/[\n\t]/g, ' ')}"`)
    .join(' ');

const SIGNS: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Characters that XML 1.0 does not have, half surrogate pairs among them, become a sign that says so. */
const escaped = (text: string): string =>
  [...text].map((sign) => SIGNS[sign] ?? (/[\t\n\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u.test(sign) ? sign : '\uFFFD')).join('');
