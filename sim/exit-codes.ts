import { asExpected, type ScenarioOutcome, type Verdict } from '../src/index.js';

/** Exit codes are an interface: see docs/command-line.md. */
export const EXIT = {
  fine: 0,
  violation: 1,
  usage: 2,
  mismatch: 3,
  environment: 4,
  inconclusive: 5,
  internal: 70,
  interrupted: 130,
} as const;

/** Where several apply, the first of these counts. */
const PRECEDENCE = [
  EXIT.interrupted,
  EXIT.internal,
  EXIT.usage,
  EXIT.environment,
  EXIT.mismatch,
  EXIT.violation,
  EXIT.inconclusive,
  EXIT.fine,
];

const BY_VERDICT: Readonly<Record<Verdict, number>> = {
  proved: EXIT.fine,
  explored: EXIT.fine,
  passed: EXIT.fine,
  violated: EXIT.violation,
  diverged: EXIT.mismatch,
  racy: EXIT.mismatch,
  inconclusive: EXIT.inconclusive,
  vacuous: EXIT.inconclusive,
  unmodelled: EXIT.inconclusive,
  error: EXIT.internal,
};

/**
 * `judged`: what counts is whether a verdict is as the variant expects; else a violation is a violation. `also`: codes of what
 * happened besides.
 */
export function exitCode(outcomes: readonly ScenarioOutcome[], judged: boolean, also: readonly number[] = []): number {
  const codes = outcomes.map((outcome) => {
    if (!judged || outcome.expect === null) return BY_VERDICT[outcome.verdict];
    if (asExpected(outcome)) return EXIT.fine;
    // A pass where a violation was expected is a difference like any other.
    return BY_VERDICT[outcome.verdict] === EXIT.fine ? EXIT.violation : BY_VERDICT[outcome.verdict];
  });
  return PRECEDENCE.find((code) => codes.includes(code) || also.includes(code)) ?? EXIT.fine;
}
