import { isTame } from './shapes.js';
import type { Value } from './types.js';

export interface RowContent {
  readonly table: number;
  readonly values: readonly Value[];
  /** Its numbers are small and its texts are plain: see {@link isTame}. */
  readonly isTame: boolean;
}

/** Every row content that a plan has met, once each, under a small number: equal rows have equal numbers. */
export class RowContents {
  readonly #ids = new Map<string, number>();
  readonly #rows: RowContent[] = [];

  get size(): number {
    return this.#rows.length;
  }

  intern(table: number, values: readonly Value[]): number {
    const key = `${table}${JSON.stringify(values)}`;
    let id = this.#ids.get(key);
    if (id === undefined) {
      id = this.#rows.length;
      this.#rows.push({ table, values, isTame: values.every(isTame) });
      this.#ids.set(key, id);
    }
    return id;
  }

  get(id: number): RowContent {
    return this.#rows[id]!;
  }

  values(id: number): readonly Value[] {
    return this.#rows[id]!.values;
  }
}
