/**
 * What ORMs send, operation by operation, as it was recorded over `pg` with its parameters: asked of the model and of the server in the same order. What
 * the model refuses is in the recordings, with the reason; nothing may differ.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { UnmodelledError } from '../src/engine/contract.js';
import { ModelEngine } from '../src/engine/model/engine.js';
import { PostgresEngine } from '../src/engine/postgres/engine.js';
import type { PostgresServer } from '../src/engine/postgres/providers/server.js';
import { Coverage } from '../src/explore/coverage.js';
import { search } from '../src/explore/search.js';
import { compare } from '../src/fuzz/compare.js';
import { Machine } from '../src/machine.js';
import type { Plan } from '../src/plan/plan.js';
import type { Scenario } from '../src/scenario.js';
import { openPinnedServer } from './pinned-server.js';

/** A statement, with its parameters where it has some. */
type Recorded = string | readonly [string, readonly unknown[]];
/** Statements of each operation, by its name. */
type Operations = Readonly<Record<string, readonly Recorded[]>>;

interface Recording {
  readonly name: string;
  readonly package: string;
  readonly usual: Operations;
  readonly wider: Operations;
  /** Why statements of an operation are refused, in order. */
  readonly refused: Readonly<Record<string, readonly string[]>>;
}

const folder = new URL('../fixtures/orm/', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, folder), 'utf8');
const [schema, seed] = [read('schema.sql'), read('seed.sql')];
const recordings = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .sort()
  .map((name) => JSON.parse(read(name)) as Recording);
const documentation = readFileSync(new URL('../docs/model.md', import.meta.url), 'utf8');

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

/** JSON has no dates, bytes and bigints: they are `{ "$date": ... }`, `{ "$bytes": ... }` and `{ "$bigint": ... }`. */
function parameter(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(parameter);
  if (typeof value !== 'object' || value === null) return value;
  const { $date, $bytes, $bigint } = value as Record<string, string | undefined>;
  if ($date !== undefined) return new Date($date);
  if ($bytes !== undefined) return Buffer.from($bytes, 'hex');
  return $bigint === undefined ? value : BigInt($bigint);
}

/** Asks both engines; what is refused is left out, and the rest is asked again. */
async function ask(statements: readonly Recorded[]): Promise<{ refused: string[]; difference: string | null }> {
  const refused: string[] = [];
  let left = statements;
  for (;;) {
    let at = -1;
    const scenario: Scenario = {
      name: 'orm/orm',
      description: '',
      schema,
      seed: () => seed,
      operations: {
        run: async ({ client }) => {
          for (const [index, statement] of left.entries()) {
            at = index;
            const [text, values] = typeof statement === 'string' ? [statement, []] : statement;
            await client.query(text, values.map(parameter)).catch(() => undefined);
          }
        },
      },
      workloads: [],
      invariants: [],
      expect: {},
    };
    try {
      const machine = new Machine(scenario, PLAN, engine);
      const { graph } = await search(machine, engine, { maxStates: 1000 });
      const [schedule] = new Coverage(graph).schedules(1);
      return { refused, difference: schedule === undefined ? null : (await compare(machine, postgres, schedule)).difference };
    } catch (error) {
      if (!(error instanceof UnmodelledError)) throw error;
      refused.push(error.message);
      left = left.filter((_, index) => index !== at);
    }
  }
}

const PLAN: Plan = {
  scenario: 'orm/orm',
  workload: 'run',
  isolation: 'READ COMMITTED',
  capacity: 1,
  actors: [{ name: 'a', operation: 'run', input: {} }],
  seed: 'orm',
};

test.each(recordings)(
  'what $name sends',
  async ({ name, package: origin, usual, wider, refused }) => {
    const found: Record<string, string[]> = {};
    const shares: string[] = [];
    for (const operations of [usual, wider]) {
      let [asked, answered] = [0, 0];
      for (const [operation, statements] of Object.entries(operations)) {
        const outcome = await ask(statements);
        expect(outcome.difference, operation).toBeNull();
        if (outcome.refused.length > 0) found[operation] = outcome.refused;
        asked += statements.length;
        answered += statements.length - outcome.refused.length;
      }
      shares.push(`${answered} of ${asked}`);
    }
    expect(found).toEqual(refused);
    expect(documentation).toContain(`| ${name} | \`${origin}\` | ${shares.join(' | ')} |`);
  },
  600_000,
);
