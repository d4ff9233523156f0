/** What of a run counts as good, for formats that know only that. */
import type { ScenarioOutcome } from '../../outcome.js';
import { holds } from '../../verdict.js';
import { asExpected } from '../text.js';
import type { RunReport } from './reporter.js';

/** A suite is judged by what its variants expect; a scenario that was named, by its verdict. */
export const isGood = (outcome: ScenarioOutcome, { judged }: Pick<RunReport, 'judged'>): boolean =>
  judged ? asExpected(outcome) : holds(outcome.verdict);

/** Half a line: what was found of it. */
export function headline(outcome: ScenarioOutcome, { judged }: Pick<RunReport, 'judged'>): string {
  const { counterexample, expect, reason, verdict } = outcome;
  const wanted = judged && !asExpected(outcome) ? `, expected: ${expect ?? 'nothing'}` : '';
  const found =
    counterexample === null
      ? reason
      : `${counterexample.invariant} of ${counterexample.resource}, in ${counterexample.steps} steps of ${counterexample.actors} actors`;
  return `${verdict}${wanted}${found === null ? '' : `: ${found}`}`;
}
