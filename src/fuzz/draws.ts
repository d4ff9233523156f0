import fc from 'fast-check';

/** Choices as a list of naturals: a number less is a simpler choice, and when the list ends every choice is the simplest. */
export class Draws {
  readonly #numbers: readonly number[];
  #at = 0;

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers;
  }

  /** One of the options; what is said twice comes twice as often. The first is what shrinking ends at. */
  pick<T>(...options: readonly T[]): T {
    const number = this.#numbers[this.#at] ?? 0;
    this.#at += 1;
    return options[number % options.length]!;
  }
}

/** Divisible by the lengths of most lists of options, so that draws are even. */
const RANGE = 120;

/** Lists of so many naturals. They shrink by choices becoming the simplest: all of them, each half, each alone. */
export class DrawsArbitrary extends fc.Arbitrary<readonly number[]> {
  readonly #length: number;
  readonly #given: readonly number[] | null;

  /** `given`: nothing is drawn, this is what there is to shrink. */
  constructor(length: number, given: readonly number[] | null = null) {
    super();
    this.#length = length;
    this.#given = given;
  }

  override generate(random: fc.Random): fc.Value<readonly number[]> {
    const drawn = this.#given ?? Array.from({ length: this.#length }, () => random.nextInt(0, RANGE - 1));
    return new fc.Value(drawn, undefined);
  }

  override canShrinkWithoutContext(value: unknown): value is readonly number[] {
    return Array.isArray(value) && value.length === this.#length;
  }

  override shrink(value: readonly number[]): fc.Stream<fc.Value<readonly number[]>> {
    return new fc.Stream(simpler(value)).map((smaller) => new fc.Value(smaller, undefined));
  }
}

function* simpler(numbers: readonly number[]): IterableIterator<readonly number[]> {
  for (let size = numbers.length; size >= 1; size = Math.floor(size / 2))
    for (let from = 0; from < numbers.length; from += size) {
      const inside = (index: number) => index >= from && index < from + size;
      if (numbers.some((number, index) => number > 0 && inside(index))) yield numbers.map((number, index) => (inside(index) ? 0 : number));
    }
}
