import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { entriesIn, look } from '../sim/commands/explain.js';
import { EXIT } from '../sim/exit-codes.js';
import { DEFAULT_LIMITS } from '../src/index.js';
import { VERDICTS } from '../src/verdict.js';
import { simHere } from './cli-process.js';

const entries = ['docs/legend.md', 'docs/command-line.md'].flatMap((path) => entriesIn(readFileSync(path, 'utf8')));

describe('explain', () => {
  test.each(VERDICTS)('the verdict %s', (verdict) => {
    const found = look(entries, verdict).filter(({ heading }) => heading === 'Verdict');
    expect(found.map(({ words }) => words[0])).toContain(verdict);
  });

  test.each(Object.values(EXIT).map(String))('the exit code %s', (code) => {
    expect(look(entries, code).map(({ heading }) => heading)).toContain('Exit codes');
  });

  test.each(Object.keys(DEFAULT_LIMITS))('the limit %s', (limit) => {
    expect(look(entries, limit).map(({ heading }) => heading)).toContain('Limits');
  });

  test.each(['witnesses', 'coarse', 'operations', 'limits', 'empty', 'plan', 'replay', 'again', '--plans', 'plans', '40001', '<begins>'])(
    'the word %s',
    (word) => {
      expect(look(entries, word).length).toBeGreaterThan(0);
    },
  );

  test('prints what is known of a word, once for each place', async () => {
    const { code, stdout } = await simHere('explain', 'vacuous');
    expect(code).toBe(EXIT.fine);
    expect(stdout).toContain('vacuous   (Verdict)\n  exit code: 5\n  no violation, and the pass is empty');
  });

  test('a word that nobody knows is exit code 2, with what was meant', async () => {
    const { code, stderr } = await simHere('explain', 'vacuos');
    expect(code).toBe(EXIT.usage);
    expect(stderr).toContain('nothing is known of "vacuos"');
    expect(stderr).toContain('Did you mean vacuous?');
  });
});
