import { buggy, byRpc, scenario, table } from './common.js';
export default scenario('rpc', {
  description: 'Reads, compares, writes.',
  schema: table + buggy,
  operations: { call: byRpc },
  expect: { 'READ COMMITTED': 'violated' },
});
