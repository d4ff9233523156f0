import { postByRpc, postInTypeScript, rpcBuggy, scenario, tables } from './common.js';
export default [
  scenario('rpc', {
    description: 'The RPC reads, then writes back.',
    schema: tables + rpcBuggy,
    operations: { post: postByRpc },
    expect: { 'READ COMMITTED': 'violated' },
  }),
  scenario('edge', {
    description: 'The copy in TypeScript does the same.',
    schema: tables,
    operations: { post: postInTypeScript(false) },
    expect: { 'READ COMMITTED': 'violated' },
  }),
];
