import type { Callable, Catalogue } from './catalogue.js';
import { Expressions, type Scope, type ScopeColumn } from './expressions.js';
import { Pen } from './pen.js';
import { TYPES, typeNamed } from './values.js';

export interface WideColumn {
  readonly name: string;
  readonly type: string;
  /** What may be put into it: anything, only DEFAULT, or with OVERRIDING only. */
  readonly takes: 'anything' | 'default' | 'overriding';
  readonly notNull: boolean;
  /** Values in it refer to rows of this table, by number. */
  readonly refersTo: string | null;
  /** Its values by number: an enum's words; null for the type's own. */
  readonly literals: readonly string[] | null;
  /** Its type is the schema's own. */
  readonly isOwn: boolean;
}

export interface WideTable {
  readonly name: string;
  readonly columns: readonly WideColumn[];
  /** Columns of the primary key. */
  readonly key: readonly string[];
  /** Columns that are unique as a whole, besides. */
  readonly unique: readonly (readonly string[])[];
  /** Another relation's rows. */
  readonly isView: boolean;
}

export interface WideSchema {
  readonly tables: readonly WideTable[];
  readonly functions: readonly Callable[];
  readonly sequences: readonly string[];
  readonly statements: readonly string[];
  /** Constructs of it. */
  readonly uses: readonly string[];
}

const NAMES = ['rooms', 'holds', 'notes'];

/** Two or three tables with columns of any type, and with what else a schema may have. */
export function drawWideSchema(numbers: readonly number[], catalogue: Catalogue): WideSchema {
  return new Drawing(new Pen(numbers), catalogue).schema();
}

class Drawing {
  readonly #pen: Pen;
  readonly #catalogue: Catalogue;
  readonly #statements: string[] = [];
  readonly #tables: WideTable[] = [];
  readonly #functions: Callable[] = [];
  readonly #sequences: string[] = [];
  #domains: readonly { readonly name: string; readonly type: string; readonly literals: readonly string[] | null }[] = [];

  constructor(pen: Pen, catalogue: Catalogue) {
    this.#pen = pen;
    this.#catalogue = catalogue;
  }

  schema(): WideSchema {
    const pen = this.#pen;
    this.#types();
    if (pen.once(3)) this.#sequence();
    if (pen.once(3)) this.#function();
    for (const name of NAMES.slice(0, pen.pick(2, 2, 3))) this.#table(name);
    if (pen.once(4)) this.#view();
    if (pen.once(4)) this.#trigger();
    return {
      tables: this.#tables,
      functions: this.#functions,
      sequences: this.#sequences,
      statements: this.#statements,
      uses: pen.used,
    };
  }

  #types(): void {
    const pen = this.#pen;
    if (pen.once(5)) {
      pen.uses('schema DOMAIN');
      this.#statements.push(`CREATE DOMAIN small AS int${pen.pick('', ' CHECK (VALUE < 100)', ' DEFAULT 1 CHECK (VALUE >= -5)')}`);
      this.#domains = [{ name: 'small', type: 'int4', literals: null }];
    }
    if (pen.once(5)) {
      pen.uses('schema ENUM');
      this.#statements.push("CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')");
      this.#domains = [...this.#domains, { name: 'mood', type: 'mood', literals: ["'sad'", "'ok'", "'happy'"] }];
    }
  }

  #sequence(): void {
    const pen = this.#pen;
    const options = pen.pick(
      '',
      ' INCREMENT 2',
      ' START 5 INCREMENT -1 MAXVALUE 5 MINVALUE -5',
      ' MINVALUE 1 MAXVALUE 3 CYCLE',
      ' CACHE 3',
      ' AS smallint',
    );
    pen.uses(`schema SEQUENCE${options}`);
    this.#sequences.push('tickets');
    this.#statements.push(`CREATE SEQUENCE tickets${options}`);
  }

  /** A function of one argument, in SQL or in PL/pgSQL. */
  #function(): void {
    const pen = this.#pen;
    const [takes, gives] = [pen.from(TYPES).name, pen.from(TYPES).name];
    const volatility = pen.pick('IMMUTABLE', 'STABLE', 'VOLATILE', 'IMMUTABLE STRICT');
    const language = pen.pick('sql', 'plpgsql');
    pen.uses(`schema FUNCTION: ${language}, ${volatility}`);
    const body = this.#expression(gives, [{ text: 'x', type: takes }], 2);
    const written = language === 'sql' ? `SELECT ${body}` : `BEGIN RETURN ${body}; END`;
    const argument = typeNamed(takes).name.replace(/^_(.*)/, '$1[]');
    const result = typeNamed(gives).name.replace(/^_(.*)/, '$1[]');
    this.#statements.push(`CREATE FUNCTION own(x ${argument}) RETURNS ${result} LANGUAGE ${language} ${volatility} AS $$ ${written} $$`);
    this.#functions.push({ name: 'own', takes: [takes], gives });
  }

  #table(name: string): void {
    const pen = this.#pen;
    const parts: string[] = [];
    const after: string[] = [];
    const columns: WideColumn[] = [];
    const unique: string[][] = [];
    const key = pen.pick('int', 'identity', 'serial', 'always', 'none', 'two', 'bigint identity with options');
    pen.uses(`schema key: ${key}`);
    const add = (column: Partial<WideColumn> & { readonly name: string; readonly type: string }, text: string) => {
      columns.push({ takes: 'anything', notNull: false, refersTo: null, literals: null, isOwn: false, ...column });
      parts.push(`${column.name} ${text}`);
    };
    const [type, text] = KEYS[key];
    add({ name: 'id', type, notNull: key !== 'none', takes: key === 'always' ? 'overriding' : 'anything' }, text);
    if (key === 'two') {
      add({ name: 'part', type: 'int4', notNull: true }, 'int NOT NULL DEFAULT 1');
      parts.push('PRIMARY KEY (id, part)');
    }
    const count = pen.pick(2, 3, 4, 2, 3);
    for (let index = 0; index < count; index += 1) this.#column('abcde'[index]!, columns, unique, add);
    if (pen.once(3)) this.#reference(columns, add);
    if (pen.once(4)) this.#generated(columns, add);
    if (pen.once(5) && columns.length > 2) {
      pen.uses('schema UNIQUE over two columns');
      const two = [columns[1]!.name, columns[2]!.name];
      unique.push(two);
      parts.push(`UNIQUE${this.#catalogue.major >= 15 ? pen.pick('', ' NULLS NOT DISTINCT') : ''} (${two.join(', ')})`);
    }
    if (pen.once(5)) after.push(this.#index(name, columns));
    this.#statements.push(`CREATE TABLE ${name} (${parts.join(', ')})`, ...after);
    const keyed = key === 'none' ? [] : key === 'two' ? ['id', 'part'] : ['id'];
    this.#tables.push({ name, columns, key: keyed, unique, isView: false });
  }

  #column(
    name: string,
    columns: readonly WideColumn[],
    unique: string[][],
    add: (column: Partial<WideColumn> & { readonly name: string; readonly type: string }, text: string) => void,
  ): void {
    const pen = this.#pen;
    if (this.#domains.length > 0 && pen.once(4)) {
      const domain = pen.from(this.#domains);
      add({ name, type: domain.type, literals: domain.literals, isOwn: true }, domain.name);
      return;
    }
    const type = pen.from(TYPES);
    pen.uses(`schema column ${type.name}`);
    const options: string[] = [pen.from(type.spellings)];
    const notNull = pen.once(4);
    if (notNull) options.push('NOT NULL');
    const isUnique = pen.once(5) && type.literals.length > 2;
    const value = () => `${pen.from(type.literals)}`;
    if (!isUnique && (notNull || pen.once(3))) {
      const known = columns.length > 0 && this.#sequences.length > 0 && type.name === 'int4' && pen.once(2);
      const text = known ? "nextval('tickets')" : pen.once(4) ? this.#expression(type.name, [], 1) : value();
      options.push(`DEFAULT ${text}`);
      pen.uses(known ? 'schema DEFAULT nextval' : 'schema DEFAULT');
    }
    if (isUnique) {
      const later = pen.pick('', '', ' DEFERRABLE', ' DEFERRABLE INITIALLY DEFERRED');
      options.push(`UNIQUE${later}`);
      pen.uses(`schema UNIQUE${later}`);
      unique.push([name]);
    }
    const check = CHECKS[type.name];
    if (check !== undefined && pen.once(4)) {
      const enforced = this.#catalogue.major >= 18 ? pen.pick('', '', ' NOT ENFORCED') : '';
      const named = pen.pick('', `CONSTRAINT "${name} is fine" `);
      options.push(`${named}CHECK (${check.replaceAll('?', name)})${enforced}`);
      pen.uses(`schema CHECK${enforced}`);
    }
    add({ name, type: type.name, notNull }, options.join(' '));
  }

  #reference(
    columns: readonly WideColumn[],
    add: (column: Partial<WideColumn> & { readonly name: string; readonly type: string }, text: string) => void,
  ): void {
    const pen = this.#pen;
    const able = this.#tables.filter(({ key }) => key.length === 1);
    if (able.length === 0) return;
    const parent = pen.from(able);
    const type = parent.columns[0]!.type;
    const action = pen.pick(
      '',
      ' ON DELETE CASCADE',
      ' ON DELETE SET NULL',
      ' ON UPDATE CASCADE',
      ' ON DELETE RESTRICT',
      ' ON DELETE SET DEFAULT',
    );
    const later = pen.pick('', '', ' DEFERRABLE INITIALLY DEFERRED', ' MATCH FULL');
    pen.uses(`schema REFERENCES${action}${later}`);
    const options = later === ' MATCH FULL' ? `${later}${action}` : `${action}${later}`;
    add({ name: 'parent', type, refersTo: parent.name }, `${typeNamed(type).spellings[0]} REFERENCES ${parent.name}${options}`);
    void columns;
  }

  #generated(
    columns: readonly WideColumn[],
    add: (column: Partial<WideColumn> & { readonly name: string; readonly type: string }, text: string) => void,
  ): void {
    const pen = this.#pen;
    const from = columns.filter(({ type, takes }) => takes === 'anything' && GENERATED[type] !== undefined);
    if (from.length === 0) return;
    const column = pen.from(from);
    const [gives, text] = GENERATED[column.type]!;
    // What is computed when it is read may not use types of the user's own; before 18.6 PostgreSQL overlooked domains.
    const how = this.#catalogue.major >= 18 && !column.isOwn ? pen.pick('STORED', 'STORED', 'VIRTUAL') : 'STORED';
    pen.uses(`schema GENERATED ${how}`);
    const spelling = typeNamed(gives).spellings[0]!;
    add({ name: 'made', type: gives, takes: 'default' }, `${spelling} GENERATED ALWAYS AS (${text.replaceAll('?', column.name)}) ${how}`);
  }

  #index(table: string, columns: readonly WideColumn[]): string {
    const pen = this.#pen;
    const plain = columns.filter(({ takes, literals }) => takes === 'anything' && literals === null);
    const [one, other] = [pen.from(plain), pen.from(plain)];
    const kind = pen.pick('partial', 'expression', 'plain');
    pen.uses(`schema INDEX: ${kind}`);
    if (kind === 'partial') return `CREATE UNIQUE INDEX ${table}_some ON ${table} (${one.name}) WHERE ${other.name} IS NULL`;
    if (kind === 'plain') return `CREATE INDEX ${table}_some ON ${table} (${one.name})`;
    return `CREATE UNIQUE INDEX ${table}_some ON ${table} ((coalesce(${one.name}, ${one.name})), ${columns[0]!.name})`;
  }

  #view(): void {
    const pen = this.#pen;
    const table = pen.from(this.#tables);
    pen.uses('schema VIEW');
    const condition = this.#expression('bool', scopeOf(table, ''), 1);
    const check = pen.pick('', '', ' WITH CHECK OPTION');
    this.#statements.push(`CREATE VIEW seen AS SELECT * FROM ${table.name} WHERE ${condition}${check}`);
    this.#tables.push({ ...table, name: 'seen', key: [], unique: [], isView: true });
  }

  /** A trigger that sets a column of NEW. */
  #trigger(): void {
    const pen = this.#pen;
    const table = pen.from(this.#tables.filter(({ isView }) => !isView));
    const able = table.columns.filter(({ takes, literals, refersTo }) => takes === 'anything' && literals === null && refersTo === null);
    const column = pen.from(able.slice(1).length > 0 ? able.slice(1) : able);
    const when = pen.pick('UPDATE', 'INSERT', 'INSERT OR UPDATE');
    pen.uses(`schema TRIGGER: BEFORE ${when}`);
    const value = this.#expression(column.type, scopeOf(table, 'NEW'), 1);
    this.#statements.push(
      `CREATE FUNCTION sets() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.${column.name} := ${value}; RETURN NEW; END $$`,
      `CREATE TRIGGER sets BEFORE ${when} ON ${table.name} FOR EACH ROW EXECUTE FUNCTION sets()`,
    );
  }

  #expression(type: string, columns: readonly ScopeColumn[], depth: number): string {
    const scope: Scope = { columns, functions: [], subquery: null };
    return new Expressions(this.#catalogue, this.#pen).of(type, scope, depth);
  }
}

/** The columns that an expression may name. */
export const scopeOf = (table: WideTable, alias: string): ScopeColumn[] =>
  table.columns.flatMap(({ name, type, literals }) =>
    literals === null ? [{ text: alias === '' ? name : `${alias}.${name}`, type }] : [],
  );

const KEYS = {
  int: ['int4', 'int PRIMARY KEY'],
  identity: ['int4', 'int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY'],
  serial: ['int4', 'serial PRIMARY KEY'],
  always: ['int4', 'int GENERATED ALWAYS AS IDENTITY PRIMARY KEY'],
  none: ['int4', 'int'],
  two: ['int4', 'int NOT NULL'],
  'bigint identity with options': ['int8', 'bigint GENERATED BY DEFAULT AS IDENTITY (START 1 INCREMENT 1 MAXVALUE 50) PRIMARY KEY'],
} as const;

/** Conditions that the first rows satisfy, and that not every row does. */
const CHECKS: Readonly<Record<string, string>> = {
  int4: '? > -4 AND ? < 100',
  int2: '? BETWEEN -2 AND 50',
  int8: '? >= -5',
  numeric: '? < 1000',
  text: 'length(?) < 12',
  varchar: 'length(?) < 6',
  date: "? > '2020-01-01'",
  float8: "? > '-1e10'",
  interval: "? < '1 year'",
  jsonb: "jsonb_typeof(?) <> 'boolean'",
};

/** Columns computed from one of a type: their type, and the expression. */
const GENERATED: Readonly<Record<string, readonly [string, string]>> = {
  int4: ['int8', '?::bigint * 2'],
  text: ['text', 'upper(?)'],
  numeric: ['numeric', 'round(?, 1)'],
  date: ['date', '? + 1'],
  jsonb: ['text', "? ->> 'a'"],
  bool: ['bool', 'NOT ?'],
  float8: ['float8', '? / 3'],
};
