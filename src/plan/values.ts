/**
 * All values that a generator can make, the smallest first. They come in tiers: the first has those of weight 0, which are the smallest, the next those
 * of weight 1, and so on; a whole's weight is the sum of its parts' (LeanCheck's tiers, Braquehais 2017). No value comes twice: two values are one where their JSON is.
 */
export interface Values<T> {
  readonly count: bigint;
  /** Weights go from 0 to this, without it. No tier is empty. */
  readonly tiers: number;
  readonly tier: (weight: number) => readonly T[];
}

/** What a value is told by: the JSON in which it travels. `undefined` is not null there. */
export const valueKey = (value: unknown): string => JSON.stringify({ value });

/** Whole numbers, both ends included: those nearest to zero first, as they shrink. */
export function wholeNumbers(min: number, max: number): Values<number> {
  const nearest = Math.max(min, Math.min(0, max));
  // On each side of the nearest so many; where both sides have one it is the positive one that comes first.
  const [above, below] = [max - nearest, nearest - min];
  const both = Math.min(above, below);
  const at = (weight: number): number => {
    if (weight <= 2 * both) return weight % 2 === 1 ? nearest + (weight + 1) / 2 : nearest - weight / 2;
    return above > below ? nearest + weight - both : nearest - (weight - both);
  };
  return { count: BigInt(above) + BigInt(below) + 1n, tiers: above + below + 1, tier: (weight) => [at(weight)] };
}

/** These values, in this order. */
export function listed<T>(values: readonly T[]): Values<T> {
  const distinct = [...new Map(values.map((value) => [valueKey(value), value])).values()];
  return { count: BigInt(distinct.length), tiers: distinct.length, tier: (weight) => [distinct[weight]!] };
}

/** Objects with each property from its own values. */
export function products<T extends object>(shape: { readonly [K in keyof T]: Values<T[K]> }): Values<T> {
  const fields = Object.entries<Values<unknown>>(shape);
  return {
    count: fields.reduce((product, [, { count }]) => product * count, 1n),
    tiers: fields.reduce((sum, [, { tiers }]) => sum + tiers - 1, 1),
    tier: (weight) =>
      [
        ...tuples(
          fields.map(([, values]) => values),
          weight,
        ),
      ].map((tuple) => toObject(fields, tuple) as T),
  };
}

const toObject = (fields: readonly (readonly [string, unknown])[], tuple: readonly unknown[]): object =>
  Object.fromEntries(fields.map(([name], index) => [name, tuple[index]]));

/** A value of each, with this weight in all. */
export function* tuples(parts: readonly Values<unknown>[], weight: number): Generator<unknown[]> {
  const [first, ...rest] = parts;
  if (first === undefined) {
    if (weight === 0) yield [];
    return;
  }
  const most = rest.reduce((sum, { tiers }) => sum + tiers - 1, 0);
  for (let mine = Math.max(0, weight - most); mine <= Math.min(weight, first.tiers - 1); mine += 1)
    for (const value of first.tier(mine)) for (const others of tuples(rest, weight - mine)) yield [value, ...others];
}

/** Several of the values, in no particular order, with this weight in all. */
export function* multisets<T>(values: Values<T>, size: number, weight: number, from = { weight: 0, index: 0 }): Generator<T[]> {
  if (size === 0) {
    if (weight === 0) yield [];
    return;
  }
  // All that follow weigh at least as much as the first, and the heaviest at most.
  const least = Math.max(from.weight, weight - (size - 1) * (values.tiers - 1));
  const most = Math.min(Math.floor(weight / size), values.tiers - 1);
  for (let mine = least; mine <= most; mine += 1) {
    const tier = values.tier(mine);
    for (let index = mine === from.weight ? from.index : 0; index < tier.length; index += 1)
      for (const others of multisets(values, size - 1, weight - mine, { weight: mine, index })) yield [tier[index]!, ...others];
  }
}

/** How many multisets of a size there are: C(count + size - 1, size). */
export function countMultisets(count: bigint, size: number): bigint {
  let ways = 1n;
  for (let taken = 1n; taken <= BigInt(size); taken += 1n) ways = (ways * (count + taken - 1n)) / taken;
  return ways;
}

/** Values that a mapped or filtered generator is asked for at most: each has to be made to be counted. */
const MOST_MADE = 10_000n;

/** The values as code makes others of them or leaves them out, in the order of what they are made of; null where there are too many to make them all. */
export function remade<T, U>(values: Values<T>, remake: (value: T) => readonly U[]): Values<U> | null {
  if (values.count > MOST_MADE) return null;
  let made: U[][] | null = null;
  const all = () => {
    made ??= remadeTiers(values, remake);
    return made;
  };
  return {
    get count() {
      return BigInt(all().flat().length);
    },
    get tiers() {
      return all().length;
    },
    tier: (weight) => all()[weight]!,
  };
}

function remadeTiers<T, U>(values: Values<T>, remake: (value: T) => readonly U[]): U[][] {
  const seen = new Set<string>();
  const isNew = (value: U): boolean => {
    const key = valueKey(value);
    return !seen.has(key) && seen.add(key) !== undefined;
  };
  const tiers = Array.from({ length: values.tiers }, (_, weight) => values.tier(weight).flatMap(remake).filter(isNew));
  return tiers.filter((tier) => tier.length > 0);
}
