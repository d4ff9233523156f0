import type { Callable, Catalogue } from './catalogue.js';
import type { Pen } from './pen.js';
import { TYPES, typeNamed } from './values.js';

/** A column that an expression may name. */
export interface ScopeColumn {
  readonly text: string;
  readonly type: string;
}

/** What an expression is written with. */
export interface Scope {
  readonly columns: readonly ScopeColumn[];
  /** Functions of the schema's own. */
  readonly functions: readonly Callable[];
  /** Writes a subquery of one column of a type, over its own tables and these columns; null where none may stand. */
  readonly subquery: ((type: string, pen: Pen, outer: readonly ScopeColumn[]) => string) | null;
}

export const literal = (type: string, pen: Pen): string => {
  const value = pen.from(typeNamed(type).literals);
  return /^-?\d/.test(value) && type === 'int4'
    ? value
    : `${value.startsWith('-') ? `(${value})` : value}::${type === 'bpchar' ? 'char(3)' : spelled(type)}`;
};

const spelled = (type: string): string => (type.startsWith('_') ? `${type.slice(1)}[]` : type);

/** Writes random expressions over PostgreSQL's own functions, operators and casts. */
export class Expressions {
  readonly #catalogue: Catalogue;
  readonly #pen: Pen;

  constructor(catalogue: Catalogue, pen: Pen) {
    this.#catalogue = catalogue;
    this.#pen = pen;
  }

  /** An expression of a type. `depth` ends at 0, with columns and constants. */
  of(type: string, scope: Scope, depth: number): string {
    const pen = this.#pen;
    const columns = scope.columns.filter((column) => column.type === type);
    const plain = () => (columns.length > 0 && !pen.once(4) ? pen.from(columns).text : literal(type, pen));
    if (depth <= 0) return plain();
    const ways: (() => string)[] = [plain, plain];
    const add = (list: readonly Callable[] | undefined, write: (item: Callable) => string, weight: number) => {
      if (list !== undefined && list.length > 0) for (let times = 0; times < weight; times += 1) ways.push(() => write(pen.from(list)));
    };
    add(this.#catalogue.operators.get(type), (item) => this.#operator(item, scope, depth), type === 'bool' ? 6 : 4);
    add(this.#catalogue.functions.get(type), (item) => this.#function(item, scope, depth), 4);
    add(this.#catalogue.casts.get(type), (item) => this.#cast(item, scope, depth), 1);
    add(
      scope.functions.filter((item) => item.gives === type),
      (item) => this.#function(item, scope, depth),
      1,
    );
    if (type === 'bool') ways.push(...this.#conditions(scope, depth));
    ways.push(() => this.#choice(type, scope, depth));
    if (scope.subquery !== null && depth > 1)
      ways.push(() => {
        pen.uses('node SubLink: scalar');
        return `(${scope.subquery!(type, pen, scope.columns)})`;
      });
    return pen.from(ways)();
  }

  /** An aggregate of a type; count(*) where there is none. */
  aggregate(scope: Scope): { readonly text: string; readonly type: string } {
    const pen = this.#pen;
    const all = [...this.#catalogue.aggregates.values()].flat().filter(({ takes }) => takes.length === 1);
    if (pen.once(3) || all.length === 0) {
      pen.uses('aggregate count(*)');
      return { text: 'count(*)', type: 'int8' };
    }
    const item = pen.from(all);
    pen.uses(`aggregate ${item.name}(${item.takes.join()})`);
    const distinct = pen.once(5) ? 'DISTINCT ' : '';
    const filter = pen.once(5) ? ` FILTER (WHERE ${this.of('bool', { ...scope, subquery: null }, 1)})` : '';
    if (distinct !== '') pen.uses('node Aggref: DISTINCT');
    if (filter !== '') pen.uses('node Aggref: FILTER');
    return { text: `${item.name}(${distinct}${this.of(item.takes[0]!, { ...scope, subquery: null }, 1)})${filter}`, type: item.gives };
  }

  #operator({ name, takes }: Callable, scope: Scope, depth: number): string {
    this.#pen.uses(`operator ${takes[0]} ${name} ${takes[1]}`);
    return `(${this.of(takes[0]!, scope, depth - 1)} ${name} ${this.of(takes[1]!, scope, depth - 1)})`;
  }

  #function({ name, takes }: Callable, scope: Scope, depth: number): string {
    this.#pen.uses(`function ${name}(${takes.join()})`);
    const written = /^[a-z_]\w*$/.test(name) && !KEYWORDS.has(name) ? name : `pg_catalog."${name}"`;
    return `${written}(${takes.map((type) => this.of(type, scope, depth - 1)).join(', ')})`;
  }

  #cast({ takes, gives }: Callable, scope: Scope, depth: number): string {
    this.#pen.uses(`cast ${takes[0]} to ${gives}`);
    return `CAST(${this.of(takes[0]!, scope, depth - 1)} AS ${spelled(gives)})`;
  }

  #choice(type: string, scope: Scope, depth: number): string {
    const one = () => this.of(type, scope, depth - 1);
    const [node, text] = this.#pen.pick<readonly [string, () => string]>(
      ['CoalesceExpr', () => `coalesce(${one()}, ${one()})`],
      ['CaseExpr', () => `CASE WHEN ${this.of('bool', scope, depth - 1)} THEN ${one()} ELSE ${one()} END`],
      ['NullIfExpr', () => `nullif(${one()}, ${one()})`],
      ['MinMaxExpr', () => `${this.#pen.pick('greatest', 'least')}(${one()}, ${one()})`],
      ['CaseExpr with a test', () => `CASE ${one()} WHEN ${one()} THEN ${one()} END`],
    );
    this.#pen.uses(`node ${node}`);
    return text();
  }

  #conditions(scope: Scope, depth: number): (() => string)[] {
    const pen = this.#pen;
    const some = () => pen.from(TYPES).name;
    const of = (type: string) => this.of(type, scope, depth - 1);
    const noted = (node: string, write: () => string) => () => {
      pen.uses(`node ${node}`);
      return write();
    };
    const same = (write: (type: string) => string) => () => write(some());
    const conditions = [
      noted('BoolExpr', () => `(${of('bool')} ${pen.pick('AND', 'OR')} ${of('bool')})`),
      noted('BoolExpr: NOT', () => `(NOT ${of('bool')})`),
      noted(
        'NullTest',
        same((type) => `(${of(type)} IS ${pen.pick('', 'NOT ')}NULL)`),
      ),
      noted(
        'DistinctExpr',
        same((type) => `(${of(type)} IS ${pen.pick('', 'NOT ')}DISTINCT FROM ${of(type)})`),
      ),
      noted('BooleanTest', () => `(${of('bool')} IS ${pen.pick('', 'NOT ')}${pen.pick('TRUE', 'FALSE', 'UNKNOWN')})`),
      noted(
        'ScalarArrayOpExpr: IN',
        same((type) => `(${of(type)} ${pen.pick('', 'NOT ')}IN (${of(type)}, ${of(type)}))`),
      ),
      noted(
        'BETWEEN',
        same((type) => `(${of(type)} BETWEEN ${pen.pick('', 'SYMMETRIC ')}${of(type)} AND ${of(type)})`),
      ),
      noted('ScalarArrayOpExpr: ANY', () => `(${of('int4')} = ${pen.pick('ANY', 'ALL')} (${of('_int4')}))`),
      noted('RowCompareExpr', () => `((${of('int4')}, ${of('text')}) < (${of('int4')}, ${of('text')}))`),
    ];
    if (scope.subquery === null || depth < 2) return conditions;
    const subquery = (type: string) => scope.subquery!(type, pen, scope.columns);
    return [
      ...conditions,
      noted('SubLink: EXISTS', () => `(${pen.pick('', 'NOT ')}EXISTS (${subquery('int4')}))`),
      noted(
        'SubLink: ANY',
        same((type) => `(${of(type)} ${pen.pick('IN', '= ANY', 'NOT IN', '< ALL')} (${subquery(type)}))`),
      ),
    ];
  }
}

/** Names of functions that the grammar reads otherwise. */
const KEYWORDS = new Set(
  'left right overlay position substring trim normalize extract char bit time timestamp interval numeric int like date timezone between xmlconcat grouping values row'.split(
    ' ',
  ),
);
