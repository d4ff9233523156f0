/**
 * Writes docs/zoo.md from the scenarios, their pinned counterexamples and the data in fixtures/zoo; and makes that data.
 *
 *   npm run zoo                                   the document
 *   npm run zoo -- --suite                        the suite under seed 42, then the document
 *   npm run zoo -- --outcome FILE                 the same from an outcome that is there: npm run sim -- --seed 42 --json FILE
 *   npm run zoo -- --mutations [--only PREFIX]    every safe variant without each of its safeguards; with PREFIX, of some variants, and nothing is written
 *   npm run zoo -- --stress [--rounds N]          a stress test of every broken variant (default 100 rounds)
 *   --json -                                      with any of them: the data on standard output too
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { allShipped } from '../sim/scenarios.js';
import { readData, writeData } from './zoo/data.js';
import { zooDocument } from './zoo/document.js';
import { LEVEL, type MutationResult, mutate, safeVariants, withOthers } from './zoo/mutations.js';
import { stress } from './zoo/stress.js';
import { readOutcome, runSuite } from './zoo/suite.js';

const SEED = '42';

const { values } = parseArgs({
  options: {
    suite: { type: 'boolean', default: false },
    outcome: { type: 'string' },
    mutations: { type: 'boolean', default: false },
    stress: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    rounds: { type: 'string', default: '100' },
    json: { type: 'string' },
  },
});
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1) {
  console.error(`--rounds takes a whole number above 0, and not ${values.rounds}`);
  process.exit(2);
}
const shipped = (await allShipped()).filter(({ name }) => name.startsWith(values.only));
const progress = (text: string) => process.stderr.write(`${text}\n`);

function done<K extends 'suite' | 'mutations' | 'stress'>(name: K, data: Parameters<typeof writeData<K>>[1]): void {
  if (values.json === '-') process.stdout.write(`${JSON.stringify(data)}\n`);
  if (values.only === '') writeData(name, data);
}

if (values.suite) done('suite', await runSuite(SEED));
if (values.outcome !== undefined) done('suite', readOutcome(values.outcome));
if (values.mutations) {
  const results: MutationResult[] = [];
  const safe = safeVariants(shipped);
  for (const [index, scenario] of safe.entries()) {
    const found = await mutate(scenario, SEED);
    const noticed = found.filter(({ verdict }) => verdict !== 'explored').length;
    progress(`${index + 1}/${safe.length} ${scenario.name}: ${noticed} of ${found.length} mutations noticed`);
    results.push(...found);
  }
  done('mutations', { seed: SEED, isolation: LEVEL, results: withOthers(results) });
}
if (values.stress) done('stress', await stress(shipped, SEED, rounds, progress));
if (values.only === '') {
  const data = { suite: readData('suite'), mutations: readData('mutations'), stress: readData('stress') };
  writeFileSync(fileURLToPath(new URL('../docs/zoo.md', import.meta.url)), zooDocument(await allShipped(), data));
}
