/** Small scenarios, each explored on the model and confirmed on a real server: what the conformance tests share. */

import { afterAll, beforeAll, expect, test } from 'vitest';
import { ModelEngine } from '../src/engine/model/engine.js';
import { PostgresEngine } from '../src/engine/postgres/engine.js';

import type { PostgresServer } from '../src/engine/postgres/providers/server.js';
import type { Queries, Script } from '../src/fuzz/scripted.js';
import type { Plan } from '../src/plan/plan.js';
import type { IsolationLevel } from '../src/scenario.js';
import { confirm } from './model-scripts.js';
import { openPinnedServer } from './pinned-server.js';

export const schema = `
  CREATE SEQUENCE tickets;
  CREATE TABLE items (id int PRIMARY KEY, v int NOT NULL, code int UNIQUE, CONSTRAINT v_positive CHECK (v >= 0), CONSTRAINT v_below_ten CHECK (v < 10));
  CREATE TABLE parts (id int PRIMARY KEY, item_id int REFERENCES items (id), v int NOT NULL);
  CREATE TABLE notes (id int PRIMARY KEY, item_id int NOT NULL, FOREIGN KEY (item_id) REFERENCES items (id) ON DELETE CASCADE);
  CREATE TABLE numbered (id serial PRIMARY KEY, v int NOT NULL);
`;
export const seed = `
  INSERT INTO items (id, v, code) VALUES (1, 1, 10), (2, 2, 20);
  INSERT INTO parts (id, item_id, v) VALUES (1, 1, 1), (2, NULL, 2);
`;

export const BOTH: readonly IsolationLevel[] = ['READ COMMITTED', 'REPEATABLE READ'];
export const RC: readonly IsolationLevel[] = ['READ COMMITTED'];
export const RR: readonly IsolationLevel[] = ['REPEATABLE READ'];
export const SR: readonly IsolationLevel[] = ['SERIALIZABLE'];

export interface Case {
  readonly name: string;
  readonly scripts: readonly (Script | Queries)[];
  /** What must have been seen, by level or at all of them: SQLSTATEs, `waits`, `waits again`, `UPDATE 0`, ... */
  readonly sees?: readonly string[] | ((major: number) => readonly string[]);
  readonly at?: readonly IsolationLevel[];
  readonly stubborn?: boolean;
  readonly seed?: string;
  /** In place of the schema and the rows that the cases share. */
  readonly schema?: string;
  readonly faults?: Plan['faults'];
}

/** A server for a test file, and the test that makes one of every case and level: every interleaving on the model, every transition on the server. */
export function onServer(tables = schema, rows = seed) {
  let server: PostgresServer;
  let postgres: PostgresEngine;
  let engine: ModelEngine;

  beforeAll(async () => {
    server = await openPinnedServer();
    postgres = new PostgresEngine(server, { looksAlways: true });
    engine = new ModelEngine({ major: server.major });
  }, 60_000);

  afterAll(async () => {
    await postgres.close();
    await server.close();
  });

  const conforms = (cases: readonly Case[]): void => {
    const each = cases.flatMap((item) => (item.at ?? BOTH).map((isolation) => ({ ...item, isolation })));
    for (const { name, scripts, sees, isolation, stubborn, seed: more, schema: own, faults } of each)
      test(`${name} (${isolation})`, async () => {
        const scripted = {
          schema: own ?? tables,
          seed: `${own === undefined ? rows : ''}${more ?? ''}`,
          scripts,
          isolation,
          stubborn: stubborn ?? false,
          ...(faults === undefined ? {} : { faults }),
        };
        const { difference, seen } = await confirm(scripted, engine, postgres);
        expect(difference).toBeNull();
        for (const what of typeof sees === 'function' ? sees(server.major) : (sees ?? [])) expect([...seen]).toContain(what);
      }, 60_000);
  };

  return { conforms, server: () => server, postgres: () => postgres };
}

export const block = (...statements: string[]): Script => ['BEGIN', ...statements, 'COMMIT'].join('; ');
export const CLAUSES = ['KEY SHARE', 'SHARE', 'NO KEY UPDATE', 'UPDATE'] as const;
export const lockOne = (clause: string, id = 1) => `SELECT v FROM items WHERE id = ${id} FOR ${clause}`;
export const addOne = (id = 1) => `UPDATE items SET v = v + 1 WHERE id = ${id}`;
