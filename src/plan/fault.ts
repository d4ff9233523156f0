/**
 * Something that no actor does: it may happen once, between any two steps, or not at all. Whether and when is an entry of the schedule like any
 * other. Ticks come in the order in which they are given.
 */
export type Fault =
  /** The clock moves on. Not a fault in the everyday sense, but as little in the actors' hands. */
  | { readonly kind: 'tick'; readonly advanceMs: number }
  /** The connection of somebody is lost, or of somebody who carries out this operation; also between his COMMIT and the answer to it. */
  | { readonly kind: 'connection-lost'; readonly operation?: string }
  /** Somebody's process dies: his connection is gone, and he does nothing any more. */
  | { readonly kind: 'process-dies'; readonly operation?: string }
  /** An administrator ends somebody's session (`pg_terminate_backend`), also while its statement waits. */
  | { readonly kind: 'backend-terminated'; readonly operation?: string }
  /** A statement that waits is given up: by `pg_cancel_backend`, by `statement_timeout`, by `lock_timeout`. */
  | { readonly kind: Cancelling; readonly operation?: string }
  /** Every process of the server is killed at once, and it recovers from what it has written. All sessions are gone. */
  | { readonly kind: 'server-crash' }
  /** The cache stops answering, for good: every call of it fails. */
  | { readonly kind: 'cache-down' };

/** What ends a wait without ending the session. */
export type Cancelling = 'statement-cancelled' | 'statement-timeout' | 'lock-timeout';

/** What happens to one actor. */
export type PersonalFault = Exclude<Fault, { readonly kind: 'tick' | 'server-crash' | 'cache-down' }>;

export const CANCELLING: readonly Cancelling[] = ['statement-cancelled', 'statement-timeout', 'lock-timeout'];
const PERSONAL: readonly PersonalFault['kind'][] = ['connection-lost', 'process-dies', 'backend-terminated', ...CANCELLING];

export const isTick = (fault: Fault): fault is Extract<Fault, { kind: 'tick' }> => fault.kind === 'tick';

/** Whether a fault is the crash of the whole server. */
export const isCrash = ({ kind }: Fault): boolean => kind === 'server-crash';
export const isCacheDown = ({ kind }: Fault): boolean => kind === 'cache-down';

/** The fault of a kind that may happen to one who carries out this operation; the one that can happen to fewer others first. */
export const concerning = (faults: readonly Fault[], kind: PersonalFault['kind'], operation: string): Fault | undefined =>
  faults.find((fault) => fault.kind === kind && fault.operation === operation) ??
  faults.find((fault) => fault.kind === kind && fault.operation === undefined);

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
export function showFault(fault: Fault): string {
  if (fault.kind === 'tick') return `clock +${showDuration(fault.advanceMs)}`;
  if (fault.kind === 'server-crash' || fault.kind === 'cache-down') return fault.kind.replace('-', ' ');
  return `${fault.kind.replace('-', ' ')}${fault.operation === undefined ? '' : ` in ${fault.operation}`}`;
}

/** Whether a value from outside is a fault. */
export function isFault(value: unknown): value is Fault {
  if (typeof value !== 'object' || value === null) return false;
  const { kind, advanceMs, operation } = value as { kind?: unknown; advanceMs?: unknown; operation?: unknown };
  if (kind === 'tick') return Number.isSafeInteger(advanceMs) && (advanceMs as number) > 0;
  if (kind === 'server-crash' || kind === 'cache-down') return operation === undefined;
  return (PERSONAL as readonly unknown[]).includes(kind) && (operation === undefined || typeof operation === 'string');
}
