import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { lineOf, parse, sourceFiles } from '../.ci/source.js';
import { findings, TIDY, undocumented } from './tidy-rules.js';

const FILES = sourceFiles(fileURLToPath(new URL('..', import.meta.url)));

describe.each(TIDY)('$name', (rule) => {
  test('in every file', () => {
    const found = FILES.flatMap((file) =>
      findings(rule, file).map(({ offset, what }) => `${file.path}:${lineOf(file.text, offset)} ${what}`),
    );
    expect(found).toEqual([]);
  });

  test.each(rule.bad)('refused: %j', (text) => {
    expect(findings(rule, parse(rule.badPath ?? 'src/bad.ts', text))).not.toEqual([]);
  });

  test.each(rule.good)('not refused: %j', (text) => {
    expect(findings(rule, parse('src/good.ts', text))).toEqual([]);
  });

  test.each(rule.home ?? [])('at home in %s', (home) => {
    const path = home.endsWith('/') ? `${home}good.ts` : home;
    expect(rule.bad.flatMap((text) => findings(rule, parse(path, text)))).toEqual([]);
  });
});

describe('what is public has a comment of its own', () => {
  test('in every file that src/index.ts passes on', () => {
    expect(undocumented('src/index.ts', new Map(FILES.map((file) => [file.path, file])))).toEqual([]);
  });

  test.each([
    ["export * from './seat.js';", 'export interface Seat {}', ['src/seat.ts: Seat']],
    ["export { book } from './seat.js';", '/** Books. */\nconst other = 1;\nexport function book() {}', ['src/seat.ts: book']],
    ["export { type Seat as Place } from './seat.js';", '// A seat.\nexport type Seat = 1;', ['src/seat.ts: Seat']],
    ["export { gone } from './seat.js';", '', ['src/seat.ts: gone is not declared here']],
    ["export { Seat } from './seat.js';", '/** A seat. */\nexport class Seat {}', []],
    ["export * from './seat.js';", '/** A seat. */\n// biome-ignore lint: why.\nexport const seat = 1;', []],
    ["export { SEATS } from './seat.js';", '/** Seats. */\nexport const SEATS = 1;\nexport const OTHER = 2;', []],
  ])('%s of %j', (index, text, expected) => {
    const files = [parse('src/index.ts', index), parse('src/seat.ts', text)];
    expect(undocumented('src/index.ts', new Map(files.map((file) => [file.path, file])))).toEqual(expected);
  });
});
