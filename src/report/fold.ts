import type { LaneStep } from './lane.js';

/** Longest round that is looked for, in steps: BEGIN and COMMIT may make a call two of them. */
const LONGEST_ROUND = 40;
/** Rounds that are shown before the rest of them is counted only. */
const SHOWN_ROUNDS = 2;
/** Fewer rounds than these are all shown. */
const FEWEST_ROUNDS = 5;

/** An actor that does the same again and again is shown doing it twice, and at the end once more; a line between says how often in all. */
export function folded(steps: readonly LaneStep[]): LaneStep[] {
  const shown: LaneStep[] = [];
  let at = 0;
  while (at < steps.length) {
    const { length, rounds } = roundsAt(steps, at);
    if (rounds < FEWEST_ROUNDS) {
      shown.push(steps[at]!);
      at += 1;
      continue;
    }
    const end = at + length * rounds;
    const from = at + length * SHOWN_ROUNDS;
    const to = end - length;
    const left = rounds - SHOWN_ROUNDS - 1;
    const what = length === 1 ? 'the same step' : `the same ${length} steps`;
    shown.push(...steps.slice(at, from), { ...steps[from]!, lines: [{ text: `<${what}, ${left} times more>`, answer: '' }] });
    shown.push(...steps.slice(to, end));
    at = end;
  }
  return shown;
}

/** The shortest round that begins at a step and comes often enough, and how often it comes. */
function roundsAt(steps: readonly LaneStep[], at: number): { length: number; rounds: number } {
  for (let length = 1; length <= LONGEST_ROUND && at + length * FEWEST_ROUNDS <= steps.length; length += 1) {
    let same = 0;
    while (at + length + same < steps.length && areAlike(steps[at + same]!, steps[at + length + same]!)) same += 1;
    const rounds = 1 + Math.floor(same / length);
    if (rounds >= FEWEST_ROUNDS) return { length, rounds };
  }
  return { length: 1, rounds: 1 };
}

/** Whether two steps of one actor look the same and leave everything as it is. */
const areAlike = (left: LaneStep, right: LaneStep): boolean =>
  left.lane === right.lane &&
  left.lane >= 0 &&
  left.usage === '' &&
  right.usage === '' &&
  !left.violated &&
  JSON.stringify(left.lines) === JSON.stringify(right.lines);
