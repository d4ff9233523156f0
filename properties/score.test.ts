/** The score: what the suite found of what is broken, and proved of what is safe. */
import { expect, it } from 'vitest';
import { type ScenarioOutcome, type Score, score, scoreText } from '../src/index.js';

interface Known {
  readonly expect: 'holds' | 'violated' | null;
  readonly verdict: string;
  readonly schedules?: number | null;
  readonly elapsedMs?: number;
  readonly steps?: number;
}

const outcome = ({ expect, verdict, schedules = 1, elapsedMs = 100, steps = 6 }: Known) =>
  ({
    expect,
    verdict,
    firstViolation: verdict === 'violated' ? { plan: 0, schedules, elapsedMs } : null,
    counterexample: verdict === 'violated' ? { actors: 2, steps, switches: 1, minimal: steps < 20, confirmedOnPostgres: true } : null,
  }) as unknown as ScenarioOutcome;
const scoreOf = (...known: readonly Known[]): Score => score(known.map(outcome));

const buggy = { expect: 'violated', verdict: 'violated' } as const;
const safe = { expect: 'holds', verdict: 'proved' } as const;

it('counts what was found of what is broken, and proved of what is safe', () => {
  const missed = { expect: 'violated', verdict: 'proved' } as const;
  const refuted = { expect: 'holds', verdict: 'violated' } as const;
  const unsure = { expect: 'holds', verdict: 'explored' } as const;
  const sampled = { expect: 'holds', verdict: 'passed' } as const;
  expect(scoreOf(buggy, missed, safe, refuted, unsure, sampled)).toMatchObject({
    buggy: 2,
    found: 1,
    safe: 4,
    proved: 1,
    exploredOrPassed: 2,
  });
});

it('leaves out what nothing was expected of', () => {
  expect(scoreOf({ expect: null, verdict: 'violated' })).toMatchObject({ buggy: 0, found: 0, safe: 0, counterexamples: null });
});

it('has the lower median and the most of schedules, work and sizes', () => {
  const sizes = [
    { ...buggy, schedules: 1, elapsedMs: 100, steps: 6 },
    { ...buggy, schedules: 4, elapsedMs: 300, steps: 8 },
    { ...buggy, schedules: 9, elapsedMs: 200, steps: 20 },
    { ...buggy, schedules: null, elapsedMs: 2500, steps: 10 },
  ];
  expect(scoreOf(...sizes)).toMatchObject({
    schedules: { median: 4, most: 9 },
    notByRandomSchedules: 1,
    medianToViolationMs: 200,
    mostToViolationMs: 2500,
    counterexamples: { steps: { median: 8, most: 20 }, minimal: 3, confirmedOnPostgres: 4 },
  });
  expect(scoreText(scoreOf(...sizes, safe))).toBe(
    [
      'score       found 4 of 4 buggy · proved 1 of 1 safe',
      '            to the first violation (median, most): schedules 4, 9 · 1 by no random schedule · work 0.2 s, 2.5 s',
      '            counterexamples (median, most): actors 2, 2 · steps 8, 20 · switches 1, 1 · 3 minimal · 4 confirmed on PostgreSQL',
    ].join('\n'),
  );
});

it('says nothing of violations where there are none', () => {
  expect(scoreText(scoreOf(safe, { expect: 'holds', verdict: 'explored' }))).toBe(
    'score       found 0 of 0 buggy · proved 1 of 2 safe, explored or passed 1',
  );
});
