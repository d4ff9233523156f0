/**
 * Values that a server draws itself where nobody has given it a stream: `pg_catalog.gen_random_uuid()` and `clock_timestamp()`, an extension's
 * generators. They are another in each run. Two runs count as the same where these values are the same up to their names.
 *
 * Told by their form: UUIDs, and times with a fraction of a second.
 */
const FORM = /\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b|\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d\.\d{1,6}(?:Z|[+-]\d\d(?::?\d\d)?)?/gi;

/** Names for the drawn values of one run, in the order in which they come. */
export class DrawnValues {
  readonly #names = new Map<string, string>();

  /** The text with each drawn value as `drawn 1`, `drawn 2`, ... */
  named(text: string): string {
    return text.replace(FORM, (value) => {
      let name = this.#names.get(value);
      if (name === undefined) {
        name = `drawn ${this.#names.size + 1}`;
        this.#names.set(value, name);
      }
      return name;
    });
  }
}

/** Whether a value has drawn ones in it that are not in the `known` text. */
export const mayBeDrawn = (value: unknown, known: string): boolean =>
  (String(value).match(FORM) ?? []).some((found) => !known.includes(found));
