import type { ScenarioOutcome } from '../outcome.js';

/** Half of the values are not above `median`, and none is above `most`. */
export interface Spread {
  readonly median: number;
  readonly most: number;
}

/** How well the suite did against what its variants expect of themselves: a verdict is one variant at one level. */
export interface Score {
  /** Verdicts of which a violation is expected, and those of them that are `violated`. */
  readonly buggy: number;
  readonly found: number;
  /** Verdicts that are expected to hold, those of them that are `proved`, and those that hold with less certainty. */
  readonly safe: number;
  readonly proved: number;
  readonly exploredOrPassed: number;
  /** Of the verdicts found: schedules of the first plan that has a violation, drawn at random or sampled, until one violates. Null where none was found. */
  readonly schedules: Spread | null;
  /** Those among them of which no random schedule violated; `schedules` is of the others. */
  readonly notByRandomSchedules: number;
  /** Work until the first violation was known. */
  readonly medianToViolationMs: number | null;
  readonly mostToViolationMs: number | null;
  /** The counterexamples, made small. */
  readonly counterexamples: {
    readonly actors: Spread;
    readonly steps: Spread;
    readonly switches: Spread;
    readonly minimal: number;
    readonly confirmedOnPostgres: number;
  } | null;
}

/** Sums up the verdicts of which something was expected. */
export function score(outcomes: readonly ScenarioOutcome[]): Score {
  const buggy = outcomes.filter(({ expect }) => expect === 'violated');
  const safe = outcomes.filter(({ expect }) => expect === 'holds');
  const found = buggy.filter(({ verdict }) => verdict === 'violated');
  const having = (verdicts: readonly string[]) => safe.filter(({ verdict }) => verdicts.includes(verdict)).length;
  const first = found.flatMap(({ firstViolation }) => firstViolation ?? []);
  const schedules = first.flatMap((violation) => violation.schedules ?? []);
  const times = spread(first.map(({ elapsedMs }) => elapsedMs));
  const small = found.flatMap(({ counterexample }) => counterexample ?? []);
  const size = (of: 'actors' | 'steps' | 'switches') => spread(small.map((counterexample) => counterexample[of]))!;
  return {
    buggy: buggy.length,
    found: found.length,
    safe: safe.length,
    proved: having(['proved']),
    exploredOrPassed: having(['explored', 'passed']),
    schedules: spread(schedules),
    notByRandomSchedules: first.length - schedules.length,
    medianToViolationMs: times?.median ?? null,
    mostToViolationMs: times?.most ?? null,
    counterexamples:
      small.length === 0
        ? null
        : {
            actors: size('actors'),
            steps: size('steps'),
            switches: size('switches'),
            minimal: small.filter(({ minimal }) => minimal).length,
            confirmedOnPostgres: small.filter(({ confirmedOnPostgres }) => confirmedOnPostgres).length,
          },
  };
}

/** The lower of two medians where there are two: one of the values, and never between them. */
function spread(values: readonly number[]): Spread | null {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted.length === 0 ? null : { median: sorted[(sorted.length - 1) >> 1]!, most: sorted.at(-1)! };
}

/** The score as it stands below the suite. */
export function scoreText(given: Score): string {
  const { counterexamples, schedules, notByRandomSchedules, medianToViolationMs, mostToViolationMs } = given;
  const less = given.exploredOrPassed === 0 ? '' : `, explored or passed ${given.exploredOrPassed}`;
  const lines = [`score       found ${given.found} of ${given.buggy} buggy · proved ${given.proved} of ${given.safe} safe${less}`];
  const add = (what: string, parts: readonly string[]) => lines.push(`${' '.repeat(12)}${what} (median, most): ${parts.join(' · ')}`);
  const both = (name: string, of: Spread | null) => (of === null ? [] : [`${name} ${of.median}, ${of.most}`]);
  if (medianToViolationMs !== null && mostToViolationMs !== null)
    add('to the first violation', [
      ...both('schedules', schedules),
      ...(notByRandomSchedules === 0 ? [] : [`${notByRandomSchedules} by no random schedule`]),
      `work ${seconds(medianToViolationMs)}, ${seconds(mostToViolationMs)}`,
    ]);
  if (counterexamples !== null) {
    const { actors, steps, switches, minimal, confirmedOnPostgres } = counterexamples;
    add('counterexamples', [
      ...both('actors', actors),
      ...both('steps', steps),
      ...both('switches', switches),
      `${minimal} minimal`,
      `${confirmedOnPostgres} confirmed on PostgreSQL`,
    ]);
  }
  return lines.join('\n');
}

const seconds = (elapsedMs: number): string => `${(elapsedMs / 1000).toFixed(1)} s`;
