/** What may be said after an exploration, from bad to good: a scenario's verdict is that of its worst plan. */
export const VERDICTS = [
  'error',
  'diverged',
  'racy',
  'violated',
  'inconclusive',
  'unmodelled',
  'vacuous',
  'passed',
  'explored',
  'proved',
] as const;
/** One of {@link VERDICTS}. */
export type Verdict = (typeof VERDICTS)[number];

/** proved, explored and passed: no violation was found, and it is said how far was looked. */
export const holds = (verdict: Verdict): boolean => VERDICTS.indexOf(verdict) >= VERDICTS.indexOf('passed');

export const worst = (verdicts: readonly Verdict[]): Verdict =>
  verdicts.reduce((left, right) => (VERDICTS.indexOf(left) <= VERDICTS.indexOf(right) ? left : right), 'proved');
