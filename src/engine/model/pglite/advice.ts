import { identifier, type Token, tokenize } from '../../../sql/text.js';
import { withClock } from '../../clock-functions.js';
import { UnmodelledError } from '../../contract.js';
import { isAdvisory, resultType } from '../advisory.js';
import type { Catalog } from '../catalog.js';
import type { Output } from '../query.js';
import { SqlError } from '../sql-error.js';
import type { StatementPlan } from '../statements.js';
import type { Value } from '../types.js';
import { type Call, type Context, callsIn, isSimple, keysOf, placed, splitAt } from './advisory-calls.js';
import { inCondition } from './advisory-condition.js';
import { compileText } from './compile.js';
import { type Outline, readOutline, type Span, tokensWithin } from './outline.js';
import { parameterText, refuseBinary } from './parameters.js';
import { type PgliteSchema, quote } from './schema.js';
import type { TypeId } from './type-ids.js';

type AdvisoryPlan = Extract<StatementPlan, { kind: 'advisory' }>;

/** Whether a statement calls an advisory-lock function anywhere. */
export const mentionsAdvisory = (text: string): boolean => /advisory_/i.test(text) && callsIn(tokenize(text), text).length > 0;

/**
 * Compiles a statement that calls advisory-lock functions: PostgreSQL computes their arguments, and what stands beside them, as a query of its own; the
 * locks are then taken one by one, in the order of rows and of the list. Where how often or in which order they are called is up to
 * PostgreSQL's plan, the statement is refused.
 */
export function compileAdvice(source: string, parameters: readonly unknown[], catalog: Catalog, pglite: PgliteSchema): StatementPlan {
  const text = withClock(source);
  const { parameterTypes, outputs } = describe(text, parameters, pglite, []);
  const context: Context = { parameters, catalog, pglite, types: parameterTypes };
  const outline = readOutline(text);
  const calls = callsIn(outline.tokens, text);
  const nested = calls.find((call, index) => index > 0 && call.start < calls[index - 1]!.end);
  if (nested !== undefined) throw new UnmodelledError(`${nested.name} inside the arguments of another advisory-lock function`);
  const within = (span: Span) => calls.every((call) => call.start >= span.start && call.end <= span.end);
  const locking = inCondition(outline, calls, context);
  if (locking !== null) return locking;
  const query = outline.withQueries.find(({ body }) => within(body));
  if (query !== undefined) return inWith(outline, query, calls, outputs, context);
  if (outline.verb !== 'select' || outline.withQueries.length > 0) throw elsewhere(calls[0]!);
  const parts = partsOf(outline, calls[0]!);
  if (within(parts.list))
    return parts.relations === null
      ? inPlainList(outline, parts, calls, outputs, context)
      : inList(outline, parts, calls, outputs, context);
  if (parts.where !== null && within(parts.where)) return inWhere(outline, parts, calls, outputs, context);
  if (parts.relations !== null && within(parts.relations)) return inFrom(outline, parts, calls, outputs, context);
  throw elsewhere(calls[0]!);
}

const elsewhere = ({ name }: { readonly name: string }) =>
  new UnmodelledError(`${name} in this place: how often it is called, and when, is up to the plan`);

/** What PostgreSQL says of the statement as a whole. */
function describe(text: string, parameters: readonly unknown[], pglite: PgliteSchema, types: readonly TypeId[]) {
  const { invalid, error, parameterTypes, outputs } = pglite.describe(text, parameters.map(parameterText), types);
  if (invalid !== null) throw invalid;
  const { length } = parameterTypes;
  if (length !== parameters.length && types.length === 0)
    throw new SqlError('08P01', `bind message supplies ${parameters.length} parameters, but prepared statement "" requires ${length}`);
  refuseBinary(parameters, parameterTypes);
  if (error !== null) throw error;
  return { parameterTypes, outputs };
}

/** Where the parts of a SELECT stand. */
interface Parts {
  readonly list: Span;
  /** Between FROM and what follows it; null without FROM. */
  readonly relations: Span | null;
  /** The condition of WHERE. */
  readonly where: Span | null;
  /** ORDER BY and LIMIT. */
  readonly tail: Span;
  readonly limit: Token | null;
}

/** Clauses beside which rows and calls are not one to one. */
const OTHER_CLAUSES = new Set('distinct union intersect except group having window offset fetch for into'.split(' '));

function partsOf(outline: Outline, { name }: Call): Parts {
  const { tokens, text, body } = outline;
  const verbAt = tokens.findIndex((token) => token.start === body.start);
  if (tokens[verbAt]?.text !== 'select') throw elsewhere({ name });
  let depth = 0;
  const at = new Map<string, number>();
  for (let index = verbAt + 1; index < tokens.length; index += 1) {
    const token = tokens[index]!;
    if (token.text === '(') depth += 1;
    if (token.text === ')') depth -= 1;
    if (depth !== 0 || token.kind !== 'word' || tokens[index - 1]?.text === 'as' || tokens[index - 1]?.text === '.') continue;
    // IS DISTINCT FROM
    if (token.text === 'from' && tokens[index - 1]?.text === 'distinct' && at.size === 0) throw elsewhere({ name });
    if (OTHER_CLAUSES.has(token.text)) throw new UnmodelledError(`${name} beside ${token.text.toUpperCase()}`);
    if (['from', 'where', 'order', 'limit'].includes(token.text) && !at.has(token.text)) at.set(token.text, index);
  }
  const end = tokens.at(-1)?.end ?? text.length;
  const startOf = (...words: readonly string[]) => {
    const starts = words.flatMap((word) => (at.has(word) ? [tokens[at.get(word)!]!.start] : []));
    return starts.length === 0 ? end : Math.min(...starts);
  };
  const behind = (word: string) => tokens[at.get(word)!]!.end;
  return {
    list: { start: tokens[verbAt]!.end, end: startOf('from', 'where', 'order', 'limit') },
    relations: at.has('from') ? { start: behind('from'), end: startOf('where', 'order', 'limit') } : null,
    where: at.has('where') ? { start: behind('where'), end: startOf('order', 'limit') } : null,
    tail: { start: startOf('order', 'limit'), end },
    limit: at.has('limit') ? (tokens[at.get('limit')! + 1] ?? null) : null,
  };
}

/** An item of a select list. */
interface ListItem {
  readonly tokens: readonly Token[];
  readonly calls: readonly Call[];
  /** The item is a call, with or without an alias. */
  readonly isCall: boolean;
}

function itemsOf(outline: Outline, { list }: Parts, calls: readonly Call[]): ListItem[] {
  return splitAt(tokensWithin(outline, list), ',').map((tokens): ListItem => {
    const [first, last] = [tokens[0], tokens.at(-1)];
    const own = first === undefined ? [] : calls.filter((call) => call.start >= first.start && call.end <= last!.end);
    const behind = tokens.filter((token) => token.start >= (own[0]?.end ?? 0));
    const named = behind[0]?.text === 'as' ? behind.slice(1) : behind;
    const isAlias = named.length === 0 || (named.length === 1 && (named[0]!.kind === 'word' || named[0]!.kind === 'quoted'));
    return { tokens, calls: own, isCall: own.length === 1 && own[0]!.start === first!.start && isAlias };
  });
}

/** Compiles the query that computes the keys; it is a plain read. */
function keyQuery(text: string, { parameters, catalog, pglite, types }: Context): Extract<StatementPlan, { kind: 'select' }> {
  try {
    const plan = compileText(text, parameters, catalog, pglite, types);
    if (plan.kind === 'select') return plan;
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    throw new UnmodelledError(`an advisory-lock function beside an aggregate, or what else makes one row of several (${error.message})`);
  }
  throw new UnmodelledError('an advisory-lock function in a statement that locks or writes rows');
}

/** `SELECT id, pg_try_advisory_lock(id) FROM seats WHERE id = 1`: each row's calls in the order of the list, row by row. */
function inList(outline: Outline, parts: Parts, calls: readonly Call[], outputs: readonly Output[], context: Context): AdvisoryPlan {
  const { text } = outline;
  const items = itemsOf(outline, parts, calls);
  const odd = items.find((item) => item.calls.length > 0 && !item.isCall);
  if (odd !== undefined) throw new UnmodelledError(`${odd.calls[0]!.name} inside an expression over a table's rows`);
  refuseOrderByCall(outline, parts, items);
  const stars = items.filter(({ tokens }) => tokens.at(-1)?.text === '*').length;
  if (stars > 1) throw new UnmodelledError('an advisory-lock function beside more than one *');
  const starAt = stars === 0 ? items.length : items.findIndex(({ tokens }) => tokens.at(-1)?.text === '*');
  const outputAt = (index: number) => (index < starAt ? index : outputs.length - (items.length - index));
  const shown = items.map(({ tokens, isCall }) => (isCall ? 'NULL' : text.slice(tokens[0]!.start, tokens.at(-1)!.end)));
  const keys = calls.flatMap(keysOf);
  const tail = text.slice(parts.relations!.start, parts.tail.end);
  const plan = keyQuery(`SELECT ${[...shown, ...keys, ...wholeRows(outline)].join(', ')} FROM ${tail}`, context);
  const where = items.flatMap((item, index): (readonly [Call, number])[] => (item.isCall ? [[item.calls[0]!, outputAt(index)]] : []));
  return {
    kind: 'advisory',
    command: 'SELECT',
    writes: false,
    query: plan.query,
    locks: plan.locks,
    calls: placed(where, outputs.length),
    filters: false,
    outputs,
  };
}

/** Asks for each relation's whole row: beside an aggregate or GROUP BY that is an error. */
const wholeRows = ({ from }: Outline): string[] => from.map(({ alias }) => `(${quote(alias)}.*) IS NULL`);

/** Rows cannot be sorted by what a call comes to before it is called. */
function refuseOrderByCall(outline: Outline, { tail }: Parts, items: readonly ListItem[]): void {
  const sorted = tokensWithin(outline, tail);
  for (const [index, { isCall, tokens, calls }] of items.entries()) {
    if (!isCall) continue;
    const names = [tokens.at(-1)!.text === ')' ? calls[0]!.name : identifier(tokens.at(-1)!), String(index + 1)];
    const named = sorted.some((token, at) => names.includes(identifier(token)) && sorted[at - 1]?.text !== 'limit');
    if (named) throw new UnmodelledError(`ORDER BY ${calls[0]!.name}`);
  }
}

/** Words of expressions that do not compute all of their parts, or not once. */
const LAZY = new Set('case coalesce nullif and or exists in any some all from where filter limit'.split(' '));

/** `SELECT pg_try_advisory_lock(1) AS mine, NOT pg_try_advisory_lock(2)`: the calls one after the other, then the list over what they came to. */
function inPlainList(outline: Outline, parts: Parts, calls: readonly Call[], outputs: readonly Output[], context: Context): AdvisoryPlan {
  if (parts.where !== null) throw elsewhere(calls[0]!);
  refuseLimit(parts);
  const items = itemsOf(outline, parts, calls);
  for (const item of items) {
    if (item.isCall || item.calls.length === 0) continue;
    const lazy = item.tokens.find((token) => token.kind === 'word' && LAZY.has(token.text));
    if (lazy !== undefined) throw new UnmodelledError(`${item.calls[0]!.name} beside ${lazy.text.toUpperCase()}: it may not be called`);
  }
  const plan = keyQuery(keysAlone(calls), context);
  return withRest(calls, plan, context, (results) => replaced(outline.text, calls, results), outputs);
}

const keysAlone = (calls: readonly Call[]): string => {
  const keys = calls.flatMap(keysOf);
  return `SELECT ${keys.length === 0 ? 'NULL' : keys.join(', ')}`;
};

/** A result as PostgreSQL would write it. */
const resultOf = (call: Call, value: Value): string =>
  resultType(call) === 'void' ? (value === null ? 'NULL::void' : "''::void") : value === null ? 'NULL::boolean' : `${value}`;

/** The text with the results in place of the calls, under the names that the calls give. */
function replaced(text: string, calls: readonly Call[], results: readonly Value[]): string {
  let result = '';
  let done = 0;
  calls.forEach((call, index) => {
    result += `${text.slice(done, call.start)}${resultOf(call, results[index]!)}`;
    done = call.end;
  });
  return result + text.slice(done);
}

/** A name for what a call gives, where the statement has none: the call's own, if anything refers to it. */
const standIn = ({ name }: { readonly name: string }, { tokens }: Outline): string =>
  tokens.filter((token) => identifier(token) === name).length > 1 ? name : 'given';

/** A plan that takes the locks first, and then runs the statement with their results in place of the calls. */
function withRest(
  calls: readonly Call[],
  keys: Extract<StatementPlan, { kind: 'select' }>,
  context: Context,
  rewritten: (results: readonly Value[]) => string,
  outputs: readonly Output[],
): AdvisoryPlan {
  const { parameters, catalog, pglite, types } = context;
  const known = new Map<string, StatementPlan>();
  const over = (rows: readonly (readonly Value[])[]): StatementPlan => {
    const key = JSON.stringify(rows);
    let plan = known.get(key);
    if (plan === undefined) {
      plan = compileText(rewritten(rows[0]!), parameters, catalog, pglite, types);
      // The names that the calls give are gone with them.
      if (plan.kind === 'select') plan = { ...plan, query: { ...plan.query, outputs } };
      known.set(key, plan);
    }
    return plan;
  };
  const sample = over([calls.map((call) => (resultType(call) === 'void' ? '' : true))]);
  if (sample.kind !== 'select' && sample.kind !== 'insert') throw elsewhere(calls[0]!);
  if (sample.rest !== undefined) throw elsewhere(calls[0]!);
  return {
    kind: 'advisory',
    command: sample.command,
    writes: sample.writes,
    query: keys.query,
    locks: sample.locks,
    calls: placed(
      calls.map((call, index) => [call, index] as const),
      0,
    ),
    filters: false,
    outputs: calls.map((call) => ({ name: call.name, type: resultType(call), nullable: true })),
    rest: { takesTurns: false, over },
  };
}

/** LIMIT 0, or one that is computed, may keep a call from being made. */
function refuseLimit({ limit }: Parts): void {
  if (limit !== null && !(limit.kind === 'number' && Number(limit.text) > 0))
    throw new UnmodelledError('an advisory-lock function beside a LIMIT that may be 0');
}

/** `SELECT id FROM jobs WHERE id = 1 AND pg_try_advisory_lock(id)`: called at each row that the rest of the condition leaves. One at most, or the order is open. */
function inWhere(outline: Outline, parts: Parts, calls: readonly Call[], outputs: readonly Output[], context: Context): AdvisoryPlan {
  const { text } = outline;
  const [call] = calls;
  if (calls.length > 1) throw new UnmodelledError('several advisory-lock functions in WHERE');
  if (resultType(call!) === 'void') throw elsewhere(call!);
  refuseLimit(parts);
  const conjuncts = splitAt(tokensWithin(outline, parts.where!), 'and');
  const last = conjuncts.at(-1)!;
  const others = conjuncts.slice(0, -1);
  const isWhole = last[0]?.start === call!.start && last.at(-1)?.end === call!.end;
  if (!isWhole || !others.every(isSimple) || (parts.relations === null && others.length > 0) || outline.from.length > 1)
    throw elsewhere(call!);
  const from = parts.relations === null ? '' : ` FROM ${text.slice(parts.relations.start, parts.relations.end)}`;
  const kept = others.length === 0 ? '' : ` WHERE ${text.slice(others[0]![0]!.start, others.at(-1)!.at(-1)!.end)}`;
  const list = [text.slice(parts.list.start, parts.list.end), ...keysOf(call!), ...wholeRows(outline)];
  const plan = keyQuery(`SELECT ${list.join(', ')}${from}${kept}`, context);
  return {
    kind: 'advisory',
    command: 'SELECT',
    writes: false,
    query: plan.query,
    locks: plan.locks,
    calls: placed([[call!, null]], outputs.length),
    filters: true,
    outputs,
  };
}

/** `SELECT 1 FROM pg_advisory_xact_lock(1)`: called once, before the one row that it gives. */
function inFrom(outline: Outline, parts: Parts, calls: readonly Call[], outputs: readonly Output[], context: Context): AdvisoryPlan {
  const { text, from } = outline;
  const [relation] = from;
  const [call] = calls;
  const tokens = tokensWithin(outline, parts.relations!).filter(({ start }) => start >= call!.end);
  const named = tokens[0]?.text === 'as' ? tokens.slice(1) : tokens;
  const isAlone = from.length === 1 && calls.length === 1 && relation!.start === call!.start && named.length <= 1;
  if (!isAlone || parts.where !== null) throw elsewhere(call!);
  refuseLimit(parts);
  const alias = quote(named.length === 0 ? standIn(call!, outline) : identifier(named[0]!));
  const plan = keyQuery(keysAlone(calls), context);
  return withRest(
    calls,
    plan,
    context,
    ([result]) =>
      `${text.slice(0, relation!.start)}(SELECT ${resultOf(call!, result!)} AS ${alias}) AS ${alias}${text.slice(relation!.end)}`,
    outputs,
  );
}

/** `WITH mine AS (SELECT pg_try_advisory_xact_lock(1) AS got) SELECT got FROM mine`: called when the query that reads it asks for its row. */
function inWith(
  outline: Outline,
  query: Outline['withQueries'][number],
  calls: readonly Call[],
  outputs: readonly Output[],
  context: Context,
): AdvisoryPlan {
  const { text, withQueries, verb, tokens } = outline;
  const body = text.slice(query.body.start, query.body.end);
  const inner = readOutline(body);
  const innerCalls = callsIn(inner.tokens, body);
  const reader = verb === 'insert' && outline.source !== null ? readOutline(text.slice(outline.source.start, outline.source.end)) : outline;
  const mentions = tokens.filter((token, index) => identifier(token) === query.name && tokens[index + 1]?.text !== '.').length;
  const readsIt = reader.verb === 'select' && reader.from.length === 1 && reader.from[0]!.name === query.name && mentions === 2;
  if (inner.verb !== 'select' || !readsIt || withQueries.length > 1) throw elsewhere(calls[0]!);
  const [parts, around] = [partsOf(inner, innerCalls[0]!), partsOf(reader, calls[0]!)];
  const items = itemsOf(inner, parts, innerCalls);
  const isPlain = parts.relations === null && parts.where === null && items.every(({ isCall, calls: own }) => isCall || own.length === 0);
  if (!isPlain || around.where !== null || parts.tail.start < parts.tail.end) throw elsewhere(calls[0]!);
  refuseLimit(around);
  const columns = describe(body, context.parameters, context.pglite, context.types).outputs;
  const plan = keyQuery(keysAlone(calls), context);
  const nameOf = (index: number) => {
    const { name } = columns[index]!;
    return isAdvisory(name) ? standIn({ name }, outline) : name;
  };
  const rewritten = (results: readonly Value[]): string => {
    const shown = items.map((item, index) =>
      item.isCall
        ? `${resultOf(item.calls[0]!, results[innerCalls.indexOf(item.calls[0]!)]!)} AS ${quote(nameOf(index))}`
        : body.slice(item.tokens[0]!.start, item.tokens.at(-1)!.end),
    );
    return `${text.slice(0, query.body.start)}SELECT ${shown.join(', ')}${text.slice(query.body.end)}`;
  };
  return withRest(calls, plan, context, rewritten, outputs);
}
