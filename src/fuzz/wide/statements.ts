import type { Catalogue } from './catalogue.js';
import { Expressions, literal, type Scope, type ScopeColumn } from './expressions.js';
import type { Pen } from './pen.js';
import { scopeOf, type WideColumn, type WideSchema, type WideTable } from './schema.js';
import { TYPES, typeNamed } from './values.js';

/** Writes statements over a schema: clauses where the grammar has them, expressions of any kind in them. */
export class WideStatements {
  readonly #schema: WideSchema;
  readonly #pen: Pen;
  readonly #expressions: Expressions;
  #aliases = 0;

  constructor(schema: WideSchema, catalogue: Catalogue, pen: Pen) {
    this.#schema = schema;
    this.#pen = pen;
    this.#expressions = new Expressions(catalogue, pen);
  }

  statement(): string {
    const pen = this.#pen;
    const [node, write] = pen.pick<readonly [string, () => string]>(
      ['SELECT', () => this.#query(2)],
      ['UPDATE', () => this.#update()],
      ['INSERT', () => this.#insert()],
      ['SELECT', () => this.#query(2)],
      ['DELETE', () => this.#delete()],
      ['UPDATE', () => this.#update()],
      ['INSERT', () => this.#insert()],
      ['SELECT with a locking clause', () => this.#locking()],
      ['SELECT', () => this.#query(3)],
      ['UPDATE', () => this.#update()],
      ['other', () => this.#other()],
      ['SELECT with a locking clause', () => this.#locking()],
    );
    pen.uses(`statement ${node}`);
    return pen.once(8) ? this.#with(write()) : write();
  }

  /** A WITH in front that the statement need not read. */
  #with(statement: string): string {
    const pen = this.#pen;
    const query = pen.pick(
      () => this.#simple(['int4'], [], 1).text,
      () => `${this.#delete()}`,
      () => this.#update(),
    )();
    pen.uses('node CommonTableExpr');
    return `WITH ${pen.pick('', 'RECURSIVE ')}cte AS ${pen.pick('', 'MATERIALIZED ', 'NOT MATERIALIZED ')}(${query}) ${statement}`;
  }

  #alias(): string {
    this.#aliases += 1;
    return `t${this.#aliases}`;
  }

  get #tables(): readonly WideTable[] {
    return this.#schema.tables.filter(({ isView }) => !isView);
  }

  #scope(columns: readonly ScopeColumn[], depth: number): Scope {
    const subquery =
      depth > 0
        ? (type: string, _: Pen, outer: readonly ScopeColumn[]) =>
            this.#simple([type], this.#pen.once(2) ? outer : [], 0).text + this.#pen.pick('', ' LIMIT 1')
        : null;
    return { columns, functions: this.#schema.functions, subquery };
  }

  /** A condition: on the key as a rule, so that statements want the same rows. */
  #condition(columns: readonly ScopeColumn[], depth: number): string {
    const pen = this.#pen;
    const id = columns.find(({ text }) => /(^|\.)id$/.test(text));
    if (id !== undefined && !pen.once(3)) return `${id.text} ${pen.pick('=', '=', '<=', '>')} ${pen.pick('1', '2', '1', '3')}`;
    return this.#expressions.of('bool', this.#scope(columns, depth), 2);
  }

  /** SELECT of columns of given types. */
  #simple(types: readonly string[], outer: readonly ScopeColumn[], depth: number): { readonly text: string; readonly alias: string } {
    const pen = this.#pen;
    const { text, columns, alias } = this.#from();
    const scope = this.#scope([...columns, ...outer], depth);
    const items = types.map((type, index) => `${this.#expressions.of(type, scope, 1)} AS c${index + 1}`);
    const where = pen.once(2) ? ` WHERE ${this.#condition([...columns, ...outer], depth)}` : '';
    return { text: `SELECT ${items.join(', ')} FROM ${text}${where}`, alias };
  }

  /** A FROM clause, and what it offers. */
  #from(): { readonly text: string; readonly columns: readonly ScopeColumn[]; readonly alias: string } {
    const pen = this.#pen;
    const table = pen.from(this.#schema.tables);
    if (table.isView) pen.uses('node RangeTblEntry: a view');
    const alias = this.#alias();
    const first = { text: `${table.name} ${alias}`, columns: scopeOf(table, alias), alias };
    const how = pen.pick('one', 'one', 'one', 'join', 'comma', 'left', 'subquery', 'lateral', 'full', 'values');
    if (how === 'one') return first;
    pen.uses(`node FROM: ${how}`);
    if (how === 'subquery') {
      const types = [pen.from(TYPES).name, 'int4'];
      const name = this.#alias();
      return {
        text: `(${this.#simple(types, [], 0).text}) ${name}`,
        columns: types.map((type, index) => ({ text: `${name}.c${index + 1}`, type })),
        alias: name,
      };
    }
    if (how === 'values') {
      const type = pen.from(TYPES).name;
      const name = this.#alias();
      const columns = [{ text: `${name}.x`, type }];
      return {
        text: `${first.text} CROSS JOIN (VALUES (${literal(type, pen)}), (${literal(type, pen)})) ${name} (x)`,
        columns: [...first.columns, ...columns],
        alias,
      };
    }
    if (how === 'lateral') {
      const name = this.#alias();
      const type = pen.from(TYPES).name;
      const inner = this.#simple([type], first.columns, 0).text;
      return {
        text: `${first.text} CROSS JOIN LATERAL (${inner}) ${name}`,
        columns: [...first.columns, { text: `${name}.c1`, type }],
        alias,
      };
    }
    const other = pen.from(this.#schema.tables);
    const name = this.#alias();
    const columns = [...first.columns, ...scopeOf(other, name)];
    if (how === 'comma') return { text: `${first.text}, ${other.name} ${name}`, columns, alias };
    const on = pen.once(3)
      ? this.#expressions.of('bool', this.#scope(columns, 0), 1)
      : `${alias}.id = ${name}.${other.columns.some((column) => column.name === 'parent') && other.columns.find((column) => column.name === 'parent')!.type === table.columns[0]!.type ? 'parent' : 'id'}`;
    return { text: `${first.text} ${how === 'join' ? '' : `${how.toUpperCase()} `}JOIN ${other.name} ${name} ON ${on}`, columns, alias };
  }

  #query(depth: number): string {
    const pen = this.#pen;
    const shape = pen.pick('rows', 'rows', 'groups', 'all', 'set', 'window');
    const { text, columns } = this.#from();
    const scope = this.#scope(columns, depth - 1);
    const where = pen.once(2) ? ` WHERE ${this.#condition(columns, depth - 1)}` : '';
    const types = Array.from({ length: pen.pick(1, 2, 3) }, () => pen.from(TYPES).name);
    const item = (type: string) => this.#expressions.of(type, scope, 2);
    let query: string;
    let count = types.length;
    switch (shape) {
      case 'groups': {
        const group = pen.from(columns);
        pen.uses('node GROUP BY');
        const aggregates = types.map(() => this.#expressions.aggregate(scope).text);
        const having = pen.once(3) ? ` HAVING count(*) ${pen.pick('>', '=', '<=')} 1` : '';
        if (having !== '') pen.uses('node HAVING');
        query = `SELECT ${group.text}, ${aggregates.join(', ')} FROM ${text}${where} GROUP BY ${pen.pick('1', group.text)}${having}`;
        count += 1;
        break;
      }
      case 'all':
        query = `SELECT ${types.map(() => this.#expressions.aggregate(scope).text).join(', ')} FROM ${text}${where}`;
        break;
      case 'set': {
        const operation = pen.pick('UNION', 'UNION ALL', 'INTERSECT', 'EXCEPT');
        pen.uses(`node SetOperationStmt: ${operation}`);
        query = `SELECT ${types.map(item).join(', ')} FROM ${text}${where} ${operation} ${this.#simple(types, [], 0).text}`;
        break;
      }
      case 'window': {
        pen.uses('node WindowFunc');
        const partition = pen.pick('', `PARTITION BY ${pen.from(columns).text} `);
        const over = `OVER (${partition}ORDER BY ${columns
          .map((column) => column.text)
          .slice(0, 3)
          .join(', ')})`;
        query = `SELECT ${types.map(item).join(', ')}, ${pen.pick('row_number()', 'rank()', 'count(*)', 'lag(1)')} ${over} FROM ${text}${where}`;
        break;
      }
      default: {
        const distinct = pen.pick('', '', 'DISTINCT ');
        if (distinct !== '') pen.uses('node DISTINCT');
        query = `SELECT ${distinct}${types.map(item).join(', ')} FROM ${text}${where}`;
      }
    }
    return `${query}${this.#order(count)}`;
  }

  #order(count: number): string {
    const pen = this.#pen;
    const order = pen.once(3)
      ? ` ORDER BY ${Array.from({ length: count }, (_, index) => `${index + 1}${pen.pick('', ' DESC', ' NULLS FIRST')}`).join(', ')}`
      : '';
    if (order !== '') pen.uses('node ORDER BY');
    const limit = pen.once(4) ? pen.pick(' LIMIT 1', ' LIMIT 2 OFFSET 1', ' OFFSET 1', ' FETCH FIRST 2 ROWS ONLY', ' LIMIT 0') : '';
    if (limit !== '') pen.uses('node LIMIT');
    return `${order}${limit}`;
  }

  #locking(): string {
    const pen = this.#pen;
    const { text, columns, alias } = this.#from();
    const where = pen.once(4) ? '' : ` WHERE ${this.#condition(columns, 1)}`;
    const order = pen.once(3) ? ` ORDER BY ${alias}.${/^\(/.test(text) ? 'c1' : 'id'}${pen.pick('', ' LIMIT 1', ' DESC')}` : '';
    const strength = pen.pick('UPDATE', 'UPDATE', 'NO KEY UPDATE', 'SHARE', 'KEY SHARE');
    const of = pen.pick('', ` OF ${alias}`);
    const policy = pen.pick('', '', ' NOWAIT', ' SKIP LOCKED');
    pen.uses(`node LockingClause: ${strength}${policy}`);
    return `SELECT ${
      columns
        .slice(0, 3)
        .map((column) => column.text)
        .join(', ') || '1'
    } FROM ${text}${where}${order} FOR ${strength}${of}${policy}`;
  }

  /** A value for a column: few of them, so that keys are the same. */
  #value(column: WideColumn, scope: Scope, depth: number): string {
    const pen = this.#pen;
    if (column.takes === 'default' || pen.once(8)) return 'DEFAULT';
    if (column.literals !== null) return pen.from(column.literals);
    if (column.name === 'id' || column.refersTo !== null) return pen.pick('1', '2', '3', '4', 'NULL');
    return pen.once(2) ? this.#expressions.of(column.type, scope, depth) : `${pen.from(typeNamed(column.type).literals)}`;
  }

  #targets(table: WideTable): readonly WideColumn[] {
    const pen = this.#pen;
    return table.columns.filter((column) => (column.takes === 'anything' ? column.notNull || !pen.once(3) : pen.once(8)));
  }

  #insert(): string {
    const pen = this.#pen;
    const table = pen.from(this.#schema.tables);
    const columns = this.#targets(table);
    if (columns.length === 0) return `INSERT INTO ${table.name} DEFAULT VALUES`;
    const names = columns.map(({ name }) => name).join(', ');
    const overriding = columns.some(({ takes }) => takes === 'overriding')
      ? pen.pick(' OVERRIDING SYSTEM VALUE', ' OVERRIDING USER VALUE', '')
      : '';
    const scope = this.#scope([], 1);
    let source: string;
    if (pen.once(4) && columns.every(({ literals }) => literals === null)) {
      pen.uses('node INSERT ... SELECT');
      source =
        this.#simple(
          columns.map(({ type }) => type),
          [],
          0,
        ).text + pen.pick('', ' LIMIT 1', ' FOR UPDATE');
    } else {
      const rows = Array.from(
        { length: pen.pick(1, 1, 2) },
        () => `(${columns.map((column) => this.#value(column, scope, 2)).join(', ')})`,
      );
      source = `VALUES ${rows.join(', ')}`;
    }
    return `INSERT INTO ${table.name} (${names})${overriding} ${source}${this.#onConflict(table)}${this.#returning(table, '')}`;
  }

  #onConflict(table: WideTable): string {
    const pen = this.#pen;
    const keys = [table.key, ...table.unique].filter((key) => key.length > 0);
    if (table.isView || keys.length === 0 || !pen.once(3)) return '';
    const key = pen.from(keys);
    pen.uses('node OnConflictExpr');
    if (pen.once(2)) return ` ON CONFLICT ${pen.pick('', `(${key.join(', ')}) `)}DO NOTHING`;
    const columns = [...scopeOf(table, table.name), ...scopeOf(table, 'excluded')];
    const where = pen.once(4) ? ` WHERE ${this.#expressions.of('bool', this.#scope(columns, 0), 1)}` : '';
    return ` ON CONFLICT (${key.join(', ')}) DO UPDATE SET ${this.#sets(table, columns)}${where}`;
  }

  #sets(table: WideTable, columns: readonly ScopeColumn[]): string {
    const pen = this.#pen;
    const able = table.columns.filter(({ takes }) => takes === 'anything');
    const first = pen.from(able);
    const second = pen.once(3) ? pen.from(able) : null;
    const scope = this.#scope(columns, 1);
    const set = (column: WideColumn) => `${column.name} = ${this.#value(column, scope, 2)}`;
    if (second !== null && second !== first && first.literals === null && second.literals === null && pen.once(3)) {
      pen.uses('node MultiAssignRef');
      return `(${first.name}, ${second.name}) = (${this.#simple([first.type, second.type], [], 0).text} LIMIT 1)`;
    }
    return second === null || second === first ? set(first) : `${set(first)}, ${set(second)}`;
  }

  #update(): string {
    const pen = this.#pen;
    const table = pen.from(this.#schema.tables);
    const alias = this.#alias();
    const own = scopeOf(table, alias);
    const other = pen.once(5) ? pen.from(this.#tables) : null;
    const name = this.#alias();
    const columns = other === null ? own : [...own, ...scopeOf(other, name)];
    const from = other === null ? '' : ` FROM ${other.name} ${name}`;
    if (other !== null) pen.uses('node UPDATE ... FROM');
    const joined = other === null ? '' : ` AND ${name}.id = ${alias}.id`;
    const where = pen.once(6) ? '' : ` WHERE ${this.#condition(columns, 1)}${joined}`;
    return `UPDATE ${table.name} ${alias} SET ${this.#sets(table, columns)}${from}${where}${this.#returning(table, alias)}`;
  }

  #delete(): string {
    const pen = this.#pen;
    const table = pen.from(this.#schema.tables);
    const alias = this.#alias();
    const own = scopeOf(table, alias);
    const other = pen.once(5) ? pen.from(this.#tables) : null;
    const name = this.#alias();
    if (other !== null) pen.uses('node DELETE ... USING');
    const using = other === null ? '' : ` USING ${other.name} ${name}`;
    const columns = other === null ? own : [...own, ...scopeOf(other, name)];
    return `DELETE FROM ${table.name} ${alias}${using} WHERE ${this.#condition(columns, 1)}${this.#returning(table, alias)}`;
  }

  #returning(table: WideTable, alias: string): string {
    const pen = this.#pen;
    if (!pen.once(3)) return '';
    pen.uses('node RETURNING');
    const columns = scopeOf(table, alias);
    return ` RETURNING ${pen.pick('*', `${pen.from(columns).text}`, this.#expressions.of(pen.from(TYPES).name, this.#scope(columns, 0), 1))}`;
  }

  #other(): string {
    const pen = this.#pen;
    const table = pen.from(this.#tables);
    const options: (readonly [string, () => string])[] = [
      ['LOCK TABLE', () => `LOCK TABLE ${table.name} IN ${pen.pick('SHARE', 'EXCLUSIVE', 'SHARE ROW EXCLUSIVE')} MODE`],
      ['MERGE', () => this.#merge(table)],
      ['TRUNCATE', () => `TRUNCATE ${table.name}${pen.pick('', ' CASCADE', ' RESTART IDENTITY')}`],
      ['VALUES', () => `VALUES (${literal(pen.from(TYPES).name, pen)}), (NULL)`],
      ['TABLE', () => `TABLE ${table.name}`],
    ];
    if (this.#schema.sequences.length > 0)
      options.unshift([
        'sequence function',
        () => `SELECT ${pen.pick("nextval('tickets')", "currval('tickets')", "setval('tickets', 2)", 'last_value FROM tickets')}`,
      ]);
    const [node, write] = pen.from(options);
    pen.uses(`statement ${node}`);
    return write();
  }

  #merge(table: WideTable): string {
    const pen = this.#pen;
    const alias = this.#alias();
    const columns = table.columns.filter(({ takes, notNull }) => takes === 'anything' || notNull);
    const values = columns.map((column) => this.#value(column, this.#scope([], 0), 1)).join(', ');
    const matched = pen.pick(`UPDATE SET ${this.#sets(table, scopeOf(table, alias))}`, 'DELETE', 'DO NOTHING');
    return `MERGE INTO ${table.name} ${alias} USING (VALUES (1), (2)) s (n) ON ${alias}.id = s.n WHEN MATCHED THEN ${matched} WHEN NOT MATCHED THEN INSERT (${columns.map(({ name }) => name).join(', ')}) VALUES (${values})`;
  }
}
