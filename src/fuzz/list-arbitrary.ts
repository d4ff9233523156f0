import fc from 'fast-check';

/** Lists of one of some lengths. They shrink by leaving out items, wherever they stand (half of them, a quarter, one), then item by item. */
export class ListArbitrary<T> extends fc.Arbitrary<readonly T[]> {
  readonly #item: fc.Arbitrary<T>;
  readonly #lengths: readonly number[];

  /** A length that is given twice comes twice as often. */
  constructor(item: fc.Arbitrary<T>, lengths: readonly number[]) {
    super();
    this.#item = item;
    this.#lengths = lengths;
  }

  override generate(random: fc.Random): fc.Value<readonly T[]> {
    const length = this.#lengths[random.nextInt(0, this.#lengths.length - 1)]!;
    return listOf(Array.from({ length }, () => this.#item.generate(random, undefined)));
  }

  /** What an item was drawn as is needed to shrink it. */
  override canShrinkWithoutContext(value: unknown): value is readonly T[] {
    return Array.isArray(value) && value.length === 0;
  }

  override shrink(_value: readonly T[], context: unknown): fc.Stream<fc.Value<readonly T[]>> {
    return new fc.Stream(this.#smaller((context ?? []) as readonly fc.Value<T>[]));
  }

  *#smaller(items: readonly fc.Value<T>[]): IterableIterator<fc.Value<readonly T[]>> {
    const least = Math.min(...this.#lengths);
    for (let size = Math.ceil(items.length / 2); size >= 1; size = Math.floor(size / 2))
      for (let from = 0; from < items.length; from += size) {
        const rest = items.filter((_, index) => index < from || index >= from + size);
        if (rest.length >= least) yield listOf(rest);
      }
    for (const [index, item] of items.entries())
      for (const smaller of this.#item.shrink(item.value_, item.context)) yield listOf(items.with(index, smaller));
  }
}

const listOf = <T>(items: readonly fc.Value<T>[]): fc.Value<readonly T[]> =>
  new fc.Value(items.map((item) => item.value_) as readonly T[], items);
