/** `npm run sim -- coverage`: which statements the model answers, which it refuses and why. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { always, askScenario, askScript, defineScenario, drawPlans, type Operation } from '../src/index.js';
import { scratchDirectory, simHere } from './cli-process.js';

const SCHEMA = 'CREATE TABLE seats (id int PRIMARY KEY, free int NOT NULL);';

const asked = async (operation: Operation) => {
  const scenario = defineScenario({
    name: 'asked/asked',
    description: 'Asked.',
    schema: SCHEMA,
    seed: () => 'INSERT INTO seats VALUES (1, 1)',
    operations: { op: operation },
    workloads: [{ name: 'one', capacity: always(1), roles: [{ operation: 'op', input: always({}) }] }],
    invariants: [],
    expect: {},
  });
  const plans = drawPlans(scenario, scenario.workloads[0]!, 'READ COMMITTED', {}, 'coverage', 1);
  return askScenario(scenario, plans, 1000);
};

test('every statement that an operation sends is told, those behind a refused one too', async () => {
  const { statements, fits } = await asked(async ({ client }) => {
    await client.query('SELECT free FROM seats WHERE id = $1', [1]);
    await client.query('COPY seats FROM STDIN');
    await client.query("SET LOCAL lock_timeout = '3s'");
    return null;
  });
  expect(fits).toBe(true);
  expect(statements.map(({ statement, reasons }) => [statement, reasons])).toEqual([
    ['SELECT free FROM seats WHERE id = $1', []],
    ['COPY seats FROM STDIN', ['COPY SEATS: rows that are streamed are not modelled']],
    ["SET LOCAL lock_timeout = '3s'", []],
  ]);
});

test('a statement is refused with all reasons', async () => {
  const { statements } = await askScript(`${SCHEMA} SELECT xmin FROM seats WHERE ctid IS NOT NULL`, 'READ COMMITTED');
  expect(statements).toHaveLength(1);
  expect(statements[0]!.reasons).toEqual(expect.arrayContaining(['the system column ctid', 'the system column xmin']));
});

test('a statement that PostgreSQL refuses fails, and is not refused', async () => {
  const { statements } = await askScript(`${SCHEMA} SELECT nothing FROM seats`, 'READ COMMITTED');
  expect(statements).toEqual([{ statement: 'SELECT nothing FROM seats', reasons: [], error: '42703 column "nothing" does not exist' }]);
});

test('a schema that is refused is told instead of its statements', async () => {
  const { schema, statements } = await askScript('CREATE TABLE t (id no_such_type); SELECT 1', 'READ COMMITTED');
  expect(schema).toContain('no_such_type');
  expect(statements).toEqual([]);
});

test('a folder of SQL files is one schema, and exits 5 where a statement is refused', async () => {
  const folder = join(scratchDirectory(), 'sql');
  mkdirSync(folder);
  writeFileSync(join(folder, '1.sql'), SCHEMA);
  writeFileSync(join(folder, '2.sql'), 'SELECT free FROM seats; LISTEN news');
  const fine = await simHere('coverage', folder);
  expect(fine.code).toBe(0);
  expect(fine.stdout).toContain('2 of 2 statements answered');
  writeFileSync(join(folder, '3.sql'), 'VACUUM seats');
  const refused = await simHere('coverage', folder, '--json', '-');
  expect(refused.code).toBe(5);
  const { format, parts } = JSON.parse(refused.stdout);
  expect(format).toBe('lastseat.coverage.v1');
  expect(parts[0]).toMatchObject({ answered: 2, refused: 1, strategy: null, schema: null });
}, 120_000);

test('a file that is not there is bad usage', async () => {
  const { code, stderr } = await simHere('coverage', '/no/such/file.sql');
  expect(code).toBe(2);
  expect(stderr).toContain('there is no file /no/such/file.sql');
}, 60_000);
