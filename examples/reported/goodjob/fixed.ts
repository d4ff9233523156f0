import { cron, scenario, schema, worker } from './common.js';
export default [
  scenario('preserved', {
    description: 'Jobs of cron are kept.',
    schema: schema(''),
    operations: { cron: cron(true), work: worker(true, false) },
    expect: { 'READ COMMITTED': 'holds' },
  }),
  scenario('preserved-advisory', {
    description: 'The same, advisory lock inside the query.',
    schema: schema('DEFAULT gen_random_uuid()'),
    operations: { cron: cron(false), work: worker(true, true) },
    expect: { 'READ COMMITTED': 'holds' },
  }),
];
