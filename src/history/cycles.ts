import type { Dependencies, Dependency } from './dependencies.js';

/** A cycle of dependencies between committed transactions: no order of them, one after the other, has all of its dependencies. */
export interface Cycle {
  readonly dependencies: readonly Dependency[];
  readonly anomaly: Anomaly;
}

/** The names that the field has; docs/legend.md says what each means, and where it comes from. */
export type Anomaly =
  | 'lost update'
  | 'non-repeatable read'
  | 'read skew'
  | 'write skew'
  | 'write skew on a predicate'
  | 'phantom'
  | 'a cycle with one anti-dependency'
  | 'a cycle with anti-dependencies'
  | 'a cycle of writes and reads';

/** The cycle through a transaction that says most; null where there is none. */
export function cycleThrough(transaction: number, { all, transactions }: Dependencies): Cycle | null {
  const edges = all.filter(({ from, to }) => transactions[from]!.committedAt !== null && transactions[to]!.committedAt !== null);
  return through(
    transaction,
    edges,
    ({ from }) => from,
    ({ to }) => to,
  );
}

/** The cycle through any committed transaction, the latest first. */
export function anyCycle(dependencies: Dependencies): Cycle | null {
  const latest = dependencies.transactions
    .map(({ committedAt }, index) => ({ committedAt, index }))
    .filter(({ committedAt }) => committedAt !== null)
    .sort((left, right) => right.committedAt! - left.committedAt!);
  for (const { index } of latest) {
    const cycle = cycleThrough(index, dependencies);
    if (cycle !== null) return cycle;
  }
  return null;
}

/** A cycle through an actor in which some actor takes part with two transactions: what one has read or left is changed before the other. */
export function cycleOfActors(actor: string, { all, transactions }: Dependencies): Cycle | null {
  const of = (transaction: number) => transactions[transaction]!.actor;
  const from = (edge: Dependency) => of(edge.from);
  const to = (edge: Dependency) => of(edge.to);
  return through(
    actor,
    all.filter((edge) => from(edge) !== to(edge)),
    from,
    to,
  );
}

/** Committed transactions in an order, one after the other, that has all dependencies. Null where there is none. */
export function serialOrder({ all, transactions }: Dependencies): number[] | null {
  const left = transactions.flatMap(({ committedAt }, index) => (committedAt === null ? [] : [index]));
  left.sort((one, other) => transactions[one]!.committedAt! - transactions[other]!.committedAt!);
  const order: number[] = [];
  while (left.length > 0) {
    const at = left.findIndex((index) => !all.some(({ from, to }) => to === index && from !== index && left.includes(from)));
    if (at < 0) return null;
    order.push(...left.splice(at, 1));
  }
  return order;
}

/** Of the cycles between two the one that says most, else the shortest. */
function through<Node>(
  start: Node,
  edges: readonly Dependency[],
  from: (edge: Dependency) => Node,
  to: (edge: Dependency) => Node,
): Cycle | null {
  const pairs = edges
    .filter((edge) => from(edge) === start)
    .flatMap((out) =>
      edges
        .filter((edge) => from(edge) === to(out) && to(edge) === start)
        .map((back) => named(out.kind === 'rw' ? [out, back] : [back, out])),
    );
  if (pairs.length > 0) return pairs.reduce((best, pair) => (rank(pair) < rank(best) ? pair : best));
  const longer = shortest(start, edges, from, to);
  return longer.length === 0 ? null : named(longer);
}

function shortest<Node>(
  start: Node,
  edges: readonly Dependency[],
  from: (edge: Dependency) => Node,
  to: (edge: Dependency) => Node,
): readonly Dependency[] {
  const sorted = [...edges].sort((left, right) => KINDS.indexOf(left.kind) - KINDS.indexOf(right.kind));
  const queue: Dependency[][] = sorted.filter((edge) => from(edge) === start).map((edge) => [edge]);
  const seen = new Set<Node>();
  for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
    const reached = to(path.at(-1)!);
    if (reached === start) return path;
    if (seen.has(reached)) continue;
    seen.add(reached);
    for (const next of sorted) if (from(next) === reached) queue.push([...path, next]);
  }
  return [];
}

/** Who overwrote whom says most, then who missed whose change. */
const KINDS: readonly Dependency['kind'][] = ['ww', 'rw', 'wr'];

const named = (dependencies: readonly Dependency[]): Cycle => ({ dependencies, anomaly: anomalyOf(dependencies) });

/** In the order in which they are told where a pair of transactions has several. */
const RANKS: readonly Anomaly[] = [
  'lost update',
  'write skew on a predicate',
  'write skew',
  'a cycle with one anti-dependency',
  'read skew',
  'phantom',
  'non-repeatable read',
];

/** Of two alike, the one in which no view, function or trigger stands between. */
const rank = ({ anomaly, dependencies }: Cycle): number => {
  const at = RANKS.indexOf(anomaly);
  return (at < 0 ? RANKS.length : at) * 10 + dependencies.filter(({ through }) => through !== null).length;
};

/**
 * By the kinds of the dependencies, as Adya (G-single, G2-item, G2) and Berenson et al. (P4, A5A, A5B, P2, P3) define them.
 */
export function anomalyOf(cycle: readonly Dependency[]): Anomaly {
  const missed = cycle.filter(({ kind }) => kind === 'rw');
  const [first] = missed;
  if (first === undefined) return 'a cycle of writes and reads';
  if (missed.length > 1) {
    const skew = missed.length === cycle.length;
    const predicate = missed.some(({ effect }) => effect !== 'changed');
    return skew ? (predicate ? 'write skew on a predicate' : 'write skew') : 'a cycle with anti-dependencies';
  }
  const others = cycle.filter((item) => item !== first);
  if (others.length === 1 && others[0]!.kind === 'ww' && others[0]!.row === first.row) return 'lost update';
  if (!others.every(({ kind }) => kind === 'wr')) return 'a cycle with one anti-dependency';
  if (others.length === 1 && others[0]!.row === first.row) return first.effect === 'changed' ? 'non-repeatable read' : 'phantom';
  return 'read skew';
}

/** The name with the letters that papers have for it. */
export const LETTERS: Readonly<Record<Anomaly, string>> = {
  'lost update': 'lost update, P4',
  'non-repeatable read': 'non-repeatable read, P2',
  'read skew': 'read skew, A5A, G-single',
  'write skew': 'write skew, A5B, G2-item',
  'write skew on a predicate': 'write skew on a predicate, G2',
  phantom: 'phantom, P3',
  'a cycle with one anti-dependency': 'G-single',
  'a cycle with anti-dependencies': 'G2',
  'a cycle of writes and reads': 'G1c',
};
