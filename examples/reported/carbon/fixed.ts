import { postByRpc, postInTypeScript, rpcFixed, scenario, tables } from './common.js';
export default [
  scenario('rpc-atomic', {
    description: 'The RPC updates and returns.',
    schema: tables + rpcFixed,
    operations: { post: postByRpc },
    expect: { 'READ COMMITTED': 'holds' },
  }),
  scenario('edge-atomic', {
    description: 'So does the copy.',
    schema: tables,
    operations: { post: postInTypeScript(true) },
    expect: { 'READ COMMITTED': 'holds' },
  }),
];
