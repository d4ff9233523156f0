import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { KeptFiles } from '../src/engine/model/pglite/kept-files.js';
import { keepRows } from '../src/engine/model/pglite/kept-rows.js';
import { ownDirectory } from '../src/engine/model/pglite/own-directory.js';
import { ModelEngine } from '../src/index.js';

const KIND = `test-${process.pid}`;
const folder = () => join(ownDirectory(), KIND);

afterAll(() => rmSync(folder(), { recursive: true }));

describe('what is kept between processes', () => {
  test('is read under its key and its format only', () => {
    const files = new KeptFiles(KIND, 'one');
    files.write('key', { value: 1 });
    expect(files.read('key')).toEqual({ value: 1 });
    expect(files.read('other')).toBeNull();
    expect(new KeptFiles(KIND, 'two').read('key')).toBeNull();
  });

  test('is made anew where the file is damaged', () => {
    const files = new KeptFiles(KIND, 'damaged');
    files.write('key', { value: 1 });
    for (const name of readdirSync(folder())) writeFileSync(join(folder(), name), '{"key":"key","val');
    expect(files.read('key')).toBeNull();
    files.write('key', { value: 2 });
    expect(files.read('key')).toEqual({ value: 2 });
  });

  test('is bounded: a document that is too large is not kept, and the oldest go', () => {
    const files = new KeptFiles(KIND, 'bounded');
    files.write('large', 'x'.repeat(5_000_000));
    expect(files.read('large')).toBeNull();
    for (let number = 0; number < 510; number += 1) files.write(`${number}`, number);
    expect(readdirSync(folder()).length).toBeLessThanOrEqual(500);
  });
});

test('a schema that is known is read without PGlite, which takes its time to start', () => {
  const schema = `CREATE TABLE known_${process.pid} (id int PRIMARY KEY)`;
  const setup = { schema, seed: '', actors: 1, isolation: 'READ COMMITTED', clockMs: 0 } as const;
  keepRows(schema, 0, { tables: [], sequences: [], contents: {}, volatile: [], plain: true });
  expect(new ModelEngine().open(setup)).not.toBeInstanceOf(Promise);
});
