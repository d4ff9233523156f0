/** `SELECT * FROM seats WHERE pg_advisory_lock(1) IS NOT NULL FOR UPDATE`: a call in the condition of a statement that locks or changes rows. */
import type { Token } from '../../../sql/text.js';
import { resultType } from '../advisory.js';
import { lockingName } from '../read-only.js';
import type { StatementPlan } from '../statements.js';
import { type Call, type Context, isSimple, keysOf, placed, splitAt } from './advisory-calls.js';
import { compileText } from './compile.js';
import type { Outline } from './outline.js';
import { quote } from './schema.js';

type AdvisoryPlan = Extract<StatementPlan, { kind: 'advisory' }>;

/**
 * The scan calls the function at its first row, and may wait there; the snapshot is the one from before. At later rows, and when a row is looked at again,
 * the lock is held already. So the call is made once, before the first row is locked, and only how often a session has the lock is left open. Null where
 * the statement is not of this form.
 */
export function inCondition(outline: Outline, calls: readonly Call[], context: Context): AdvisoryPlan | null {
  const { verb, locking, from, target, text } = outline;
  if (verb === 'insert' || (verb === 'select' && locking.length === 0)) return null;
  const [call] = calls;
  const relation = verb === 'select' ? from[0] : target;
  if (calls.length > 1 || resultType(call!) !== 'void' || call!.does !== 'lock' || !call!.arguments.every(isConstant)) return null;
  if (relation?.name == null || from.length > (verb === 'select' ? 1 : 0) || outline.withQueries.length > 0) return null;
  const conjuncts = conjunctsOf(outline);
  const at = conjuncts.findIndex((tokens) => isCallNotNull(tokens, call!));
  if (at < 0) return null;
  const own = conjuncts[at]!;
  const others = conjuncts.filter((_, index) => index !== at);
  if (!others.every(isSimple)) return null;
  const { parameters, catalog, pglite, types } = context;
  const rest = compileText(`${text.slice(0, own[0]!.start)}true${text.slice(own.at(-1)!.end)}`, parameters, catalog, pglite, types);
  if (rest.rest !== undefined || (rest.kind !== 'select for' && rest.kind !== 'update' && rest.kind !== 'delete')) return null;
  const found = others.map((tokens) => `(${text.slice(tokens[0]!.start, tokens.at(-1)!.end)})`).join(' AND ');
  const keys = keysOf(call!);
  const name = relation.schema === null ? quote(relation.name) : `${quote(relation.schema)}.${quote(relation.name)}`;
  const rows = compileText(
    `SELECT ${keys.join(', ')}, (${found === '' ? 'true' : found}) IS TRUE FROM ${name} AS ${quote(relation.alias)}`,
    parameters,
    catalog,
    pglite,
    types,
  );
  if (rows.kind !== 'select') return null;
  return {
    kind: 'advisory',
    command: rest.kind === 'select for' ? lockingName(rest.marks[0]!.mode) : rest.command,
    writes: rest.writes,
    query: rows.query,
    locks: rest.locks,
    calls: placed([[call!, null]], 0).map((item) => ({ ...item, countIsOpen: true })),
    filters: false,
    scan: { found: keys.length, callsFirst: at === 0 && others.length > 0 },
    outputs: [],
    rest: { takesTurns: false, over: () => rest },
  };
}

const isConstant = (argument: string): boolean => /^-?\s*\d+$/.test(argument);

const BEHIND_WHERE = new Set(['order', 'limit', 'offset', 'fetch', 'for', 'returning']);
const OTHER_CLAUSES = new Set([
  'or',
  'case',
  'between',
  'group',
  'having',
  'window',
  'union',
  'intersect',
  'except',
  'distinct',
  'into',
  'tablesample',
  'current',
]);

/** The parts of the condition that AND joins; none where other clauses come in between. */
function conjunctsOf({ tokens }: Outline): readonly (readonly Token[])[] {
  let depth = 0;
  let where = -1;
  let end = tokens.length;
  for (const [index, { text, kind }] of tokens.entries()) {
    if (text === '(' || text === '[') depth += 1;
    if (text === ')' || text === ']') depth -= 1;
    if (depth > 0 || kind !== 'word') continue;
    if (OTHER_CLAUSES.has(text)) return [];
    if (text === 'where') where = index;
    if (where >= 0 && end === tokens.length && BEHIND_WHERE.has(text)) end = index;
  }
  if (where < 0) return [];
  const condition = tokens.slice(where + 1, end);
  return condition.length === 0 ? [] : splitAt(condition, 'and');
}

function isCallNotNull(tokens: readonly Token[], call: Call): boolean {
  const behind = tokens.filter(({ start }) => start >= call.end).map(({ text }) => text);
  return tokens[0]?.start === call.start && behind.join(' ') === 'is not null';
}
