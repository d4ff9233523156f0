/**
 * What holds the model against a server, on other major versions of PostgreSQL than the one that an installation brings:
 * `npm run test:versions`, or `npm run test:versions -- 15 17`. Their binaries are fetched with npm.
 */
import { spawnSync } from 'node:child_process';
import { MAJORS, nativesOf } from '../sim/postgres-versions.js';

const SUITES = [
  'model-conformance',
  'model-foreign-keys',
  'model-lock-order',
  'model-modifying-with',
  'model-row-order',
  'model-deferrable',
  'model-safe-snapshots',
  'model-transactions',
  'model-update-chain',
  'model-wide',
  'spec-hermitage',
  'fuzz',
].map((name) => `properties/${name}.test.ts`);
const BAD_USAGE = 2;

const wanted = process.argv.length > 2 ? process.argv.slice(2).map(Number) : MAJORS;
const strange = wanted.filter((major) => !MAJORS.includes(major));
if (strange.length > 0) {
  console.error(`Usage: npm run test:versions -- [MAJOR ...], of ${MAJORS.join(', ')}`);
  process.exit(BAD_USAGE);
}

const failed: number[] = [];
for (const major of wanted) {
  const natives = await nativesOf(major, (name) => console.log(`fetching ${name} with npm`));
  console.log(`\nPostgreSQL ${major}`);
  const { status } = spawnSync('npx', ['vitest', 'run', ...SUITES], {
    stdio: 'inherit',
    env: { ...process.env, LASTSEAT_TEST_NATIVES: natives },
  });
  if (status !== 0) failed.push(major);
}
console.log(failed.length === 0 ? `passed on PostgreSQL ${wanted.join(', ')}` : `failed on PostgreSQL ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
