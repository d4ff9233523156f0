import type { Counterexample, ScenarioOutcome } from '../../outcome.js';
import { storyLines } from '../text.js';
import { markdown } from './markdown.js';
import type { Reporter, RunReport } from './reporter.js';
import { headline, isGood } from './verdicts.js';

/**
 * GitHub's workflow commands: an annotation at the place in the code from which the violating statement was sent, or at none where it is not known. The job's summary is the Markdown
 * report. (docs.github.com, "Workflow commands for GitHub Actions".)
 */
export const github: Reporter = {
  name: 'github',
  summary: "annotations for GitHub's checks, and the job's summary",
  render: (report) => {
    const lines = report.scenarios.filter((outcome) => !isGood(outcome, report)).map((outcome) => annotation(outcome, report));
    return lines.length === 0 ? '::notice title=lastseat::every verdict is good\n' : `${lines.join('\n')}\n`;
  },
  summarise: (report) => markdown.render(report),
};

function annotation(outcome: ScenarioOutcome, report: RunReport): string {
  const { counterexample, name, isolation } = outcome;
  const place = counterexample === null ? null : placeOf(counterexample);
  const title = `lastseat: ${name}, ${isolation}`;
  const parameters = { ...(place !== null && { file: place.file, line: place.line }), title };
  const shown = Object.entries(parameters)
    .map(([key, value]) => `${key}=${property(String(value))}`)
    .join(',');
  return `::error ${shown}::${data(message(outcome, report))}`;
}

function message(outcome: ScenarioOutcome, report: RunReport): string {
  const { counterexample, name } = outcome;
  const head = headline(outcome, report);
  if (counterexample === null) return head;
  const { replayCommand, width } = report.textOptions(outcome);
  const story = storyLines(name, counterexample, head, { width: Math.min(width, WIDTH), color: false });
  return [head, '', ...story, '', `replay: ${replayCommand} ${counterexample.token}`].join('\n');
}

/** Columns that GitHub shows beside a diff. */
const WIDTH = 100;

/** Where a transaction ends says little of what it has done. */
const ENDS = /^\s*(commit|end|rollback)\b/i;

/** Where the code is that sent the last statement of the failure that did something, relative to where the run was started. */
function placeOf({ history, steps }: Counterexample): { readonly file: string; readonly line: string } | null {
  for (let at = Math.min(steps, history.steps.length) - 1; at >= 0; at -= 1) {
    const { site, kind, text } = history.steps[at]!;
    const found = /^(.*):(\d+)(?::\d+)?$/.exec(site ?? '');
    if (found !== null && kind !== 'commit' && !ENDS.test(text)) return { file: found[1]!, line: found[2]! };
  }
  return null;
}

/** As GitHub's own toolkit escapes them. */
const data = (text: string): string => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
const property = (text: string): string => data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
