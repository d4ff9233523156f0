/** Triggers: which of them only set the new row's columns, and how those stand on the copies of their table. */
import { tokenize } from '../../../sql/text.js';
import type { TriggerEvent } from '../catalog.js';
import type { Instance } from './instance.js';
import { quote } from './names.js';

/** A trigger that fires for ordinary sessions, as the catalogue has it. */
export interface CatalogTrigger {
  readonly name: string;
  readonly on: readonly TriggerEvent[];
  /** BEFORE ... FOR EACH ROW. */
  readonly isBeforeRow: boolean;
  /** Those of UPDATE OF. */
  readonly columns: readonly string[];
  readonly definition: string;
  readonly language: string;
  readonly source: string;
  readonly configured: boolean;
  /** Why it is not modelled; null where it only sets columns of NEW. */
  readonly refusal?: string | null;
}

/** Looks into the functions of triggers. */
export const judged = (triggers: readonly CatalogTrigger[], instance: Instance): CatalogTrigger[] =>
  triggers.map((trigger) => ({ ...trigger, refusal: refusalOf(trigger, instance) }));

/**
 * A conservative reading: what stands in PL/pgSQL's text must be known. A row trigger that comes before reads and writes nothing, has neither loops nor
 * handlers, and returns NEW. Everything that it computes is PostgreSQL's then, row by row.
 */
function refusalOf({ isBeforeRow, on, definition, language, source, configured }: CatalogTrigger, instance: Instance): string | null {
  if (!isBeforeRow) return 'which does not come before each row';
  if (on.includes('delete') || on.includes('truncate')) return 'on deletes';
  if (language !== 'plpgsql') return `in ${language}`;
  if (configured) return 'with SET or SECURITY DEFINER';
  const tokens = tokenize(source);
  for (const [index, { kind, text }] of tokens.entries()) {
    if (kind === 'string' && text.startsWith('$')) return 'with a text in dollars in it';
    if (kind !== 'word') continue;
    const next = tokens[index + 1]?.text;
    if (REFUSED_WORDS.has(text) || (text.startsWith('tg_') && text !== 'tg_op')) return `with ${text.toUpperCase()} in it`;
    if (text === 'return' && next !== 'new') return 'which returns something else than NEW';
    if (text === 'raise' && next !== 'exception') return 'with RAISE in it';
    if (text === 'exception' && tokens[index - 1]?.text !== 'raise') return 'with a handler of errors';
  }
  const when = tokenize(conditionOf(definition));
  const called = [tokens, when].flatMap((list) =>
    list.flatMap(({ kind, text }, index) => ((kind === 'word' || kind === 'quoted') && list[index + 1]?.text === '(' ? [text] : [])),
  );
  const unknown = [...new Set(called)].find((name) => !CALLS_NOTHING.has(name) && !OUR_CLOCKS.has(name) && !isPure(name, instance));
  return unknown === undefined ? null : `which calls ${unknown}`;
}

/** Whether all functions of that name are immutable, and PostgreSQL's own. */
function isPure(name: string, instance: Instance): boolean {
  if (!/^\w+$/.test(name)) return false;
  const [[pure]] = instance.script(
    `SELECT count(*) > 0 AND bool_and(provolatile = 'i' AND pronamespace = 'pg_catalog'::regnamespace) FROM pg_proc WHERE proname = '${name}'`,
  )[0] as [[string]];
  return pure === 't';
}

const REFUSED_WORDS: ReadonlySet<string> = new Set(
  'select insert update delete merge perform execute copy lock call notify listen truncate create alter drop set reset do commit rollback savepoint open fetch move close query table with into vacuum analyze loop while for foreach exit continue get assert cursor exists current_user session_user user current_role tableoid ctid xmin xmax cmin cmax'.split(
    ' ',
  ),
);
/** Words before a parenthesis that call nothing. */
const CALLS_NOTHING: ReadonlySet<string> = new Set(
  'if elsif when and or not in any all some then else return case coalesce greatest least nullif values row array cast raise exception using begin new old when'.split(
    ' ',
  ),
);
/** Those that stand in for PostgreSQL's. */
const OUR_CLOCKS: ReadonlySet<string> = new Set(['now', 'transaction_timestamp', 'statement_timestamp', 'clock_timestamp']);

const PARTS = /FOR EACH ROW (?:WHEN (\(.*\)) )?EXECUTE FUNCTION (.*)$/s;
const conditionOf = (definition: string): string => PARTS.exec(definition)?.[1] ?? '';

/** A modelled trigger, on a copy of its table: of one event, so that what loads rows there fires nothing. */
export function triggerOn(copy: string, { name, columns, definition }: CatalogTrigger, event: 'insert' | 'update'): string {
  const [, condition, call] = PARTS.exec(definition)!;
  const of = event === 'update' && columns.length > 0 ? ` OF ${columns.map(quote).join(', ')}` : '';
  const when = condition === undefined ? '' : `WHEN ${condition} `;
  return `CREATE TRIGGER ${quote(name)} BEFORE ${event.toUpperCase()}${of} ON ${copy} FOR EACH ROW ${when}EXECUTE FUNCTION ${call}`;
}
