import { expect, test } from 'vitest';
import { ModelEngine } from '../src/engine/model/engine.js';
import { run } from '../src/run.js';
import { block, onServer } from './model-cases.js';
import { modelOf } from './model-scripts.js';

/** What chance and sequences give inside a statement is ours, and the same on both engines: every interleaving, every transition on the server. */

const schema = `
  CREATE SEQUENCE numbers START 10;
  CREATE TABLE seats (id int PRIMARY KEY, free int NOT NULL);
  CREATE TABLE tickets (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), seat int UNIQUE, luck float8 DEFAULT random());
  INSERT INTO tickets (seat) VALUES (90);
`;
const seed = 'INSERT INTO seats VALUES (1, 5), (2, 5); INSERT INTO tickets (seat) VALUES (91);';

const { conforms } = onServer(schema, seed);
const engine = new ModelEngine();

const cases: readonly (readonly [string, readonly string[]])[] = [
  [
    'defaults of an insert',
    [block('INSERT INTO tickets (seat) VALUES (1) RETURNING *'), block('INSERT INTO tickets (seat) VALUES (2), (3) RETURNING *')],
  ],
  ['in a select list', ['SELECT gen_random_uuid(), random()', 'SELECT random()']],
  ['a statement that is rolled back keeps what it has drawn', ['BEGIN; SELECT random(); ROLLBACK; SELECT random()', 'SELECT random()']],
  [
    'a statement that fails at a wait',
    [block('INSERT INTO tickets (seat) VALUES (1)'), 'INSERT INTO tickets (seat) VALUES (1) RETURNING id; SELECT random()'],
  ],
  [
    'a row that is looked at again draws again',
    [
      block("UPDATE seats SET free = nextval('numbers') WHERE id = 1 RETURNING free"),
      block("UPDATE seats SET free = free + nextval('numbers') WHERE id = 1 RETURNING free"),
    ],
  ],
  [
    'a sequence inside an expression',
    ["SELECT 'T-' || nextval('numbers') AS code", "INSERT INTO seats VALUES (nextval('numbers'), 1) RETURNING id"],
  ],
  ['a sequence that is set beside a draw', ["SELECT setval('numbers', 40)", "SELECT nextval('numbers') + 1 AS next"]],
  [
    'upserts',
    [
      block('INSERT INTO tickets (seat) VALUES (1) ON CONFLICT (seat) DO UPDATE SET luck = 0 RETURNING id'),
      'INSERT INTO tickets (seat) VALUES (1) ON CONFLICT (seat) DO NOTHING RETURNING id',
    ],
  ],
];

conforms(cases.map(([name, scripts]) => ({ name, scripts, stubborn: true })));

test('each draw gives another value, to each actor its own', async () => {
  const scripts = ['SELECT random() AS a, random() AS b; SELECT random()', 'SELECT random()'];
  const { machine } = modelOf({ schema, seed, scripts, isolation: 'READ COMMITTED' }, engine);
  const { steps } = await run(machine, { choose: (choices) => choices[0]! });
  const drawn = steps.flatMap(({ outcome }) =>
    outcome.kind === 'executed' && outcome.reply.kind === 'result' ? outcome.reply.rows.flat() : [],
  );
  expect(drawn).toHaveLength(4);
  expect(new Set(drawn).size).toBe(4);
});

test.each([
  ["SELECT setval('numbers', 30) + 1", 'the function setval'],
  ["SELECT nextval('num' || 'bers')", 'a sequence whose name is computed'],
  ["SELECT 1 / (nextval('numbers') - 10)", 'an error (22012) in a statement that draws'],
  ["SELECT currval('numbers')", 'the function currval'],
])('%s is refused by name', async (text, reason) => {
  const { machine } = modelOf({ schema, seed, scripts: [text], isolation: 'READ COMMITTED' }, engine);
  await expect(run(machine, { choose: (choices) => choices[0]! })).rejects.toThrow(reason);
});
