/** What a schema holds that would be answered wrongly, and is refused by its name instead. */
import { expect, test } from 'vitest';
import { search } from '../src/explore/search.js';
import { modelOf } from './model-scripts.js';

/** The reason for which the model refuses a script over a schema; null where it answers. */
async function refusal(schema: string, script: string): Promise<string | null> {
  const { engine, machine } = modelOf({ schema, seed: '', scripts: [script], isolation: 'READ COMMITTED', stubborn: true });
  try {
    await search(machine, engine, { maxStates: 100 });
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

const virtual = 'CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a * 2) VIRTUAL);';

test('an error in a virtual column is the reader’s, who has not come yet', async () => {
  expect(await refusal(virtual, 'INSERT INTO t VALUES (2000000000)')).toContain('a row of t, which has a virtual generated column');
  expect(await refusal(virtual, 'INSERT INTO t VALUES (1); UPDATE t SET a = 2000000000')).toContain('a virtual generated column');
  expect(await refusal(virtual, 'INSERT INTO t VALUES (1); SELECT b FROM t')).toBeNull();
});

test('a constraint keeps the row type that it was made with, and its text does not say which that was', async () => {
  const schema = `
    CREATE TABLE t (a int, b text);
    CREATE TABLE u (x int, y text, CHECK ((x, y)::t = (1, 'a')::t));
    ALTER TABLE t ALTER b TYPE varchar;
  `;
  expect(await refusal(schema, "INSERT INTO u VALUES (1, 'a')")).toContain('constraint u_check of u, with a row of a named type');
});

test('a virtual column over a domain, which some minor versions let pass, is refused and no mistake of the schema', async () => {
  const schema = 'CREATE DOMAIN small AS int; CREATE TABLE t (a small, b int GENERATED ALWAYS AS (a * 2) VIRTUAL);';
  expect(await refusal(schema, 'SELECT a FROM t')).toContain('the schema, of which PGlite says: generation expression uses user-defined');
});
