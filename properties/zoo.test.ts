/** docs/zoo.md is what the variants, their counterexamples and the data in fixtures/zoo make, and the data is of these variants. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readData } from '../bench/zoo/data.js';
import { zooDocument } from '../bench/zoo/document.js';
import { judgement } from '../bench/zoo/mutation-section.js';
import { nameOf, safeVariants } from '../bench/zoo/mutations.js';
import { REVIEW } from '../bench/zoo/review.js';
import { constraintsOf, STATEMENT_RULES, withoutConstraints } from '../bench/zoo/rules.js';
import { allShipped } from '../sim/scenarios.js';
import type { QueryResult } from '../src/index.js';
import { ROOT, read } from './documents.js';

const shipped = await allShipped();
const bugs = shipped.filter(({ zoo }) => zoo !== undefined);
const [suite, mutations, stress] = [readData('suite')!, readData('mutations')!, readData('stress')!];

const levelsOf = (expected: string) =>
  shipped.flatMap(({ name, expect: levels }) =>
    Object.entries(levels).flatMap(([level, verdict]) => (verdict === expected ? [`${name} ${level}`] : [])),
  );
const verdictsOf = (list: readonly { readonly name: string; readonly isolation: string }[]) =>
  list.map(({ name, isolation }) => `${name} ${isolation}`);

it('docs/zoo.md is what `npm run zoo` writes', () => {
  expect(read('docs/zoo.md')).toBe(zooDocument(shipped, { suite, mutations, stress }));
});

it('every variant that breaks at its first level is in the zoo, and its fix is one that holds', () => {
  const broken = shipped.filter(({ expect: levels }) => Object.values(levels)[0] === 'violated');
  expect(bugs).toEqual(expect.arrayContaining(broken));
  for (const { zoo } of bugs) expect(safeVariants(shipped).map(({ name }) => name)).toContain(zoo!.fix);
});

it('there is something to look for in every class, and no class without a variant', () => {
  expect(Object.keys(REVIEW).sort()).toEqual([...new Set(bugs.map(({ zoo }) => zoo!.class))].sort());
});

it('every variant has the counterexample that its section shows', () => {
  const pinned = [...read('docs/zoo.md').matchAll(/\]\(\.\.\/(fixtures\/counterexamples\/[\w-]+\.json)\)/g)].map(([, path]) => path!);
  expect(pinned).toHaveLength(bugs.length);
  expect(pinned.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});

describe('the data is of the variants that there are', () => {
  it('suite', () => {
    expect(verdictsOf(suite.verdicts).sort()).toEqual([...levelsOf('holds'), ...levelsOf('violated')].sort());
  });

  it('stress test', () => {
    expect(verdictsOf(stress.results).sort()).toEqual(levelsOf('violated').sort());
    // What happens on the server happens on the model.
    expect(stress.results.filter(({ failed, inReach }) => failed > 0 && !inReach)).toEqual([]);
  });

  it('mutations', () => {
    expect([...new Set(mutations.results.map(({ variant }) => variant))]).toEqual(safeVariants(shipped).map(({ name }) => name));
  });
});

it('of each mutation that nobody notices it is said why', () => {
  expect(mutations.results.filter((result) => judgement(result).kind === 'unexplained').map(nameOf)).toEqual([]);
});

describe('what is taken out of a statement', () => {
  const mutants = (text: string, values: readonly unknown[] = []) =>
    STATEMENT_RULES.flatMap(({ name, mutate }) =>
      mutate(text).map(({ tampering }) => {
        const { sent } = typeof tampering === 'function' ? tampering() : tampering;
        return [name, sent?.({ text, values })] as const;
      }),
    ).filter(([, sent]) => sent !== undefined);

  it.each([
    ['SELECT id FROM events WHERE id = $1 FOR NO KEY UPDATE', [1], 'row lock', 'SELECT id FROM events WHERE id = $1', [1]],
    ['LOCK TABLE events IN EXCLUSIVE MODE', [], 'table lock', 'SELECT 1', []],
    ['SELECT pg_advisory_xact_lock($1)', [1], 'advisory lock', 'SELECT 1', []],
    ['BEGIN ISOLATION LEVEL SERIALIZABLE', [], 'isolation level', 'BEGIN ISOLATION LEVEL READ COMMITTED', []],
    [
      'UPDATE packages SET capacity = capacity WHERE id = $1 RETURNING capacity',
      [1],
      'write that locks',
      'SELECT capacity FROM packages WHERE id = $1',
      [1],
    ],
    [
      'UPDATE events SET n = $2, version = version + 1 WHERE id = $1 AND version = $3',
      [1, 2, 3],
      'guard',
      'UPDATE events SET n = $2, version = version + 1 WHERE id = $1',
      [1, 2],
    ],
    [
      'UPDATE t SET slot = $2 WHERE id = $1 AND slot = $3 AND user_id = $4',
      [1, 2, 3, 4],
      'guard',
      'UPDATE t SET slot = $2 WHERE id = $1 AND user_id = $3',
      [1, 2, 4],
    ],
  ])('%s', (text, values, rule, without, left) => {
    expect(mutants(text, values)).toContainEqual([rule, { text: without, values: left }]);
  });

  it('nothing, where there is no safeguard', () => {
    for (const text of ['SELECT 1', 'BEGIN', 'COMMIT', 'INSERT INTO t (a) VALUES ($1)', 'UPDATE t SET a = $2 WHERE id = $1'])
      expect(STATEMENT_RULES.flatMap(({ mutate }) => mutate(text))).toEqual([]);
  });

  it('the re-check: what was read before the lock is shown again under it', () => {
    const text = 'SELECT status FROM holds WHERE id = $1 FOR UPDATE';
    const { tampering } = STATEMENT_RULES.find(({ name }) => name === 're-check')!.mutate(text)[0]!;
    const { answered } = typeof tampering === 'function' ? tampering() : tampering;
    const result = (status: string): QueryResult => ({ rows: [{ status }], rowCount: 1, command: 'SELECT' });
    expect(answered!({ text, values: [1] }, result('released')).rows).toEqual([{ status: 'released' }]);
    answered!(
      { text: 'SELECT id, status FROM holds WHERE id = $1', values: [1] },
      { ...result('active'), rows: [{ id: 1, status: 'active' }] },
    );
    expect(answered!({ text, values: [1] }, result('released')).rows).toEqual([{ status: 'active' }]);
  });
});

it('constraints are taken out of a schema, and a primary key of several columns is widened', () => {
  const schema = `
CREATE TABLE t (
  id integer CONSTRAINT t_pkey PRIMARY KEY,
  a integer NOT NULL CONSTRAINT t_a CHECK (a IN (1, 2)),
  b text NOT NULL CONSTRAINT t_b REFERENCES u (id) CONSTRAINT t_key UNIQUE,
  c text,
  CONSTRAINT t_c UNIQUE (a, c)
);
CREATE TABLE v (
  a integer NOT NULL,
  b integer NOT NULL,
  c integer NOT NULL,
  CONSTRAINT v_pkey PRIMARY KEY (a, b)
);`;
  const constraints = constraintsOf(schema);
  expect(constraints.map(({ name, kind }) => `${name} ${kind}`)).toEqual([
    't_a CHECK',
    't_b FOREIGN KEY',
    't_key UNIQUE',
    't_c UNIQUE',
    'v_pkey PRIMARY KEY',
  ]);
  expect(withoutConstraints(schema, constraints)).toBe(`
CREATE TABLE t (
  id integer CONSTRAINT t_pkey PRIMARY KEY,
  a integer NOT NULL,
  b text NOT NULL,
  c text
);
CREATE TABLE v (
  a integer NOT NULL,
  b integer NOT NULL,
  c integer NOT NULL,
  CONSTRAINT v_pkey PRIMARY KEY (a, b, c)
);`);
});
