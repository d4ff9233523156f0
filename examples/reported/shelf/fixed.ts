import { addAssetToKit, scenario } from './common.js';
export default scenario('lock-then-insert', {
  description: 'The booking is locked first.',
  operations: { add: addAssetToKit(true) },
  expect: { 'READ COMMITTED': 'holds' },
  requires: ['lock-wait'],
});
