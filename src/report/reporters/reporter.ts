import type { ScenarioOutcome } from '../../outcome.js';
import type { OutcomeDocument } from '../json.js';
import type { TextOptions } from '../text.js';

/** All that a run came to, and what is known besides: data for every reporter alike. */
export interface RunReport extends OutcomeDocument {
  /** Where each scenario's schedule was written, by {@link outcomeKey}. */
  readonly schedules: ReadonlyMap<string, string>;
  /** The command that does the same again. */
  readonly again: string;
  /** How an outcome's text is set. */
  readonly textOptions: (outcome: ScenarioOutcome) => TextOptions;
}

/**
 * A view of a run. It is a function of the report: same report, same text, byte for byte. What comes from outside (SQL, rows, names, messages) is escaped as its
 * format wants it.
 */
export interface Reporter {
  readonly name: string;
  /** For help texts, in half a sentence. */
  readonly summary: string;
  /** The whole text, with a newline at its end. */
  render(report: RunReport): string;
  /** What goes to the file that GitHub shows as the job's summary; absent where the format has none. */
  summarise?(report: RunReport): string;
}

/** Tells an outcome from the others of its run. */
export const outcomeKey = ({ name, isolation }: Pick<ScenarioOutcome, 'name' | 'isolation'>): string => `${name} ${isolation}`;
