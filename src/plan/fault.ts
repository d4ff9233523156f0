/**
 * Something that no actor does: it may happen once, between any two steps, or not at all. Whether and when is an entry of the schedule like any
 * other. Ticks come in the order in which they are given.
 */
export type Fault =
  /** The clock moves on. Not a fault in the everyday sense, but as little in the actors' hands. */
  { readonly kind: 'tick'; readonly advanceMs: number };

export const isTick = (fault: Fault): boolean => fault.kind === 'tick';

/** The faults without one of them. */
export const withoutOne = (faults: readonly Fault[], gone: Fault): readonly Fault[] => {
  const index = faults.indexOf(gone);
  return faults.filter((_, at) => at !== index);
};

/** Every way to keep so many of them. */
export function* fewerFaults(faults: readonly Fault[], count: number): Generator<readonly Fault[]> {
  const [first, ...rest] = faults;
  if (count === 0) yield [];
  if (first === undefined || count === 0) return;
  for (const others of fewerFaults(rest, count - 1)) yield [first, ...others];
  yield* fewerFaults(rest, count);
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const;

/** `15 min`: in the largest unit of which it is a whole number. */
export function showDuration(ms: number): string {
  const [unit, size] = UNITS.find(([, each]) => ms % each === 0) ?? ['ms', 1];
  return `${ms / size} ${unit}`;
}

/** One fault in a few words. */
export const showFault = (fault: Fault): string => `clock +${showDuration(fault.advanceMs)}`;

/** Whether a value from outside is a fault. */
export function isFault(value: unknown): value is Fault {
  if (typeof value !== 'object' || value === null) return false;
  const { kind, advanceMs } = value as { kind?: unknown; advanceMs?: unknown };
  return kind === 'tick' && Number.isSafeInteger(advanceMs) && (advanceMs as number) > 0;
}
