/**
 * `N passed, N failed`, and `, N skipped` where there are any: the last line of .ci/run. Tests are counted as Vitest has counted them. What
 * has failed without a failed test counts as one failure: lint, or a file of tests that could not be loaded, or a run that did not end well.
 *
 * The folder it is given holds, for every stage, `NAME.status` with its exit code, and for those that run tests Vitest's `NAME.json`.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const [folder] = process.argv.slice(2);
const stages = readdirSync(folder)
  .filter((file) => file.endsWith('.status'))
  .map((file) => file.slice(0, -'.status'.length));
let passed = 0;
let failed = 0;
let skipped = 0;

for (const stage of stages) {
  const before = failed;
  const report = join(folder, `${stage}.json`);
  if (existsSync(report)) {
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(readFileSync(report, 'utf8'));
    passed += numPassedTests;
    failed += numFailedTests + testResults.filter(failedWithoutATest).length;
    skipped += numPendingTests + numTodoTests;
  }
  if (readFileSync(join(folder, `${stage}.status`), 'utf8').trim() === '0') continue;
  failed = Math.max(failed, before + 1);
  console.log(`failed: ${stage}`);
}

function failedWithoutATest(file) {
  return file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed');
}

console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = failed > 0 ? 1 : 0;
