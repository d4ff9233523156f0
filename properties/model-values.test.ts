import { expect, test } from 'vitest';
import { ModelEngine } from '../src/engine/model/engine.js';
import { run } from '../src/run.js';
import { onServer, RC } from './model-cases.js';
import { modelOf } from './model-scripts.js';

/** Values of types that are more than their text: answers and committed rows are the server's. */

const schema = `
  CREATE TYPE pair AS (number int, word text);
  CREATE DOMAIN percent AS int CHECK (VALUE BETWEEN 0 AND 100);
  CREATE TABLE odd (id int PRIMARY KEY, pair pair, pairs pair[], spot point, codes char(5)[], waits interval[], at timestamptz, part percent, prices numeric[]);
  CREATE TABLE by_price (price numeric PRIMARY KEY, at timestamptz);
  CREATE FUNCTION count_of_odd() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM odd';
  CREATE TABLE guarded (id int PRIMARY KEY, CHECK (count_of_odd() < 10));
`;
const seed = `
  INSERT INTO odd VALUES (1, ROW (1, 'a'), ARRAY[ROW (2, 'b')::pair], '(1,2)', '{abc,"d e"}', '{1 hour}', '2026-01-01 00:00:00.123456+00', 50, '{1.0,2}');
  INSERT INTO by_price VALUES (10, 'infinity'), (9.5, NULL), (100, '-infinity');
`;

const { conforms } = onServer(schema, seed);
const engine = new ModelEngine();

conforms(
  [
    'SELECT * FROM odd',
    "UPDATE odd SET at = at + interval '1 microsecond' RETURNING at, pair, spot",
    'INSERT INTO odd (id, pair, part) VALUES (2, ROW (2, NULL), 7) RETURNING *',
    'INSERT INTO odd (id, part) VALUES (2, 101)',
    'SELECT * FROM by_price ORDER BY price',
    "INSERT INTO by_price VALUES (11, '2026-06-01 10:00:00.5+02') RETURNING *",
    "SELECT date '5874897-12-31' AS far, timestamptz 'infinity' AS never",
    "SELECT 'foo'::name AS a, '{1,2}'::int2[] AS b, '10.0.0.1'::inet AS c, int8range(1, 5) AS d, '{1 day}'::interval[] AS e",
  ].map((text) => ({ name: text, scripts: [text], at: RC })),
);

test('a CHECK that reads another table is refused by name', async () => {
  const { machine } = modelOf({ schema, seed, scripts: ['INSERT INTO guarded VALUES (1)'], isolation: 'READ COMMITTED' }, engine);
  await expect(run(machine, { choose: (choices) => choices[0]! })).rejects.toThrow(
    'constraint guarded_check of guarded, with a function that reads odd',
  );
});
