import { scenario } from './common.js';
export default [
  scenario('locked-timeout', 'for-update-timeout', {
    description: 'As the fix is: a lock timeout for the transaction, then FOR UPDATE.',
    expect: { 'READ COMMITTED': 'holds' },
  }),
  scenario('locked', 'for-update', { description: 'FOR UPDATE alone, the timeout as a fault.', expect: { 'READ COMMITTED': 'holds' } }, [
    { kind: 'lock-timeout' },
  ]),
];
