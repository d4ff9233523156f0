import { scenario } from './common.js';
export default scenario('unlocked', 'none', {
  description: 'Checked, then done, and a literal written back.',
  expect: { 'READ COMMITTED': 'violated' },
});
