import { closingParenthesis, identifier, type Token, tokenize } from '../sql/text.js';

/** A table that a statement names, and what of it the statement can have met. */
export interface Reference {
  /** As committed states name it: with its schema, unless that is `public`. */
  readonly table: string;
  /** `target`: its rows are changed or locked one by one, so that a statement that waited for one looks at its newest version. */
  readonly access: 'read' | 'target' | 'insert';
  /** Values that a row must have for the statement to have met it: the conditions `column = value` that hold whatever else does. */
  readonly conditions: readonly Condition[];
}

export interface Condition {
  readonly column: string;
  readonly value: unknown;
}

/** What the text of a statement tells. What a view, a function or a trigger touches behind it, it does not. */
export interface References {
  readonly tables: readonly Reference[];
  /** Functions that are called, with their schema unless that is `public`. */
  readonly functions: readonly string[];
  /** Every word: a column that none of them names is not read; null where there is a `*` for all columns. */
  readonly words: ReadonlySet<string> | null;
  readonly verb: string;
}

const known = new Map<string, (values: readonly unknown[]) => References>();

/** Reads a statement. What is understood wrongly makes an explanation wrong, and nothing else. */
export function referencesIn(text: string, values: readonly unknown[] = []): References {
  let read = known.get(text);
  if (read === undefined) {
    const tokens = tokenize(text);
    read = (bound) => new Reader(tokens, bound).read();
    known.set(text, read);
  }
  return read(values);
}

/** Whether the statement can have met the row. */
export function mayMeet({ conditions }: Reference, row: Readonly<Record<string, unknown>>): boolean {
  return conditions.every(({ column, value }) => !(column in row) || mayEqual(row[column], value));
}

/** False only where two values are certainly different: numbers are, and texts that are no dates or times. */
export function mayEqual(left: unknown, right: unknown): boolean {
  if (left === null || left === undefined || right === null || right === undefined) return false;
  const [one, other] = [String(left), String(right)];
  if (one === other) return true;
  const numbers = [one, other].map((text) => (text.trim() === '' ? Number.NaN : Number(text)));
  if (numbers.every((number) => !Number.isNaN(number))) return numbers[0] === numbers[1];
  return /^\d{4}-\d\d/.test(one) || typeof left === 'object' || typeof right === 'object' || typeof left === 'boolean';
}

interface Scope {
  readonly tables: { name: string; alias: string; access: Reference['access'] }[];
  readonly conditions: { qualifier: string; condition: Condition }[];
}

/** Words after a table's name that are no alias of it. */
const NO_ALIAS = new Set(
  (
    'as on using where set group order having limit offset fetch for window union except intersect join inner left right full cross natural ' +
    'returning values select when default overriding conflict do tablesample with only in nowait skip'
  ).split(' '),
);
const ENDS_WHERE = new Set('group order having limit offset fetch for window union except intersect returning on'.split(' '));
const NO_FUNCTIONS = new Set(
  (
    'and any all array as between by case cast coalesce conflict cube distinct else except exists extract filter from full group grouping having in inner ' +
    'insert into intersect interval is join key lateral left like limit not nullif offset on or order outer over partition position right row select set ' +
    'sets some substring then trim union unique update using values when where with within check primary references greatest least numeric decimal ' +
    'varchar char character bit time timestamp float overlaps materialized recursive returning'
  ).split(' '),
);

class Reader {
  readonly #tokens: readonly Token[];
  readonly #values: readonly unknown[];
  readonly #found: Reference[] = [];
  readonly #functions = new Set<string>();
  /** Names of WITH queries. */
  readonly #queries = new Set<string>();

  constructor(tokens: readonly Token[], values: readonly unknown[]) {
    this.#tokens = tokens;
    this.#values = values;
  }

  read(): References {
    const names = this.#tokens.filter(({ kind }) => kind === 'word' || kind === 'quoted').map(identifier);
    const everything = this.#tokens.some(({ text }, at) => text === '*' && ALL_COLUMNS_AFTER.has(this.#tokens[at - 1]?.text ?? ''));
    this.#scope(0, this.#tokens.length);
    this.#calls();
    return { tables: this.#found, functions: [...this.#functions], words: everything ? null : new Set(names), verb: this.#verb() };
  }

  /** The first word; of a WITH, that of the statement behind its queries. */
  #verb(): string {
    let depth = 0;
    for (const token of this.#tokens) {
      if (token.text === '(') depth += 1;
      if (token.text === ')') depth -= 1;
      if (depth === 0 && token.kind === 'word' && VERBS.has(token.text)) return token.text;
    }
    return this.#tokens[0]?.text ?? '';
  }

  #text(at: number): string {
    const token = this.#tokens[at];
    return token === undefined || token.kind === 'quoted' || token.kind === 'string' ? '' : token.text;
  }

  #isName(at: number): boolean {
    const kind = this.#tokens[at]?.kind;
    return kind === 'word' || kind === 'quoted';
  }

  /** A name with its schema, and where it ends. */
  #name(at: number): { name: string; end: number } {
    let parts = [identifier(this.#tokens[at]!)];
    let end = at + 1;
    while (this.#text(end) === '.' && this.#isName(end + 1)) {
      parts.push(identifier(this.#tokens[end + 1]!));
      end += 2;
    }
    if (parts[0] === 'public') parts = parts.slice(1);
    return { name: parts.join('.'), end };
  }

  /** One query or statement; those in parentheses within it are scopes of their own. */
  #scope(from: number, to: number): void {
    let scope: Scope = { tables: [], conditions: [] };
    const close = () => {
      this.#found.push(...this.#resolve(scope));
      scope = { tables: [], conditions: [] };
    };
    for (let at = from; at < to; at += 1) {
      const text = this.#text(at);
      switch (text) {
        case '(': {
          const end = closingParenthesis(this.#tokens, at);
          if (SCOPES.has(this.#text(at + 1))) this.#scope(at + 1, end);
          else this.#parts(at + 1, end);
          at = end;
          break;
        }
        case 'with':
          at = this.#withQueries(at + 1, to) - 1;
          break;
        case 'from':
        case 'join':
        case 'using':
          if (text === 'using' && this.#text(at + 1) === '(') break;
          if (text === 'from' && this.#text(at - 1) === 'distinct') break;
          at = this.#tables(at + 1, to, scope, this.#text(at - 1) === 'delete' ? 'target' : 'read') - 1;
          break;
        case 'update':
          // Not FOR UPDATE, ON UPDATE, DO UPDATE.
          if (['for', 'key', 'on', 'do'].includes(this.#text(at - 1)) || this.#text(at + 1) === 'set') break;
          at = this.#tables(at + 1, to, scope, 'target') - 1;
          break;
        case 'into':
          if (this.#isName(at + 1)) at = this.#insertInto(at, to, scope);
          break;
        case 'lock':
        case 'truncate':
          if (at === from) at = this.#tables(this.#text(at + 1) === 'table' ? at + 2 : at + 1, to, scope, 'read') - 1;
          break;
        case 'where':
          at = this.#where(at + 1, to, scope) - 1;
          break;
        case 'for':
          if (['update', 'no', 'share', 'key'].includes(this.#text(at + 1))) this.#locks(at, to, scope);
          break;
        case 'union':
        case 'except':
        case 'intersect':
          close();
      }
    }
    close();
  }

  /** What stands in parentheses and is no query: a list, or tables that are joined. */
  #parts(from: number, to: number): void {
    for (let at = from; at < to; at += 1) {
      if (this.#text(at) !== '(') continue;
      const end = closingParenthesis(this.#tokens, at);
      if (SCOPES.has(this.#text(at + 1))) this.#scope(at + 1, end);
      else this.#parts(at + 1, end);
      at = end;
    }
  }

  /** Behind WITH: names and their queries. */
  #withQueries(from: number, to: number): number {
    let at = this.#text(from) === 'recursive' ? from + 1 : from;
    for (; at < to && this.#isName(at); ) {
      this.#queries.add(identifier(this.#tokens[at]!));
      at += 1;
      if (this.#text(at) === '(') at = closingParenthesis(this.#tokens, at) + 1;
      while (at < to && this.#text(at) !== '(') at += 1;
      const end = closingParenthesis(this.#tokens, at);
      this.#scope(at + 1, end);
      at = end + 1;
      if (this.#text(at) !== ',') break;
      at += 1;
    }
    return at;
  }

  /** A list of tables; gives where it ends. */
  #tables(from: number, to: number, scope: Scope, access: Reference['access']): number {
    let at = from;
    for (;;) {
      while (['only', 'lateral'].includes(this.#text(at))) at += 1;
      if (this.#text(at) === '(') {
        const end = closingParenthesis(this.#tokens, at);
        if (SCOPES.has(this.#text(at + 1))) this.#scope(at + 1, end);
        else this.#joined(at + 1, end, scope, access);
        at = end + 1;
        at = this.#alias(at).end;
      } else if (at < to && this.#isName(at) && !NO_ALIAS.has(this.#text(at))) {
        const { name, end } = this.#name(at);
        const call = this.#text(end) === '(';
        const after = this.#alias(call ? closingParenthesis(this.#tokens, end) + 1 : end);
        if (call) this.#parts(end + 1, closingParenthesis(this.#tokens, end));
        if (!call && !this.#queries.has(name)) scope.tables.push({ name, alias: after.alias ?? name.split('.').at(-1)!, access });
        at = after.end;
      } else {
        return at;
      }
      if (this.#text(at) !== ',') return at;
      at += 1;
    }
  }

  #joined(from: number, to: number, scope: Scope, access: Reference['access']): void {
    let at = this.#tables(from, to, scope, access);
    for (; at < to; at += 1) if (this.#text(at) === 'join') at = this.#tables(at + 1, to, scope, access) - 1;
  }

  #alias(from: number): { alias: string | null; end: number } {
    let at = from;
    if (this.#text(at) === 'as') at += 1;
    if (!this.#isName(at) || NO_ALIAS.has(this.#text(at))) return { alias: null, end: at };
    const alias = identifier(this.#tokens[at]!);
    at += 1;
    if (this.#text(at) === '(') at = closingParenthesis(this.#tokens, at) + 1;
    return { alias, end: at };
  }

  /** INSERT INTO, or MERGE INTO. With ON CONFLICT, rows that have the same key are read. */
  #insertInto(at: number, to: number, scope: Scope): number {
    const { name, end } = this.#name(at + 1);
    if (this.#text(at - 1) !== 'insert') {
      if (this.#text(at - 1) === 'merge') scope.tables.push({ name, alias: this.#alias(end).alias ?? name, access: 'target' });
      return end - 1;
    }
    this.#found.push({ table: name, access: 'insert', conditions: [] });
    const conflict = this.#find('conflict', end, to);
    if (conflict < 0) return end - 1;
    const listed = this.#listAt(this.#alias(end).end);
    const values = this.#find('values', end, conflict);
    const given = values < 0 ? [] : this.#itemsAt(values + 1);
    const arbiter = this.#listAt(conflict + 1) ?? [];
    const conditions = arbiter.flatMap((column) => {
      const value = this.#value(given[(listed ?? []).indexOf(column)] ?? []);
      return value === undefined ? [] : [{ column, value }];
    });
    this.#found.push({ table: name, access: 'target', conditions });
    return end - 1;
  }

  /** Where a word stands outside of parentheses. */
  #find(word: string, from: number, to: number): number {
    for (let at = from; at < to; at += 1) {
      if (this.#text(at) === '(') at = closingParenthesis(this.#tokens, at);
      else if (this.#text(at) === word) return at;
    }
    return -1;
  }

  /** Names in parentheses; null where there are none. */
  #listAt(at: number): string[] | null {
    if (this.#text(at) !== '(') return null;
    return this.#itemsAt(at).map((item) => (item.length === 1 ? identifier(this.#tokens[item[0]!]!) : ''));
  }

  /** Items of a list in parentheses, as indexes of their tokens. */
  #itemsAt(open: number): number[][] {
    if (this.#text(open) !== '(') return [];
    const end = closingParenthesis(this.#tokens, open);
    const items: number[][] = [[]];
    for (let at = open + 1; at < end; at += 1) {
      if (this.#text(at) === ',') items.push([]);
      else items.at(-1)!.push(at);
      if (this.#text(at) === '(') {
        const inner = closingParenthesis(this.#tokens, at);
        for (at += 1; at <= inner; at += 1) items.at(-1)!.push(at);
        at -= 1;
      }
    }
    return items;
  }

  /** Conditions that are joined by AND, up to the end of the WHERE; gives where that is. */
  #where(from: number, to: number, scope: Scope): number {
    const conjuncts: number[][] = [[]];
    let certain = true;
    let between = false;
    let at = from;
    for (; at < to; at += 1) {
      const text = this.#text(at);
      if (text === '(') {
        const end = closingParenthesis(this.#tokens, at);
        if (SCOPES.has(this.#text(at + 1))) this.#scope(at + 1, end);
        else this.#parts(at + 1, end);
        for (; at <= end; at += 1) conjuncts.at(-1)!.push(at);
        at -= 1;
        continue;
      }
      if (ENDS_WHERE.has(text)) break;
      if (text === 'or') certain = false;
      if (text === 'between') between = true;
      if (text === 'and' && !between) conjuncts.push([]);
      else conjuncts.at(-1)!.push(at);
      if (text === 'and') between = false;
    }
    if (certain) for (const conjunct of conjuncts) this.#conjunct(conjunct, scope);
    return at;
  }

  #conjunct(tokens: readonly number[], scope: Scope): void {
    const equals = tokens.findIndex((at) => this.#text(at) === '=');
    if (equals < 0 || tokens.some((at) => ['(', 'not', 'case', 'is'].includes(this.#text(at)))) return;
    const sides = [tokens.slice(0, equals), tokens.slice(equals + 1)] as const;
    for (const [column, given] of [sides, [sides[1], sides[0]] as const]) {
      const value = this.#value(given);
      const names = column.filter((at) => this.#isName(at)).map((at) => identifier(this.#tokens[at]!));
      const plain = column.every((at) => this.#isName(at) || this.#text(at) === '.');
      if (value === undefined || !plain || names.length === 0 || names.length > 2) continue;
      scope.conditions.push({ qualifier: names.length === 2 ? names[0]! : '', condition: { column: names.at(-1)!, value } });
      return;
    }
  }

  /** A parameter's or a literal's value, cast or not; undefined where it is anything else. */
  #value(tokens: readonly number[]): unknown {
    const cast = tokens.findIndex((at) => this.#text(at) === '::');
    const [first, ...others] = cast < 0 ? tokens : tokens.slice(0, cast);
    const token = first === undefined ? undefined : this.#tokens[first];
    if (token === undefined || others.length > 0) return undefined;
    if (token.kind === 'parameter') return this.#values[Number(token.text.slice(1)) - 1];
    if (token.kind === 'number') return token.text;
    if (token.kind === 'string' && token.text.startsWith("'")) return token.text.slice(1, -1).replaceAll("''", "'");
    return token.text === 'true' || token.text === 'false' ? token.text : undefined;
  }

  /** FOR UPDATE and its like: of the tables that it names, or of all in its query. */
  #locks(at: number, to: number, scope: Scope): void {
    const of = [1, 2, 3, 4].map((ahead) => at + ahead).find((index) => index < to && this.#text(index) === 'of');
    const named: string[] = [];
    for (let index = of === undefined ? to : of + 1; index < to && this.#isName(index); index += 2) {
      named.push(identifier(this.#tokens[index]!));
      if (this.#text(index + 1) !== ',') break;
    }
    for (const table of scope.tables) if (of === undefined || named.includes(table.alias)) table.access = 'target';
  }

  #resolve({ tables, conditions }: Scope): Reference[] {
    return tables.map(({ name, alias, access }) => ({
      table: name,
      access,
      conditions: conditions
        .filter(({ qualifier }) => qualifier === alias || (qualifier === '' && tables.length === 1))
        .map(({ condition }) => condition),
    }));
  }

  #calls(): void {
    for (let at = 0; at < this.#tokens.length; at += 1) {
      if (!this.#isName(at) || this.#text(at - 1) === '.') continue;
      const { name, end } = this.#name(at);
      if (this.#text(end) !== '(' || NO_FUNCTIONS.has(this.#text(at))) continue;
      if (['into', 'as', 'table', 'conflict'].includes(this.#text(at - 1))) continue;
      this.#functions.add(name);
    }
  }
}

/** Behind these a `*` stands for columns; elsewhere it counts or multiplies. */
const ALL_COLUMNS_AFTER = new Set(['select', ',', '.', 'distinct', 'all', 'returning']);
const SCOPES = new Set(['select', 'with', 'values', 'insert', 'update', 'delete', 'merge']);
const VERBS = new Set(['select', 'insert', 'update', 'delete', 'merge', 'lock', 'truncate', 'values', 'call', 'do', 'commit', 'rollback']);
