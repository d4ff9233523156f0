import { addAssetToKit, scenario } from './common.js';
export default scenario('insert-then-lock', {
  description: 'Rows that refer to the booking are inserted before the booking is locked.',
  operations: { add: addAssetToKit(false) },
  expect: { 'READ COMMITTED': 'violated' },
});
