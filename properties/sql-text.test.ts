/** How statements are cut into tokens: as PostgreSQL's scanner does (scan.l), with its default settings. */
import { expect, test } from 'vitest';
import { splitStatements, tokenize } from '../src/sql/text.js';

const texts = (sql: string): string[] => tokenize(sql).map(({ kind, text }) => `${kind} ${text}`);

test('a backslash ends no string, but in one that begins with E', () => {
  expect(splitStatements(String.raw`SELECT 'a\'; SELECT E'a\'; b'; SELECT 2`)).toEqual([
    String.raw`SELECT 'a\'`,
    String.raw`SELECT E'a\'; b'`,
    'SELECT 2',
  ]);
});

test('a tag between dollars may have digits', () => {
  expect(splitStatements('SELECT $a1$x; y$a1$; SELECT $$z;$$')).toEqual(['SELECT $a1$x; y$a1$', 'SELECT $$z;$$']);
});

test('a number is one token, however it is written', () => {
  expect(texts('0x1F 1_000 1.5e-3 .5 2.')).toEqual(['number 0x1F', 'number 1_000', 'number 1.5e-3', 'number .5', 'number 2.']);
  expect(texts('1..3')).toEqual(['number 1', 'symbol .', 'number .3']);
});
