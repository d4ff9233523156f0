import { addByFunction, addInSteps, addJobFunction, scenario, tables, work } from './common.js';
export default [
  scenario('add-job', {
    description: 'add_job as a function in the database.',
    schema: tables + addJobFunction,
    operations: { add: addByFunction, work },
    expect: { 'READ COMMITTED': 'violated' },
  }),
  scenario('add-job-steps', {
    description: 'The statements of the function, one by one.',
    schema: tables,
    operations: { add: addInSteps, work },
    expect: { 'READ COMMITTED': 'violated' },
  }),
];
