import type { Draws } from './draws.js';
import type { FuzzSchema, FuzzTable, Role } from './schema.js';

/** A table that refers to another, and how the two are joined under the names `p` and `c`. */
export interface Family {
  readonly parent: FuzzTable;
  readonly child: FuzzTable;
  readonly on: string;
}

/** What a kind of statement writes SQL with: the schema, and choices. */
export class Writer {
  readonly schema: FuzzSchema;
  readonly #draws: Draws;

  constructor(schema: FuzzSchema, draws: Draws) {
    this.schema = schema;
    this.#draws = draws;
  }

  /** See `Draws.pick`. */
  pick<T>(...options: readonly T[]): T {
    return this.#draws.pick(...options);
  }

  /** A table with all of these columns; null where there is none. */
  table(...roles: readonly Role[]): FuzzTable | null {
    const able = this.schema.tables.filter((table) => roles.every((role) => table.roles.has(role)));
    return able.length === 0 ? null : this.pick(...able);
  }

  /** The first one more often: that is what everybody wants. */
  anyTable(): FuzzTable {
    const [first, second, third] = this.schema.tables as readonly [FuzzTable, FuzzTable, FuzzTable?];
    return this.pick(first, first, second, first, third ?? second);
  }

  /** Two tables, one of which refers to the other; null where none does. */
  family(): Family | null {
    const families = this.schema.tables.flatMap((child): Family[] => {
      const parent = this.schema.tables.find((table) => table.name === child.parent?.table);
      return parent === undefined ? [] : [{ parent, child, on: `c.parent_id = p.${child.parent!.column}` }];
    });
    return families.length === 0 ? null : this.pick(...families);
  }

  key = (): string => this.pick('1', '1', '2', '1', '1', '2', '1', '3');
  small = (): string => this.pick('1', '0', '2', '3');
  code = (): string => this.pick('12', '12', '10', '12', '11', '12', 'NULL', '10');
  day = (): string => this.pick("'2026-01-01'", "'2026-01-01'", "'2026-01-02'");
  state = (): string => this.pick("'held'", "'gone'", "'paid'", "'gone'", "'held'", "'held'", "'paid'", "'odd'");
  amount = (): string => this.pick('2', '1.25', '0', '60');
  range = (): string => this.pick("'[2026-01-01,2026-01-03)'", "'[2026-01-02,2026-01-04)'", "'[2026-01-04,2026-01-04]'");

  /** A value for a column. */
  value(table: FuzzTable, role: Role | 'v'): string {
    switch (role) {
      case 'v':
        return this.small();
      case 'code':
        return this.code();
      case 'parent_id':
        return table.parent?.column === 'code' ? this.code() : this.pick('1', '1', '2', '3', 'NULL', '2');
      case 'state':
        return this.state();
      case 'day':
        return this.day();
      case 'amount':
        return this.amount();
      case 'during':
        return this.range();
      case 'info':
        return this.pick(`'{"n": 1}'`, `'{"n": 3}'`, 'NULL');
      case 'at':
        return this.pick('now()', "'2026-01-01T00:00:00Z'");
      case 'tags':
        return this.pick("'{1}'", "'{2,3}'");
    }
  }

  /** A condition on one table's rows, for whom it is called `name`. */
  condition(table: FuzzTable, name = ''): string {
    const at = name === '' ? '' : `${name}.`;
    const { roles } = table;
    return this.pick(
      () => `${at}id = ${this.key()}`,
      () => `${at}v >= ${this.small()}`,
      () => (roles.has('state') ? `${at}state = ${this.state()}` : `${at}id = ${this.key()}`),
      () => (roles.has('code') ? `${at}code = ${this.code()}` : `${at}id = ${this.key()}`),
      () => `${at}id = ANY (${this.pick("'{1,2}'::int[]", 'ARRAY[2, 3]')})`,
      () => (roles.has('day') ? `${at}day <= ${this.day()}` : `${at}v < ${this.small()}`),
      () =>
        roles.has('during') ? `${at}during && daterange(${this.pick("'2026-01-02', '2026-01-04'", "'2026-01-01', NULL")})` : `${at}v <> 2`,
      () => (roles.has('info') ? `${at}info @> '{"n": 1}'` : `${at}id IN (1, 2)`),
    )();
  }

  policy = (): string => this.pick('', '', '', ' NOWAIT', ' SKIP LOCKED');
  strength = (): string => this.pick('UPDATE', 'UPDATE', 'NO KEY UPDATE', 'SHARE', 'KEY SHARE');
}

/** A kind of statement: how often it is drawn, and its SQL; null where the schema has nothing for it. */
export interface StatementKind {
  readonly weight: number;
  readonly write: (writer: Writer) => string | null;
}

export const kind = (weight: number, write: StatementKind['write']): StatementKind => ({ weight, write });
