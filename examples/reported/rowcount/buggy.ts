import { insertRow, insertRowInline, scenario, tables, triggersBuggy } from './common.js';
export default [
  scenario(
    'trigger',
    {
      description: 'Triggers as they were, behind the advisory lock that serializes positions: it serializes the count too.',
      schema: tables + triggersBuggy,
      operations: { insert: insertRow(true) },
      expect: { 'READ COMMITTED': 'holds' },
    },
    false,
  ),
  scenario(
    'trigger-no-advisory',
    {
      description: 'Triggers as they were, no advisory lock: count and position can both go wrong.',
      schema: tables + triggersBuggy,
      operations: { insert: insertRow(false) },
      expect: { 'READ COMMITTED': 'violated' },
    },
    false,
  ),
  scenario('inline', {
    description: 'What the triggers do, in the application.',
    schema: tables,
    operations: { insert: insertRowInline(false) },
    expect: { 'READ COMMITTED': 'violated' },
  }),
];
