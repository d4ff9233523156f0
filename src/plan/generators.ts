import fc from 'fast-check';
import { listed, products, remade, type Values, wholeNumbers } from './values.js';

/**
 * A source of values: a fast-check arbitrary. Scenarios build theirs with the functions below, which also say which values they have; what
 * `.map` and `.filter` make of them does so too, up to 10,000 values. Any other arbitrary of fast-check's can only be drawn from.
 */
export type Generator<T> = fc.Arbitrary<T>;

/** Where a generator keeps its values: also one that another copy of this module has made. */
const VALUES = Symbol.for('lastseat.values');

/** An arbitrary that draws and shrinks as another one does, and knows its values; null where they are too many to be made. */
class Enumerated<T> extends fc.Arbitrary<T> {
  readonly #drawn: fc.Arbitrary<T>;
  readonly [VALUES]: Values<T> | null;

  constructor(drawn: fc.Arbitrary<T>, values: Values<T> | null) {
    super();
    this.#drawn = drawn;
    this[VALUES] = values;
  }

  override generate(random: fc.Random, bias: number | undefined): fc.Value<T> {
    return this.#drawn.generate(random, bias);
  }

  override canShrinkWithoutContext(value: unknown): value is T {
    return this.#drawn.canShrinkWithoutContext(value);
  }

  override shrink(value: T, context: unknown): fc.Stream<fc.Value<T>> {
    return this.#drawn.shrink(value, context);
  }

  #remade<U>(remake: (value: T) => readonly U[]): Values<U> | null {
    const values = this[VALUES];
    return values === null ? null : remade(values, remake);
  }

  override map<U>(mapper: (value: T) => U, unmapper?: (possible: unknown) => T): fc.Arbitrary<U> {
    const values = this.#remade((value) => [mapper(value)]);
    return new Enumerated(this.#drawn.map(mapper, unmapper), values);
  }

  override filter<U extends T>(predicate: ((value: T) => value is U) | ((value: T) => boolean)): fc.Arbitrary<U> {
    const values = this.#remade((value) => (predicate(value) ? [value as U] : []));
    return new Enumerated(this.#drawn.filter(predicate as (value: T) => value is U), values);
  }
}

/** All values of a generator, the smallest first; null where it does not say. */
export const valuesOf = <T>(generator: Generator<T>): Values<T> | null =>
  (generator as { readonly [VALUES]?: Values<T> | null } | undefined)?.[VALUES] ?? null;

/** A whole number, both ends included; shrinks towards zero, or the end that is nearest to it. */
export const integer = (min: number, max: number): Generator<number> => new Enumerated(fc.integer({ min, max }), wholeNumbers(min, max));

/** Always this value. */
export const always = <T>(value: T): Generator<T> => new Enumerated(fc.constant(value), listed([value]));

/** One of these; shrinks towards the first. */
export const oneOf = <T>(...values: [T, ...T[]]): Generator<T> => new Enumerated(fc.constantFrom(...values), listed(values));

/** An object with each property drawn from its own generator. Always one with a prototype, as JSON has it: fast-check's are not. */
export function record<T extends object>(shape: { [K in keyof T]: Generator<T[K]> }): Generator<T> {
  const fields = Object.entries<Generator<unknown>>(shape).map(([name, generator]) => [name, valuesOf(generator)] as const);
  const known = fields.every(([, values]) => values !== null);
  return new Enumerated(
    fc.record(shape, { noNullPrototype: true }) as Generator<T>,
    known ? products<T>(Object.fromEntries(fields) as { [K in keyof T]: Values<T[K]> }) : null,
  );
}
