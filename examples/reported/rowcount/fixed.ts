import { insertRow, insertRowInline, scenario, tables, triggersFixed } from './common.js';
export default [
  scenario('trigger-atomic', {
    description: 'A conditional UPDATE in the trigger.',
    schema: tables + triggersFixed,
    operations: { insert: insertRow(true) },
    expect: { 'READ COMMITTED': 'holds' },
  }),
  scenario('inline-atomic', {
    description: 'The same in the application.',
    schema: tables,
    operations: { insert: insertRowInline(true) },
    expect: { 'READ COMMITTED': 'holds' },
  }),
  scenario('inline-atomic-plain-lock', {
    description: 'The same, and the key of the lock is a number.',
    schema: tables,
    operations: { insert: insertRowInline(true, true) },
    expect: { 'READ COMMITTED': 'holds' },
  }),
];
