import { CHANGES, identifier, readStatement, type Token } from '../../../sql/text.js';
import { mayDraw } from '../../chance-functions.js';
import { withClock } from '../../clock-functions.js';
import { UnmodelledError } from '../../contract.js';
import type { Catalog, Table, TriggerEvent } from '../catalog.js';
import { inLockOrder } from '../lock-order.js';
import { TABLE_LOCK_MODES, type TableLockMode } from '../parse.js';
import type { Output } from '../query.js';
import { hasTrigger, refuseWrite } from '../refusals.js';
import { SqlError } from '../sql-error.js';
import { type Rest, ROW_MODES, RowLockMode, type RowMark, type StatementPlan, type TableLock, type WaitPolicy } from '../statements.js';
import { type Analysis, analyse } from './analysis.js';
import { withDrawnDefaults } from './drawn-defaults.js';
import { findLockingSource, findLockingSubquery, type GivenColumn, type LockingSubquery, withRows } from './locking-subquery.js';
import { findModifyingQuery, type ModifyingQuery, modifies } from './modifying-with.js';
import { isWithQuery, type Outline, type Relation, readOutline, type Span, tokensWithin } from './outline.js';
import { parameterText, refuseBinary } from './parameters.js';
import {
  CONFLICT_SCHEMA,
  copyOf,
  INSERT_SCHEMA,
  type PgliteSchema,
  quote,
  rowSchema,
  TEXTS,
  TRIGGER_SCHEMA,
  UNDRAWN,
  VIEW_SCHEMA,
} from './schema.js';
import { type Hidden, type Load, newTextQuery, type TextQuery } from './text-query.js';
import type { TypeId } from './type-ids.js';

type Plan<K extends StatementPlan['kind']> = Extract<StatementPlan, { kind: K }>;

/** What PostgreSQL says of a statement. */
interface Described {
  readonly outline: Outline;
  readonly outputs: readonly Output[];
  readonly parameterTypes: readonly TypeId[];
  readonly outputTypes: readonly TypeId[];
  readonly values: readonly (string | null)[];
  readonly locks: readonly TableLock[];
  /** Tables that it reads from the view. */
  readonly reads: readonly Load[];
  readonly ordered: boolean;
  /** Sequences that it reads as relations. */
  readonly sequences: readonly number[];
  readonly analysis: Analysis;
}

/**
 * Compiles a statement that pg-mem is not asked about: PostgreSQL itself parses it, in PGlite, and the layer reads no more of it than which rows
 * it touches. The statement's own text runs over the view's rows; its effects are undone, and come back as rows that it returns.
 */
export function compileText(
  source: string,
  parameters: readonly unknown[],
  catalog: Catalog,
  pglite: PgliteSchema,
  types: readonly TypeId[] = [],
): StatementPlan {
  const whole = withClock(source);
  const first = describe(whole, parameters, catalog, pglite, types);
  const named = withoutSchemas(first.outline, catalog);
  const text =
    first.outline.verb === 'update' && /\bdefault\b/i.test(named) ? withDrawnDefaults(readOutline(named), catalog, pglite) : named;
  const described = text === whole ? first : describeAgain(text, parameters, catalog, pglite, first.parameterTypes);
  const { outline } = described;
  const subquery = findLockingSubquery(outline) ?? findLockingSource(outline);
  const found = (subquery === null ? 0 : 1) + (outline.locking.length > 0 ? 1 : 0);
  if (described.analysis.lockingQueries !== found) throw new UnmodelledError('a locking clause where the layer does not look for one');
  const modifying = findModifyingQuery(outline);
  if (subquery !== null && modifying !== null)
    throw new UnmodelledError('a modifying query in WITH, beside a subquery with a locking clause');
  if (subquery !== null) return compileLockingSubquery(described, subquery, parameters, catalog, pglite);
  if (modifying !== null) return compileModifyingQuery(described, modifying, parameters, catalog, pglite);
  switch (outline.verb) {
    case 'select':
      return outline.locking.length === 0 ? compileRead(described) : compileLocking(described, catalog);
    case 'insert':
      return compileInsert(described, catalog, pglite);
    case 'update':
    case 'delete':
      return compileChange(described, catalog);
  }
}

/** `public.seats.id` as `seats.id`: what stands in for the table stands in another schema. */
function withoutSchemas({ text, tokens }: Outline, catalog: Catalog): string {
  let plain = '';
  let done = 0;
  tokens.forEach((token, index) => {
    const [dot, table, next] = [tokens[index + 1], tokens[index + 2], tokens[index + 3]];
    if (dot?.text !== '.' || next?.text !== '.' || table === undefined || tokens[index - 1]?.text === '.') return;
    const schema = identifier(token);
    if (!catalog.tables.some((item) => item.schema === schema && item.name === identifier(table))) return;
    plain += text.slice(done, token.start);
    done = table.start;
  });
  return plain + text.slice(done);
}

function describeAgain(...[text, parameters, catalog, pglite, types]: Parameters<typeof compileText>): Described {
  try {
    return describe(text, parameters, catalog, pglite, types ?? []);
  } catch (error) {
    if (error instanceof SqlError)
      throw new UnmodelledError(`columns named with a schema, of which PostgreSQL says without: ${error.message}`);
    throw error;
  }
}

/** What PostgreSQL's tree of a statement does not show: constants that read the clock when they are read, and where the parts of a WITH stand. */
function reasonsByName({ tokens, verb, withQueries }: Outline): readonly string[] {
  const reasons = new Set<string>();
  const modifying = new Set(withQueries.filter(modifies).map(({ body }) => body.start));
  let depth = 0;
  tokens.forEach((token, index) => {
    if (token.text === '(') depth += 1;
    if (token.text === ')') depth -= 1;
    const before = tokens[index - 1]?.text;
    if (token.kind === 'string') {
      const value = token.text.slice(1, -1).trim().toLowerCase();
      if (MOVING_DATES.has(value)) reasons.add(`'${value}', which reads the server's clock`);
      return;
    }
    if (token.kind !== 'word' && token.kind !== 'quoted') return;
    const name = identifier(token);
    if (OWN_NAMES.test(name)) reasons.add(name);
    if (name === 'into' && verb === 'select' && depth === 0) reasons.add('SELECT INTO');
    if (!CHANGES.has(token.text) || depth === 0) return;
    if (token.text === 'merge' || before === ')' || (before === '(' && !modifying.has(tokens[index - 1]!.end)))
      reasons.add('a modifying query in WITH, of this form');
  });
  return [...reasons];
}

const MOVING_DATES = new Set(['now', 'today', 'tomorrow', 'yesterday', 'allballs']);
/** Names that the layer gives to what it adds. */
const OWN_NAMES = /^(ls_|lastseat_)/;

const LOCK_MODES = new Map(
  TABLE_LOCK_MODES.map((mode): [string, TableLockMode] => [
    `${mode.toLowerCase().replace(/(^| )./g, (letter) => letter.trim().toUpperCase())}Lock`,
    mode,
  ]),
);

/** First the subquery, as a statement of its own that locks; then the statement around it, over its rows. All in one snapshot. */
function compileLockingSubquery(
  described: Described,
  subquery: LockingSubquery,
  parameters: readonly unknown[],
  catalog: Catalog,
  pglite: PgliteSchema,
): Plan<'select for'> {
  const { outline } = described;
  const inner = readOutline(subquery.text);
  const { error, outputs, outputTypes } = pglite.describe(subquery.text, [...described.values], described.parameterTypes);
  if (error !== null) throw new UnmodelledError(`a locking subquery that does not stand alone (${error.message})`);
  const plan = compileLocking({ ...described, outline: inner, outputs, ordered: readStatement(subquery.text).ordered }, catalog);
  const target = outline.target === null ? null : targetOf(described, catalog).index;
  return {
    ...plan,
    ...common(outline.verb.toUpperCase(), described, true),
    around: subquery.as === 'source' ? null : target,
    rest: {
      takesTurns: (subquery.as === 'with' || subquery.as === 'source') && outline.verb !== 'select',
      over: around(described, subquery, columnsOf(outputs, outputTypes, pglite), parameters, catalog, pglite),
    },
  };
}

/** First the modifying query, as a statement of its own; then the statement around it, over its rows. All in one snapshot: none sees the other's changes. */
function compileModifyingQuery(
  described: Described,
  modifying: ModifyingQuery,
  parameters: readonly unknown[],
  catalog: Catalog,
  pglite: PgliteSchema,
): Plan<'insert'> | Plan<'update'> | Plan<'delete'> {
  const { outline } = described;
  const inner = describe(modifying.text, parameters, catalog, pglite, described.parameterTypes);
  const plan = inner.outline.verb === 'insert' ? compileInsert(inner, catalog, pglite) : compileChange(inner, catalog);
  return {
    ...plan,
    ...common(outline.verb.toUpperCase(), described, true),
    rest: {
      takesTurns: outline.verb !== 'select' || outline.withQueries.filter(modifies).length > 1,
      over: around(
        described,
        { ...modifying, as: 'with' },
        columnsOf(inner.outputs, inner.outputTypes, pglite),
        parameters,
        catalog,
        pglite,
      ),
    },
  };
}

const inSql = ({ types }: PgliteSchema, ids: readonly TypeId[]): readonly string[] => ids.map((id) => types.inSql(id));

const columnsOf = (outputs: readonly Output[], ids: readonly TypeId[], pglite: PgliteSchema): readonly GivenColumn[] =>
  inSql(pglite, ids).map((type, index) => ({ name: outputs[index]!.name, type }));

/** The statement around a part of it, over the part's rows; compiled once for the same rows. */
function around(
  { outline, parameterTypes }: Described,
  part: Parameters<typeof withRows>[1],
  columns: readonly GivenColumn[],
  parameters: readonly unknown[],
  catalog: Catalog,
  pglite: PgliteSchema,
): Rest['over'] {
  const known = new Map<string, StatementPlan>();
  return (rows) => {
    const key = JSON.stringify(rows);
    const plan = known.get(key) ?? compileText(withRows(outline, part, columns, rows), parameters, catalog, pglite, parameterTypes);
    known.set(key, plan);
    return plan;
  };
}

function describe(
  text: string,
  parameters: readonly unknown[],
  catalog: Catalog,
  pglite: PgliteSchema,
  types: readonly TypeId[],
): Described {
  const values = parameters.map(parameterText);
  const { invalid, error, parameterTypes, outputs, outputTypes, locks } = pglite.describe(text, values, types);
  if (invalid !== null) throw invalid;
  const { length } = parameterTypes;
  if (length !== parameters.length)
    throw new SqlError('08P01', `bind message supplies ${parameters.length} parameters, but prepared statement "" requires ${length}`);
  refuseBinary(parameters, parameterTypes);
  if (error !== null) throw whilePlanning(error, pglite, text, parameterTypes);
  const outline = readOutline(text);
  const analysis = analysisOf(pglite, outline.text, parameterTypes);
  const reasons = [...analysis.reasons, ...reasonsByName(outline)];
  if (reasons.length > 0) throw new UnmodelledError(reasons.join('; '), reasons);
  const tableLocks: TableLock[] = [];
  const sequences: number[] = [];
  for (const [name, mode, kind, schema] of locks) {
    if (kind === 'v' && schema !== 'pg_catalog' && schema !== 'information_schema') continue;
    const sequence = kind === 'S' ? catalog.sequences.find((item) => item.name === name && item.schema === schema) : undefined;
    if (sequence !== undefined) {
      sequences.push(sequence.index);
      continue;
    }
    const table = catalog.tables.find((item) => item.name === name && item.schema === schema);
    if (table === undefined) throw new UnmodelledError(`the relation ${schema}.${name}`);
    tableLocks.push({ table: table.index, mode: LOCK_MODES.get(mode!)! });
  }
  for (const { schema, name } of analysis.sequences) {
    const sequence = catalog.sequences.find((item) => item.name === name && item.schema === schema);
    if (sequence === undefined) throw new UnmodelledError(`the sequence ${schema}.${name}`);
    if (!sequences.includes(sequence.index)) sequences.push(sequence.index);
  }
  for (const { schema, name } of analysis.readByFunctions) {
    const table = catalog.tables.find((item) => item.name === name && item.schema === schema);
    if (table === undefined) throw new UnmodelledError(`the relation ${schema}.${name}`);
    if (!tableLocks.some((lock) => lock.table === table.index)) tableLocks.push({ table: table.index, mode: 'ACCESS SHARE' });
  }
  const throughView = locks.some(([, , kind]) => kind === 'v') || analysis.readByFunctions.length > 0;
  const mentioned = (table: number) => outline.tokens.filter((token) => identifier(token) === catalog.tables[table]!.name).length;
  const isTargetOnly = (table: number) => outline.target?.name === catalog.tables[table]!.name && mentioned(table) === 1 && !throughView;
  const showsCount = [...outline.tokens.map(identifier), ...outputs.map(({ name }) => name)].includes('log_cnt');
  if (sequences.length > 0 && showsCount) throw new UnmodelledError('log_cnt of a sequence');
  const read = [...new Set(tableLocks.map((lock) => lock.table))].filter((table) => !isTargetOnly(table));
  const reads = read.map((table): Load => ({ schema: VIEW_SCHEMA, table, given: null }));
  return {
    outline,
    outputs,
    outputTypes,
    parameterTypes,
    values,
    locks: inLockOrder(tableLocks, outline.tokens, catalog),
    reads,
    ordered: readStatement(outline.text).ordered,
    sequences,
    analysis,
  };
}

const analysed = new WeakMap<PgliteSchema, Map<string, Analysis>>();

/** Once for a statement's text and the types of its parameters. */
function analysisOf(pglite: PgliteSchema, text: string, parameterTypes: readonly TypeId[]): Analysis {
  let known = analysed.get(pglite);
  if (known === undefined) {
    known = new Map();
    analysed.set(pglite, known);
  }
  const key = `${parameterTypes.join()} ${text}`;
  let analysis = known.get(key);
  if (analysis === undefined) {
    analysis = analyse(pglite.open(), text, inSql(pglite, parameterTypes));
    known.set(key, analysis);
  }
  return analysis;
}

/** Constants are worked out while a statement is planned; which of them, that differs between versions. */
function whilePlanning(error: SqlError, pglite: PgliteSchema, text: string, parameterTypes: readonly TypeId[]): SqlError {
  error.changed = analysisOf(pglite, readOutline(text).text, parameterTypes).changed;
  return error;
}

interface QueryParts {
  readonly text: string;
  readonly outputs?: readonly Output[];
  readonly changes?: readonly string[];
  readonly hidden?: readonly Hidden[];
  readonly loads: readonly Load[];
  readonly texts?: readonly number[];
  readonly ordered?: boolean;
  readonly draws?: boolean;
}

function query({ parameterTypes, values, outputs, ordered, sequences, analysis }: Described, parts: QueryParts): TextQuery {
  return newTextQuery({
    parameterTypes,
    values,
    outputs,
    sequences,
    draws: analysis.draws,
    changes: [],
    hidden: [],
    texts: [],
    ordered,
    ...parts,
  });
}

const common = (command: string, { locks, analysis: { changed } }: Described, writes: boolean) => ({
  command,
  locks,
  writes,
  ...(changed === null ? {} : { changed }),
});

function compileRead(described: Described): Plan<'select'> {
  const { outline, reads } = described;
  return { kind: 'select', ...common('SELECT', described, false), query: query(described, { text: outline.text, loads: reads }) };
}

/** A statement's text with some pieces replaced. */
function edited(text: string, within: Span, edits: readonly (Span & { readonly by: string })[]): string {
  let result = '';
  let at = within.start;
  for (const edit of [...edits].sort((left, right) => left.start - right.start)) {
    if (edit.start < within.start || edit.end > within.end) continue;
    result += text.slice(at, edit.start) + edit.by;
    at = edit.end;
  }
  return result + text.slice(at, within.end);
}

/** The relations of FROM, in order: those that are tables of the view, and what else there is. */
interface Joined {
  readonly relation: Relation;
  /** Null for what is no table. */
  readonly table: Table | null;
}

function joinedOf({ outline }: Described, catalog: Catalog): Joined[] {
  return outline.from.map((relation) => {
    const named = isWithQuery(outline, relation.name) ? null : relation.name;
    return { relation, table: tableOf(named, relation.schema, catalog) };
  });
}

/** What a name means: where it names no schema, what the search path finds first. */
const tableOf = (name: string | null, schema: string | null, { tables }: Catalog): Table | null =>
  tables.find((table) => table.name === name && table.schema === (schema ?? VIEW_SCHEMA)) ?? null;

const rowOf = ({ relation, table }: Joined): string =>
  table === null ? `(${quote(relation.alias)}.*)::text` : `${quote(relation.alias)}.ctid`;

const hiddenOf = ({ table }: Joined): Hidden =>
  table === null ? { kind: 'text' } : { kind: 'row', schema: VIEW_SCHEMA, table: table.index };

/** Each relation replaced by the one row of it that a result was joined from. Relation `n` has the given row, or text, `n + first`. */
function pinned(joined: readonly Joined[], first: number): { edits: (Span & { by: string })[]; loads: Load[]; texts: number[] } {
  const edits: (Span & { by: string })[] = [];
  const loads: Load[] = [];
  const texts: number[] = [];
  joined.forEach(({ relation, table }, index) => {
    const number = index + first;
    if (table !== null) {
      edits.push({
        ...relation.nameSpan,
        by: `${copyOf(rowSchema(number), table)}${relation.aliased ? '' : ` AS ${quote(table.name)}`}`,
      });
      loads.push({ schema: rowSchema(number), table: table.index, given: number });
    } else {
      texts.push(number);
    }
  });
  return { edits, loads, texts };
}

/** A subquery, function or WITH query, cut down to the rows that read as the one that was joined. */
function pinnedText(text: string, joined: readonly Joined[], first: number): (Span & { by: string })[] {
  return joined.flatMap(({ relation, table }, index) => {
    if (table !== null) return [];
    const alias = quote(relation.alias);
    const whole = text.slice(relation.start, relation.end);
    const by = `(SELECT * FROM ${whole} WHERE (${alias}.*)::text = (SELECT value FROM ${TEXTS} WHERE number = ${index + first}) LIMIT 1) AS ${alias}`;
    return [{ start: relation.start, end: relation.end, by }];
  });
}

function compileLocking(described: Described, catalog: Catalog): Plan<'select for'> {
  const { outline } = described;
  const joined = joinedOf(described, catalog);
  const marks = marksOf(outline, joined);
  const targets = [...marks.keys()];
  if (targets.length === 0) throw new UnmodelledError('a locking clause that locks no table');
  const list = joined.map((item) => `, ${rowOf(item)}`).join('');
  const withList = (edits: readonly (Span & { by: string })[]) =>
    outline.with + edited(outline.text, outline.body, [...edits, { start: outline.listEnd, end: outline.listEnd, by: `${list} ` }]);
  const hidden = joined.map(hiddenOf);
  const pins = pinned(joined, 0);
  const lateral = joined.some(({ relation, table }) => table === null && relation.lateral);
  return {
    kind: 'select for',
    ...common('SELECT', described, true),
    table: joined[targets[0]!]!.table!,
    query: query(described, { text: withList([]), hidden, loads: described.reads }),
    recheck: lateral
      ? null
      : query(described, {
          ordered: false,
          text: outline.with + edited(outline.text, outline.body, [...pins.edits, ...pinnedText(outline.text, joined, 0)]),
          loads: [...described.reads, ...pins.loads],
          texts: pins.texts,
        }),
    marks: [...marks.values()],
    join: { targets: targets.map((at) => ({ at, table: joined[at]!.table! })), relations: joined.map(({ table }) => table?.index ?? null) },
    around: null,
    window: { offset: countOf(outline.offset, described) ?? 0, limit: countOf(outline.limit, described) ?? Number.POSITIVE_INFINITY },
  };
}

/**
 * Which relations are locked and how, in the order in which that is done (analyze.c, transformLockingClause): clause by clause, as OF or else as FROM
 * names them. Where two clauses name one, the stronger lock counts, and NOWAIT more than SKIP LOCKED more than waiting.
 */
function marksOf(outline: Outline, joined: readonly Joined[]): Map<number, RowMark> {
  const marks = new Map<number, RowMark>();
  for (const { mode, of, policy } of outline.locking)
    for (const alias of of ?? [null])
      joined.forEach(({ relation, table }, index) => {
        if (alias !== null && relation.alias !== alias) return;
        if (table === null) {
          if (alias === null && (isWithQuery(outline, relation.name) || isFunction(relation, outline))) return;
          throw new UnmodelledError('a locking clause over a subquery or a view in FROM');
        }
        const known = marks.get(index);
        const stronger = ROW_MODES[mode];
        if (known === undefined) marks.set(index, { mode: stronger, policy });
        else marks.set(index, { mode: Math.max(known.mode, stronger) as RowLockMode, policy: firmer(known.policy, policy) });
      });
  return marks;
}

const POLICIES: readonly WaitPolicy[] = ['block', 'skip locked', 'nowait'];
const firmer = (left: WaitPolicy, right: WaitPolicy): WaitPolicy => (POLICIES.indexOf(left) > POLICIES.indexOf(right) ? left : right);

const isFunction = (relation: Relation, outline: Outline): boolean => relation.name === null && outline.text[relation.start] !== '(';

function countOf(token: Token | null, { values }: Described): number | null {
  if (token === null || token.text === 'all') return null;
  const text = token.kind === 'number' ? token.text : token.kind === 'parameter' ? values[Number(token.text.slice(1)) - 1] : undefined;
  if (text === null) return null;
  if (text === undefined || !/^\d+$/.test(text)) throw new UnmodelledError('LIMIT or OFFSET with a computed number and a locking clause');
  return Number(text);
}

/** The target's name replaced by a copy of it, under the name that the statement knows. */
const inPlaceOf = ({ nameSpan, aliased }: Relation, table: Table, schema: string): Span & { by: string } => ({
  ...nameSpan,
  by: `${copyOf(schema, table)}${aliased ? '' : ` AS ${quote(table.name)}`}`,
});

function targetOf({ outline }: Described, catalog: Catalog): Table {
  const table = tableOf(outline.target!.name, outline.target!.schema, catalog);
  if (table === null) throw new UnmodelledError(`a change of ${outline.target!.name}, which is no table`);
  if (table.odd !== null) throw new UnmodelledError(table.odd);
  refuseWrite(table, outline.verb as TriggerEvent);
  if (outline.onConflict !== null) refuseWrite(table, 'update');
  return table;
}

/** DEFAULT in an assignment: what a sequence or chance would give is not known here. */
function refuseDrawnDefault({ outline }: Described, table: Table, within: Span): void {
  const mentioned = tokensWithin(outline, within).some((token) => token.kind === 'word' && token.text === 'default');
  const drawn = table.columns.find((column) => column.sequence !== null || column.volatileDefault !== null);
  if (mentioned && drawn !== undefined) throw new UnmodelledError(`SET ... = DEFAULT in ${table.name}, where ${drawn.name} is drawn`);
}

const typesOf = (table: Table): string[] => table.columns.map((column) => column.type);

function compileChange(described: Described, catalog: Catalog): Plan<'update'> | Plan<'delete'> {
  const { outline } = described;
  const updates = outline.verb === 'update';
  const target = outline.target!;
  const table = targetOf(described, catalog);
  refuseDrawnDefault(described, table, outline.body);
  const joined = joinedOf(described, catalog);
  const shown = outline.returning === null ? '' : `${outline.text.slice(outline.returning.start, outline.returning.end)}, `;
  // Names of our own for OLD and NEW take the usual ones away.
  const [before, after, names] = described.analysis.readsOldOrNew
    ? ['old', 'new', '']
    : ['ls_old', 'ls_new', ' WITH (OLD AS ls_old, NEW AS ls_new)'];
  const changed = updates ? table.columns.map((column) => `${after}.${quote(column.name)}, `).join('') : '';
  const rows = joined.map((item) => `, ${rowOf(item)}`).join('');
  const returning = `RETURNING${names} ${shown}${changed}${before}.ctid${rows}`;
  const hidden: Hidden[] = [{ kind: 'row', schema: rowSchema(0), table: table.index }, ...joined.map(hiddenOf)];
  const pins = pinned(joined, 1);
  const changes = updates ? typesOf(table) : [];
  const inPlace = inPlaceOf(target, table, rowSchema(0));
  const lateral = joined.some((item) => item.table === null && item.relation.lateral);
  const build = (edits: readonly (Span & { by: string })[], parts: Omit<QueryParts, 'text'>) =>
    query(described, {
      ...parts,
      text: `${outline.with}${edited(outline.text, outline.body, [inPlace, ...edits])} ${returning}`,
      changes,
      ordered: false,
    });
  const plan = {
    ...common(outline.verb.toUpperCase(), described, true),
    table,
    query: build([], { hidden, loads: [...described.reads, { schema: rowSchema(0), table: table.index, given: null }] }),
    recheck: lateral
      ? null
      : build([...pins.edits, ...pinnedText(outline.text, joined, 1)], {
          loads: [...described.reads, { schema: rowSchema(0), table: table.index, given: 0 }, ...pins.loads],
          texts: pins.texts,
          hidden: [],
        }),
    returning: null,
    outputs: outline.returning === null ? [] : described.outputs,
    join: { targets: [{ at: 0, table }], relations: [table.index, ...joined.map((item) => item.table?.index ?? null)] },
  };
  if (!updates) return { kind: 'delete', ...plan };
  return { kind: 'update', ...plan, columns: table.columns.map((_, index) => index), locksFirst: firstLock(described, table) };
}

/** A trigger before an update gets the row locked, as the columns of the SET list have it (trigger.c, ExecBRUpdateTriggers; ExecUpdateLockMode). */
function firstLock({ outline }: Described, table: Table): RowLockMode | null {
  if (!hasTrigger(table, 'update')) return null;
  if ([...table.keyColumns].some((column) => table.columns[column]!.generated))
    throw new UnmodelledError(`an update of ${table.name}, which has triggers, and a generated column in a key`);
  const set = outline.tokens.findIndex((token) => token.kind === 'word' && token.text === 'set' && token.start >= outline.body.start);
  const assigned = assignedColumns(outline.tokens.slice(set + 1));
  return [...table.keyColumns].some((column) => assigned.has(table.columns[column]!.name)) ? RowLockMode.update : RowLockMode.noKeyUpdate;
}

/** Columns that may get their default: an INSERT does not name them, or says DEFAULT somewhere. */
function leftToDefaults({ columns, tokens, source }: Outline, table: Table): Table['columns'] {
  if (tokens.some((token) => token.kind === 'word' && token.text === 'default')) return table.columns;
  if (columns !== null) return table.columns.filter(({ name }) => !columns.includes(name));
  return table.columns.slice(source === null ? 0 : widthOf(tokens.filter(({ start, end }) => start >= source.start && end <= source.end)));
}

/** How many values the rows of a VALUES have; of any other query it is not known, and 0. */
function widthOf(tokens: readonly Token[]): number {
  if (tokens[0]?.text !== 'values' || tokens[0].kind !== 'word') return 0;
  let depth = 0;
  let width = 1;
  for (const { text, kind } of tokens.slice(1)) {
    if (kind === 'string' || kind === 'quoted') continue;
    if (text === '(' || text === '[') depth += 1;
    if (text === ')' || text === ']') depth -= 1;
    if (depth === 0) break;
    if (depth === 1 && text === ',') width += 1;
  }
  return width;
}

function compileInsert(described: Described, catalog: Catalog, pglite: PgliteSchema): Plan<'insert'> {
  const { outline } = described;
  const table = targetOf(described, catalog);
  const target = outline.target!;
  const left = leftToDefaults(outline, table);
  for (const column of left)
    if (column.volatileDefault !== null)
      throw new UnmodelledError(`the default of ${table.name}.${column.name}, ${column.volatileDefault}()`);
  if (outline.overriding === 'user') throw new UnmodelledError('OVERRIDING USER VALUE');
  const alias = quote(target.alias);
  const shown = outline.returning === null ? '' : `${outline.text.slice(outline.returning.start, outline.returning.end)}, `;
  const stored = table.columns.flatMap((column) => (column.generated ? [] : [quote(column.name)])).join(', ');
  const all = `RETURNING ${shown}${alias}.*`;
  /** Loads of the one row that is about to be inserted; it comes to the table from elsewhere, so that what is computed from it is computed. */
  const proposed: Load = { schema: rowSchema(1), table: table.index, given: 0 };
  const insertOne = (schema: string) =>
    `${outline.with}INSERT INTO ${copyOf(schema, table)} AS ${alias} ${stored === '' ? '' : `(${stored})`} SELECT ${stored} FROM ${copyOf(rowSchema(1), table)}`;
  const types = typesOf(table);
  const draws = table.columns.some((column) => column.sequence !== null);
  const defaultOf = ({ name }: { readonly name: string }) =>
    pglite.rows.tables[table.index]!.columns.find((column) => column.name === name)!.default;
  return {
    kind: 'insert',
    ...common('INSERT', described, true),
    table,
    columns: table.columns.map((_, index) => index),
    sources: [
      query(described, {
        text: `${outline.with}${edited(outline.text, outline.body, [inPlaceOf(target, table, INSERT_SCHEMA)])} RETURNING ${table.columns.length === 0 ? 'NULL' : `${alias}.*`}`,
        outputs: table.columns.map((column) => ({ name: column.name, type: column.type, nullable: true })),
        loads: described.reads,
        // Which row draws which value is up to the order in which they come.
        ordered: draws,
        draws: described.analysis.draws || left.some((column) => mayDraw(defaultOf(column) ?? '')),
      }),
    ],
    defaults: [],
    returning:
      outline.returning === null && !table.columns.some((column) => column.generated)
        ? null
        : query(described, {
            text: `${insertOne(rowSchema(0))} ${all}`,
            outputs: outline.returning === null ? [] : described.outputs,
            changes: types,
            loads: [...described.reads, proposed],
          }),
    outputs: outline.returning === null ? [] : described.outputs,
    computed: hasTrigger(table, 'insert')
      ? query(described, {
          text: `${insertOne(TRIGGER_SCHEMA)} RETURNING ${alias}.*`,
          outputs: [],
          changes: types,
          loads: [...described.reads, proposed],
        })
      : null,
    undrawn: table.columns.map((column) => (column.sequence === null ? null : (UNDRAWN[column.type] ?? null))),
    overriding: outline.overriding === 'system',
    oneRow: outline.oneRow,
    ordered: hasOrder(outline),
    onConflict:
      outline.onConflict === null ? null : compileConflict(described, table, pglite, `${insertOne(CONFLICT_SCHEMA)} `, all, proposed),
  };
}

/** VALUES, or an ORDER BY of the whole: the rows come in an order of their own. */
function hasOrder({ tokens, body }: Outline): boolean {
  let depth = 0;
  return tokens.some(({ kind, text, start, end }, index) => {
    if (start < body.start || end > body.end) return false;
    if (text === '(') depth += 1;
    else if (text === ')') depth -= 1;
    return depth === 0 && kind === 'word' && (text === 'values' || (text === 'order' && tokens[index + 1]?.text === 'by'));
  });
}

function compileConflict(
  described: Described,
  table: Table,
  pglite: PgliteSchema,
  insert: string,
  all: string,
  proposed: Load,
): Plan<'insert'>['onConflict'] {
  const { outline } = described;
  const clause = outline.text.slice(outline.onConflict!.start, outline.onConflict!.end);
  refuseDrawnDefault(described, table, outline.onConflict!);
  const arbiters = arbitersOf(described, table, pglite);
  if (arbiters.some((index) => table.unique[index]!.timing !== 'at once'))
    throw new UnmodelledError('ON CONFLICT over a constraint that can be deferred');
  if (/\bdo\s+nothing\s*$/i.test(clause)) return { arbiters, update: null, mode: RowLockMode.noKeyUpdate };
  const tokens = tokensWithin(outline, outline.onConflict!);
  const set = tokens.findIndex((token, index) => token.text === 'set' && tokens[index - 1]?.text === 'update');
  const assigned = assignedColumns(tokens.slice(set + 1));
  const keyed = [...table.keyColumns].some((column) => assigned.has(table.columns[column]!.name));
  return {
    arbiters,
    update: query(described, {
      text: `${insert}${clause} ${all}`,
      outputs: outline.returning === null ? [] : described.outputs,
      changes: typesOf(table),
      loads: [...described.reads, proposed, { schema: CONFLICT_SCHEMA, table: table.index, given: 1 }],
    }),
    mode: keyed ? RowLockMode.update : RowLockMode.noKeyUpdate,
  };
}

/** Names of the columns that a SET list assigns to: what decides, by name and not by value, how the row is locked first (ExecUpdateLockMode). */
function assignedColumns(tokens: readonly Token[]): Set<string> {
  const names = new Set<string>();
  let depth = 0;
  let expected = true;
  for (const token of tokens) {
    if (token.text === ')') depth -= 1;
    if (expected && (token.kind === 'word' || token.kind === 'quoted')) names.add(identifier(token));
    if (token.text === '(') depth += 1;
    else if (token.text === '=' && (depth === 0 || expected)) expected = false;
    else if (token.text === ',' && depth === 0) expected = true;
    else if (depth === 0 && token.kind === 'word' && token.text === 'where') break;
  }
  return names;
}

/** The unique indexes that PostgreSQL has inferred for ON CONFLICT, by its own plan. */
function arbitersOf({ outline, parameterTypes }: Described, table: Table, pglite: PgliteSchema): number[] {
  const numbered = parameterTypes.map(() => 'NULL').join(', ');
  const instance = pglite.open();
  // A part of a statement need not mention all of its parameters.
  const mentioned = new Set(outline.tokens.flatMap(({ kind, text }) => (kind === 'parameter' ? [text] : [])));
  const types = mentioned.size < parameterTypes.length ? inSql(pglite, parameterTypes) : [];
  const prepared = `PREPARE ls_arbiters${types.length === 0 ? '' : ` (${types.join()})`} AS ${outline.text}; EXPLAIN (FORMAT JSON, COSTS OFF) EXECUTE ls_arbiters${numbered === '' ? '' : `(${numbered})`}`;
  let plan: string;
  try {
    plan = instance.script(`BEGIN; ${prepared}`)[2]![0]![0]!;
  } finally {
    instance.send([instance.wire.query('ROLLBACK'), instance.wire.query('DEALLOCATE ls_arbiters')]);
  }
  const names = /"Conflict Arbiter Indexes": (\[[^\]]*\])/.exec(plan)?.[1];
  if (names === undefined) return table.unique.map((_, index) => index);
  const wanted = JSON.parse(names) as string[];
  return table.unique.flatMap((constraint, index) => (wanted.includes(constraint.name) ? [index] : []));
}
