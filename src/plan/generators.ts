import fc from 'fast-check';

/** A source of drawn values: a fast-check arbitrary. Scenarios build theirs with the functions below. */
export type Generator<T> = fc.Arbitrary<T>;

/** A whole number, both ends included; shrinks towards `min`. */
export const integer = (min: number, max: number): Generator<number> => fc.integer({ min, max });

/** Always this value. */
export const always = <T>(value: T): Generator<T> => fc.constant(value);

/** One of these; shrinks towards the first. */
export const oneOf = <T>(...values: [T, ...T[]]): Generator<T> => fc.constantFrom(...values);

/** An object with each property drawn from its own generator. Always one with a prototype, as JSON has it: fast-check's are not. */
export const record = <T extends object>(shape: { [K in keyof T]: Generator<T[K]> }): Generator<T> =>
  fc.record(shape, { noNullPrototype: true }) as Generator<T>;
