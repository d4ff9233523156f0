import { outcomeJson } from '../json.js';
import type { Reporter } from './reporter.js';

export const json: Reporter = {
  name: 'json',
  summary: 'the outcome as data',
  render: ({ schedules, again: _again, textOptions: _options, ...document }) =>
    `${JSON.stringify(outcomeJson(document, schedules), null, 2)}\n`,
};
