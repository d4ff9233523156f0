/** Random programs over two tables with a unique key, a foreign key and CHECKs. */
import fc from 'fast-check';
import type { IsolationLevel } from '../src/scenario.js';

export const schemaWith = (onDelete: string) => `
  CREATE TABLE parents (id int PRIMARY KEY, v int NOT NULL, code int UNIQUE, CONSTRAINT v_small CHECK (v <= 3));
  CREATE TABLE kids (id serial PRIMARY KEY, code int NOT NULL UNIQUE, parent_id int REFERENCES parents${onDelete}, v int NOT NULL CHECK (v >= 0));
`;
export const seed = `
  INSERT INTO parents (id, v, code) VALUES (1, 1, 1), (2, 2, NULL);
  INSERT INTO kids (code, parent_id, v) VALUES (10, 1, 1), (11, NULL, 2);
`;

const key = fc.constantFrom('1', '1', '2');
const small = fc.constantFrom('0', '1', '2', '3');
const code = fc.constantFrom('10', '11', '12', '12');
const parent = fc.constantFrom('1', '1', '2', '3', 'NULL');
const table = fc.constantFrom('parents', 'kids');
const lockingClause = fc.constantFrom('UPDATE', 'UPDATE', 'NO KEY UPDATE', 'SHARE', 'KEY SHARE');
const policy = fc.constantFrom('', '', '', ' NOWAIT', ' SKIP LOCKED');
const tableMode = fc.constantFrom(
  'ACCESS SHARE',
  'ROW SHARE',
  'ROW EXCLUSIVE',
  'SHARE UPDATE EXCLUSIVE',
  'SHARE',
  'SHARE ROW EXCLUSIVE',
  'EXCLUSIVE',
  'ACCESS EXCLUSIVE',
);

/** Outside a transaction they are errors, all of them the same. */
const SAVEPOINTS = /^(savepoint|release|rollback)/i;

/** Fills `$1`, `$2`, ... of a template with draws. */
const filled = (template: string, ...parts: fc.Arbitrary<string>[]): fc.Arbitrary<string> =>
  fc.tuple(...parts).map((drawn) => template.replace(/\$(\d)/g, (_, index: string) => drawn[Number(index) - 1]!));

const statement: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: filled('SELECT * FROM $1 ORDER BY id', table) },
  { weight: 1, arbitrary: fc.constant('SELECT count(*), sum(v) FROM kids') },
  { weight: 4, arbitrary: filled('SELECT id, v FROM $1 WHERE id = $2 FOR $3$4', table, key, lockingClause, policy) },
  { weight: 2, arbitrary: filled('SELECT id, v FROM $1 WHERE v >= $2 ORDER BY id FOR $3$4', table, small, lockingClause, policy) },
  { weight: 4, arbitrary: filled('UPDATE $1 SET v = v + 1 WHERE id = $2', table, key) },
  { weight: 3, arbitrary: filled('UPDATE $1 SET v = v - 1 WHERE v >= $2 RETURNING id, v', table, small) },
  { weight: 1, arbitrary: filled('UPDATE $1 SET v = v WHERE id = $2', table, key) },
  { weight: 2, arbitrary: filled('UPDATE parents SET v = v + 2 WHERE id = $1', key) },
  { weight: 2, arbitrary: filled('UPDATE kids SET code = $1 WHERE id = $2', code, key) },
  { weight: 1, arbitrary: filled('UPDATE parents SET code = $1 WHERE id = $2', fc.constantFrom('1', '2', 'NULL'), key) },
  { weight: 2, arbitrary: filled('UPDATE kids SET parent_id = $1 WHERE id = $2', parent, key) },
  { weight: 2, arbitrary: filled('UPDATE parents SET v = (SELECT count(*) FROM kids) WHERE id = $1', key) },
  { weight: 3, arbitrary: filled('DELETE FROM $1 WHERE id = $2', table, key) },
  { weight: 1, arbitrary: filled('DELETE FROM kids WHERE v >= $1 RETURNING *', small) },
  {
    weight: 2,
    arbitrary: filled(
      'INSERT INTO parents (id, v, code) VALUES ($1, $2, $3)',
      fc.constantFrom('1', '2', '3'),
      small,
      fc.constantFrom('1', '2', 'NULL'),
    ),
  },
  { weight: 4, arbitrary: filled('INSERT INTO kids (code, parent_id, v) VALUES ($1, $2, 1) RETURNING id', code, parent) },
  { weight: 1, arbitrary: filled('INSERT INTO kids (code, parent_id, v) VALUES ($1, $2, 1), ($3, $4, 0)', code, parent, code, parent) },
  { weight: 2, arbitrary: filled('INSERT INTO kids (code, parent_id, v) SELECT 12, $1, 1 WHERE (SELECT count(*) FROM kids) < 3', parent) },
  { weight: 1, arbitrary: filled('LOCK TABLE $1 IN $2 MODE', table, tableMode) },
  { weight: 1, arbitrary: filled('TRUNCATE $1', fc.constantFrom('kids', 'kids', 'parents', 'parents CASCADE', 'parents, kids')) },
  {
    weight: 2,
    arbitrary: filled(
      'SELECT pg_$1advisory_$2lock$3($4) AS got',
      fc.constantFrom('', '', 'try_'),
      fc.constantFrom('', 'xact_', 'xact_'),
      fc.constantFrom('', '', '_shared'),
      fc.constantFrom('1', '1', '1, 1'),
    ),
  },
  { weight: 1, arbitrary: filled('SELECT pg_advisory_unlock$1 AS got', fc.constantFrom('(1)', '(1)', '_shared(1)', '(1, 1)', '_all()')) },
);

const some = (minLength: number, maxLength: number) => fc.array(statement, { minLength, maxLength });

/** Statements in a transaction, some of them after a savepoint. */
const body: fc.Arbitrary<string[]> = fc.oneof(
  { weight: 3, arbitrary: some(1, 3) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(some(0, 1), some(1, 2), fc.constantFrom('ROLLBACK TO s', 'ROLLBACK TO s', 'RELEASE s', 'SAVEPOINT t'), some(0, 1))
      .map(([before, since, then, after]) => [...before, 'SAVEPOINT s', ...since, then, ...after]),
  },
);

/** One actor's transaction, or autocommitted statements; weighted to contention. */
const transaction: fc.Arbitrary<string> = fc
  .record({
    begin: fc.constantFrom(
      'BEGIN',
      'BEGIN',
      'BEGIN',
      'BEGIN',
      'BEGIN ISOLATION LEVEL REPEATABLE READ',
      'BEGIN ISOLATION LEVEL SERIALIZABLE',
      '',
    ),
    statements: body,
    end: fc.constantFrom('COMMIT', 'COMMIT', 'COMMIT', 'ROLLBACK'),
  })
  .map(({ begin, statements, end }) =>
    begin === '' ? statements.filter((text) => !SAVEPOINTS.test(text)).join('; ') : [begin, ...statements, end].join('; '),
  );

export const program = (schema: string) =>
  fc.record({
    schema: fc.constant(schema),
    seed: fc.constant(seed),
    isolation: fc.constantFrom<IsolationLevel>('READ COMMITTED', 'READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE'),
    stubborn: fc.boolean(),
    scripts: fc.array(transaction, { minLength: 2, maxLength: 3 }),
  });
