import { addWithRetry, scenario, tables, work } from './common.js';
export default scenario('add-job-retry', {
  description: 'Once more where nothing came back.',
  schema: tables,
  operations: { add: addWithRetry, work },
  expect: { 'READ COMMITTED': 'holds' },
});
