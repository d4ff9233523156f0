import type { Instance } from './instance.js';

/** A type: PostgreSQL's own by its oid, and one that the schema makes by its name, since it has another oid each time the schema is made. */
export type TypeId = number | string;

const FIRST_OF_THE_SCHEMA = 16384;

/** Translates between oids, which hold as long as the schema is in place, and what may be kept longer. */
export class TypeIds {
  readonly #open: () => Instance;
  /** Under both. */
  readonly #names = new Map<number, string>();
  readonly #oids = new Map<string, number>();

  constructor(open: () => Instance) {
    this.#open = open;
  }

  /** The schema has been made anew. */
  forget(): void {
    this.#names.clear();
    this.#oids.clear();
  }

  ids(oids: readonly number[]): readonly TypeId[] {
    return oids.map((oid) => (oid < FIRST_OF_THE_SCHEMA ? oid : this.#name(oid)));
  }

  oids(ids: readonly TypeId[]): number[] {
    return ids.map((id) => (typeof id === 'number' ? id : this.#oid(id)));
  }

  /** How SQL names it, without a length: `"Status"`, `timestamp with time zone`, `text[]`. */
  inSql(id: TypeId): string {
    return typeof id === 'string' ? id : this.#name(id);
  }

  #name(oid: number): string {
    const known = this.#names.get(oid);
    if (known !== undefined) return known;
    // Without a type modifier it would give names that stand for a length of one: `character`, `bit`.
    const name = this.#open().script(`SELECT format_type(${oid}, -1)`)[0]![0]![0]!;
    this.#names.set(oid, name);
    return name;
  }

  #oid(name: string): number {
    const known = this.#oids.get(name);
    if (known !== undefined) return known;
    const oid = Number(this.#open().script(`SELECT $ls$${name}$ls$::regtype::oid`)[0]![0]![0]);
    this.#oids.set(name, oid);
    return oid;
  }
}
