import { cron, scenario, schema, worker } from './common.js';
export default [
  scenario('deleted', {
    description: 'Jobs are deleted when they have run.',
    schema: schema(''),
    operations: { cron: cron(true), work: worker(false, false) },
    expect: { 'READ COMMITTED': 'violated' },
  }),
  scenario('deleted-advisory', {
    description: 'The same, the id from the database, and the advisory lock inside the query, as it was then.',
    schema: schema('DEFAULT gen_random_uuid()'),
    operations: { cron: cron(false), work: worker(false, true) },
    expect: { 'READ COMMITTED': 'violated' },
  }),
];
