import { closingParenthesis, identifier, type Token, tokenize } from '../../../sql/text.js';
import { UnmodelledError } from '../../contract.js';

/** A piece of a statement's text. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** One entry of FROM, USING or a join, and the statement's target too: a table by its name, or anything else. */
export interface Relation extends Span {
  readonly alias: string;
  /** Null for a subquery or a function. */
  readonly name: string | null;
  /** Null where it names none. */
  readonly schema: string | null;
  /** Where the name stands, for a table. */
  readonly nameSpan: Span;
  /** It has an alias of its own. */
  readonly aliased: boolean;
  readonly lateral: boolean;
}

/** A query of WITH. */
export interface WithQuery {
  readonly name: string;
  /** Where its name begins. */
  readonly start: number;
  /** What its parentheses hold. */
  readonly body: Span;
  readonly verb: string;
}

/** What the layer has to know of a statement's form; all the rest is PostgreSQL's to understand. */
export interface Outline {
  readonly text: string;
  readonly tokens: readonly Token[];
  readonly verb: 'select' | 'insert' | 'update' | 'delete';
  /** WITH and its queries. */
  readonly with: string;
  readonly withQueries: readonly WithQuery[];
  /** For DML. */
  readonly target: Relation | null;
  readonly from: readonly Relation[];
  /** From the verb to the end, without RETURNING, ON CONFLICT and what locks or cuts rows. */
  readonly body: Span;
  /** WHERE and its condition, of an UPDATE or DELETE. */
  readonly where: Span | null;
  /** Where hidden outputs of a SELECT may be added: before its FROM. */
  readonly listEnd: number;
  readonly returning: Span | null;
  readonly onConflict: Span | null;
  /** Columns that an INSERT names; null for all. */
  readonly columns: readonly string[] | null;
  /** The query or VALUES that an INSERT inserts. */
  readonly source: Span | null;
  readonly overriding: 'system' | 'user' | null;
  /** An INSERT of VALUES with one row. */
  readonly oneRow: boolean;
  /** Locking clauses, in order. */
  readonly locking: readonly Locking[];
  readonly limit: Token | null;
  readonly offset: Token | null;
}

export interface Locking {
  readonly mode: 'update' | 'no key update' | 'share' | 'key share';
  /** Aliases named by OF; null for all. */
  readonly of: readonly string[] | null;
  readonly policy: 'block' | 'nowait' | 'skip locked';
}

const CLAUSES = new Set(
  'from where group having window union intersect except order limit offset fetch for returning set using'.split(' '),
);
const AFTER_FROM = new Set('where group having window union intersect except order limit offset fetch for returning on'.split(' '));
const NO_ALIAS = new Set(
  'on using where group having window union intersect except order limit offset fetch for returning set join inner left right full cross natural tablesample values select default overriding with as'.split(
    ' ',
  ),
);

/** Whether a WITH query has this name. */
export const isWithQuery = ({ withQueries }: Outline, name: string | null): boolean => withQueries.some((query) => query.name === name);

export const tokensWithin = ({ tokens }: Outline, span: Span): readonly Token[] =>
  tokens.filter(({ start, end }) => start >= span.start && end <= span.end);

/** Reads a statement's outline off its tokens. */
export function readOutline(text: string): Outline {
  return new Reader(text).read();
}

/** What statements of all kinds have. */
type Common = 'text' | 'tokens' | 'verb' | 'with' | 'withQueries';

class Reader {
  readonly #text: string;
  readonly #tokens: readonly Token[];

  constructor(text: string) {
    this.#text = text;
    const tokens = tokenize(text);
    this.#tokens = tokens.at(-1)?.text === ';' ? tokens.slice(0, -1) : tokens;
  }

  read(): Outline {
    const withQueries: WithQuery[] = [];
    const verbAt = this.#skipWith(withQueries);
    const verb = this.#word(verbAt);
    const common = {
      text: this.#text,
      tokens: this.#tokens,
      with: this.#text.slice(this.#tokens[0]?.start ?? 0, this.#tokens[verbAt]?.start),
      withQueries,
    };
    switch (verb) {
      case 'insert':
        return { ...common, verb, ...this.#insert(verbAt) };
      case 'update':
      case 'delete':
        return { ...common, verb, ...this.#change(verbAt, verb) };
      case 'select':
      case 'values':
      case 'table':
      case '(':
        return { ...common, verb: 'select', ...this.#select(verbAt) };
      default:
        throw new UnmodelledError(`${(verb ?? '').toUpperCase()}: ${this.#text}`);
    }
  }

  #word(index: number): string | undefined {
    const token = this.#tokens[index];
    return token === undefined || token.kind === 'quoted' || token.kind === 'string' ? undefined : token.text;
  }

  #is(index: number, ...words: readonly string[]): boolean {
    return words.every((word, offset) => this.#word(index + offset) === word);
  }

  /** Index of the verb behind WITH. */
  #skipWith(queries: WithQuery[]): number {
    if (!this.#is(0, 'with')) return 0;
    let at = this.#is(1, 'recursive') ? 2 : 1;
    for (;;) {
      const name = this.#tokens[at]!;
      at += 1;
      if (this.#is(at, '(')) at = this.#closing(at) + 1;
      while (!this.#is(at, '(')) {
        if (at >= this.#tokens.length) throw new UnmodelledError(`this WITH: ${this.#text}`);
        at += 1;
      }
      const close = this.#closing(at);
      const body = { start: this.#tokens[at]!.end, end: this.#tokens[close]!.start };
      queries.push({ name: identifier(name), start: name.start, body, verb: this.#word(at + 1) ?? '' });
      at = close + 1;
      while (this.#is(at, 'search') || this.#is(at, 'cycle')) throw new UnmodelledError('SEARCH or CYCLE');
      if (!this.#is(at, ',')) return at;
      at += 1;
    }
  }

  /** Index of the parenthesis that closes the one at `open`. */
  #closing(open: number): number {
    const end = closingParenthesis(this.#tokens, open);
    if (end < this.#tokens.length) return end;
    throw new UnmodelledError(`a parenthesis that is not closed: ${this.#text}`);
  }

  /** Clause keywords outside of parentheses, by index. */
  *#clauses(from: number): Generator<{ readonly at: number; readonly word: string }> {
    for (let at = from; at < this.#tokens.length; at += 1) {
      if (this.#is(at, '(')) {
        at = this.#closing(at);
        continue;
      }
      const word = this.#word(at);
      if (word === undefined || this.#tokens[at]!.kind !== 'word') continue;
      const before = this.#word(at - 1);
      if (before === '.' || before === 'as') continue;
      // IS DISTINCT FROM
      if (word === 'from' && before === 'distinct' && ['is', 'not'].includes(this.#word(at - 2) ?? '')) continue;
      if (CLAUSES.has(word) || (word === 'on' && this.#is(at + 1, 'conflict'))) yield { at, word };
    }
  }

  #start(at: number): number {
    return this.#tokens[at]?.start ?? this.#text.length;
  }

  #end(): number {
    return this.#tokens.at(-1)?.end ?? 0;
  }

  #select(verbAt: number): Omit<Outline, Common> {
    const clauses = [...this.#clauses(verbAt + 1)];
    const find = (word: string) => clauses.find((clause) => clause.word === word)?.at ?? null;
    const fromAt = find('from');
    const cut = clauses.filter((clause) => ['limit', 'offset', 'fetch', 'for'].includes(clause.word)).map((clause) => clause.at);
    const lockingAt = clauses.filter((clause) => clause.word === 'for').map((clause) => clause.at);
    const whole: Span = { start: this.#start(verbAt), end: cut.length === 0 ? this.#end() : this.#tokens[Math.min(...cut) - 1]!.end };
    const locking = lockingAt.map((at) => this.#locking(at));
    if (locking.length > 0 && clauses.some((clause) => ['union', 'intersect', 'except', 'fetch'].includes(clause.word)))
      throw new UnmodelledError('a locking clause with a set operation or FETCH');
    const count = (word: string) => {
      const at = find(word);
      return at === null ? null : this.#tokens[at + 1]!;
    };
    return {
      target: null,
      from: fromAt === null ? [] : this.#relations(fromAt + 1).relations,
      body: whole,
      where: null,
      listEnd: this.#start(fromAt ?? Math.min(...clauses.map((clause) => clause.at), this.#tokens.length)),
      returning: null,
      onConflict: null,
      columns: null,
      source: null,
      overriding: null,
      oneRow: false,
      locking,
      limit: count('limit'),
      offset: count('offset'),
    };
  }

  #locking(at: number): Locking {
    let index = at + 1;
    let mode = '';
    for (;;) {
      const word = this.#word(index) ?? '';
      mode += (mode === '' ? '' : ' ') + word;
      index += 1;
      if (word === 'update' || word === 'share') break;
      if (index >= this.#tokens.length) throw new UnmodelledError(`this locking clause: ${this.#text}`);
    }
    let of: string[] | null = null;
    if (this.#is(index, 'of')) {
      of = [];
      do {
        of.push(identifier(this.#tokens[index + 1]!));
        index += 2;
      } while (this.#is(index, ','));
    }
    const policy = this.#is(index, 'nowait') ? 'nowait' : this.#is(index, 'skip') ? 'skip locked' : 'block';
    const rest = index + { block: 0, nowait: 1, 'skip locked': 2 }[policy];
    if (rest < this.#tokens.length && !['for', 'limit', 'offset'].includes(this.#word(rest) ?? ''))
      throw new UnmodelledError(`what follows the locking clause: ${this.#text}`);
    return { mode: mode as Locking['mode'], of, policy };
  }

  #insert(verbAt: number): Omit<Outline, Common> {
    const target = this.#target(verbAt + 2);
    let at = target.next;
    let columns: string[] | null = null;
    if (this.#is(at, '(') && !this.#is(at + 1, 'select') && !this.#is(at + 1, 'with') && !this.#is(at + 1, 'values')) {
      const end = this.#closing(at);
      columns = this.#tokens.slice(at + 1, end).flatMap((token) => (token.text === ',' ? [] : [identifier(token)]));
      if (this.#tokens.slice(at + 1, end).some((token) => token.text === '.' || token.text === '['))
        throw new UnmodelledError('INSERT into a part of a column');
      at = end + 1;
    }
    const overriding = this.#is(at, 'overriding') ? (this.#word(at + 1) as 'system' | 'user') : null;
    const clauses = [...this.#clauses(at)];
    const returningAt = clauses.find((clause) => clause.word === 'returning')?.at ?? null;
    const conflictAt = clauses.find((clause) => clause.word === 'on')?.at ?? null;
    const valuesAt = overriding === null ? at : at + 3;
    const bodyEnd = conflictAt ?? returningAt ?? this.#tokens.length;
    return {
      target: target.relation,
      from: [],
      body: { start: this.#start(verbAt), end: this.#tokens[bodyEnd - 1]!.end },
      where: null,
      listEnd: 0,
      returning: this.#returning(returningAt),
      onConflict:
        conflictAt === null ? null : { start: this.#start(conflictAt), end: this.#tokens[(returningAt ?? this.#tokens.length) - 1]!.end },
      columns,
      source: { start: this.#start(valuesAt), end: this.#tokens[bodyEnd - 1]!.end },
      overriding,
      oneRow: this.#is(valuesAt, 'values', '(') && this.#closing(valuesAt + 1) === bodyEnd - 1,
      locking: [],
      limit: null,
      offset: null,
    };
  }

  #change(verbAt: number, verb: 'update' | 'delete'): Omit<Outline, Common> {
    const target = this.#target(verbAt + (verb === 'update' ? 1 : 2));
    const clauses = [...this.#clauses(target.next)];
    const fromAt = clauses.find((clause) => clause.word === (verb === 'update' ? 'from' : 'using'))?.at ?? null;
    const whereAt = clauses.find((clause) => clause.word === 'where')?.at;
    const returningAt = clauses.find((clause) => clause.word === 'returning')?.at ?? null;
    if (whereAt !== undefined && this.#is(whereAt + 1, 'current')) throw new UnmodelledError('WHERE CURRENT OF');
    const { end } = this.#tokens[(returningAt ?? this.#tokens.length) - 1]!;
    return {
      target: target.relation,
      from: fromAt === null ? [] : this.#relations(fromAt + 1).relations,
      body: { start: this.#start(verbAt), end },
      where: whereAt === undefined ? null : { start: this.#start(whereAt), end },
      listEnd: 0,
      returning: this.#returning(returningAt),
      onConflict: null,
      columns: null,
      source: null,
      overriding: null,
      oneRow: false,
      locking: [],
      limit: null,
      offset: null,
    };
  }

  #returning(at: number | null): Span | null {
    if (at === null) return null;
    if (this.#is(at + 1, 'with', '(')) throw new UnmodelledError('RETURNING WITH');
    return { start: this.#start(at + 1), end: this.#end() };
  }

  #target(at: number): { relation: Relation; next: number } {
    const start = this.#is(at, 'only') ? at + 1 : at;
    return this.#table(start, false);
  }

  /** A table by its name, with its alias. */
  #table(at: number, lateral: boolean): { relation: Relation; next: number } {
    const first = this.#tokens[at];
    if (first === undefined || (first.kind !== 'word' && first.kind !== 'quoted'))
      throw new UnmodelledError(`this statement: ${this.#text}`);
    let next = at + 1;
    let name = first;
    if (this.#is(next, '.')) {
      name = this.#tokens[next + 1]!;
      next += 2;
    }
    if (this.#is(next, '*')) next += 1;
    const { alias, after } = this.#alias(next);
    const nameSpan = { start: first.start, end: name.end };
    const plain = alias ?? identifier(name);
    const relation = {
      start: first.start,
      end: this.#tokens[after - 1]!.end,
      alias: plain,
      name: identifier(name),
      schema: name === first ? null : identifier(first),
      nameSpan,
      aliased: alias !== null,
      lateral,
    };
    return { relation, next: after };
  }

  #alias(at: number): { alias: string | null; after: number } {
    let after = at;
    let alias: string | null = null;
    const named = this.#is(at, 'as') ? at + 1 : at;
    const token = this.#tokens[named];
    if (token !== undefined && (token.kind === 'quoted' || (token.kind === 'word' && (named > at || !NO_ALIAS.has(token.text))))) {
      alias = identifier(token);
      after = named + 1;
    }
    return { alias, after };
  }

  /** The relations of a FROM, and where it ends. */
  #relations(from: number): { relations: Relation[]; next: number } {
    const relations: Relation[] = [];
    let at = from;
    let expected = true;
    while (at < this.#tokens.length) {
      if (expected) {
        const lateral = this.#is(at, 'lateral');
        if (lateral) at += 1;
        if (this.#is(at, 'only')) at += 1;
        if (this.#is(at, '(') && !this.#isSubquery(at)) {
          at += 1;
          continue;
        }
        const { relation, next } = this.#relation(at, lateral);
        relations.push(relation);
        at = next;
        expected = false;
        continue;
      }
      if (this.#is(at, ',')) expected = true;
      else if (this.#is(at, 'join')) expected = true;
      else if (this.#is(at, '(')) at = this.#closing(at);
      else if (this.#tokens[at]!.kind === 'word' && AFTER_FROM.has(this.#tokens[at]!.text) && !this.#joinsOn(at)) break;
      else if (this.#is(at, 'tablesample')) throw new UnmodelledError('TABLESAMPLE');
      at += 1;
    }
    return { relations, next: at };
  }

  #joinsOn(at: number): boolean {
    const before = this.#word(at - 1);
    return (this.#is(at, 'on') && !this.#is(at + 1, 'conflict')) || before === '.' || before === 'as';
  }

  #isSubquery(open: number): boolean {
    let at = open;
    while (this.#is(at, '(')) at += 1;
    return ['select', 'values', 'with', 'table'].includes(this.#word(at) ?? '');
  }

  #relation(at: number, lateral: boolean): { relation: Relation; next: number } {
    const subquery = this.#is(at, '(');
    const rows = this.#is(at, 'rows', 'from');
    let open = at;
    if (!subquery) {
      open = rows ? at + 2 : at + 1;
      while (this.#is(open, '.')) open += 2;
      if (!this.#is(open, '(')) return this.#table(at, lateral);
    }
    let next = this.#closing(open) + 1;
    if (this.#is(next, 'with', 'ordinality')) next += 2;
    const { alias, after } = this.#alias(next);
    next = after;
    if (this.#is(next, '(')) next = this.#closing(next) + 1;
    const relation: Relation = {
      start: this.#tokens[at]!.start,
      end: this.#tokens[next - 1]!.end,
      alias: alias ?? identifier(this.#tokens[open - 1] ?? this.#tokens[at]!),
      name: null,
      schema: null,
      nameSpan: { start: 0, end: 0 },
      aliased: alias !== null,
      lateral: lateral || !subquery,
    };
    return { relation, next };
  }
}
