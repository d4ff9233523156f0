import { byRpc, byUpsert, fixed, scenario, table } from './common.js';
export default [
  scenario('rpc-upsert', {
    description: 'One INSERT ON CONFLICT in the function.',
    schema: table + fixed,
    operations: { call: byRpc },
    expect: { 'READ COMMITTED': 'holds' },
  }),
  scenario('upsert', {
    description: 'The same statement from the application.',
    schema: table,
    operations: { call: byUpsert },
    expect: { 'READ COMMITTED': 'holds' },
  }),
];
