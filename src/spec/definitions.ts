import { UnmodelledError } from '../engine/contract.js';
import { readStatement, splitStatements, tokenize } from '../sql/text.js';
import type { Specification } from './specification.js';

/** What the model begins with, and whether the common setup is done with that. */
export interface Beginning {
  readonly schema: string;
  readonly isWhole: boolean;
}

/**
 * The common setup as one script, for PostgreSQL to run. Null where it may show something, since isolationtester shows the last result of each
 * block (PQexec), and where the control session may keep something: a setting, a lock.
 */
export function wholeSetup({ setups }: Specification): Beginning | null {
  const statements = setups.flatMap(splitStatements);
  if (statements.length === 0 || !statements.every(leavesRowsOnly)) return null;
  for (const text of statements) refuseInSetup(text);
  return { schema: statements.filter((text) => !isUpkeep(text)).join(';\n'), isWhole: true };
}

/** The definitions of the common setup as one script. The other statements run behind them, in order. */
export function definitionsOf({ setups }: Specification): Beginning {
  const statements = setups.flatMap(splitStatements);
  const firstRows = statements.findIndex((text) => !isDefinition(text) && !isUpkeep(text));
  const definitions = statements.filter((text, index) => {
    if (!isDefinition(text)) return false;
    refuseInSetup(text);
    if (firstRows >= 0 && index > firstRows && !isIndifferentToRows(wordsOf(text)))
      throw new UnmodelledError(`in the setup, behind statements that may have rows: ${text}`);
    return true;
  });
  return { schema: definitions.join(';\n'), isWhole: false };
}

const leavesRowsOnly = (text: string): boolean => {
  const words = wordsOf(text);
  const changes = CHANGING.has(words[0] ?? '') && !words.includes('returning') && !/advisory/i.test(text);
  return changes || isDefinition(text) || isUpkeep(text);
};
const CHANGING = new Set(['insert', 'update', 'delete', 'merge', 'truncate', 'do']);

/** A temporary table is the control session's alone, and so is what it has set. */
function refuseInSetup(text: string): void {
  const words = wordsOf(text);
  if (isDefinition(text) && (words.includes('temp') || words.includes('temporary')))
    throw new UnmodelledError(`a temporary table in the setup: ${text}`);
  refuseOwnClock(text);
}

/** Makes, changes or drops what statements are about. */
export const isDefinition = (text: string): boolean => DEFINING.has(readStatement(text).verb);
const DEFINING = new Set(['create', 'drop', 'alter', 'comment', 'grant', 'revoke']);

/** Changes how rows are stored, and nothing that a statement shows. */
export const isUpkeep = (text: string): boolean => UPKEEP.has(readStatement(text).verb);
const UPKEEP = new Set(['analyze', 'analyse', 'vacuum', 'reindex', 'checkpoint']);

/** What is made comes to the same before rows are there and after. A trigger or a new column does not. */
function isIndifferentToRows(words: readonly string[]): boolean {
  const [verb, ...rest] = words;
  if (verb === 'comment') return true;
  const kind = rest.find((word) => !BEFORE_THE_KIND.has(word)) ?? '';
  return verb === 'create' && INDIFFERENT.has(kind) && (kind !== 'table' || !words.includes('as'));
}

const BEFORE_THE_KIND = new Set(['or', 'replace', 'unique', 'unlogged', 'recursive']);
const INDIFFERENT = new Set(['table', 'index', 'sequence', 'type', 'domain', 'function', 'procedure', 'view', 'schema', 'extension']);

const wordsOf = (text: string): string[] => tokenize(text).flatMap((token) => (token.kind === 'word' ? [token.text] : []));

const OWN_CLOCK = new Set([
  'now',
  'current_timestamp',
  'current_date',
  'current_time',
  'localtimestamp',
  'localtime',
  'transaction_timestamp',
  'statement_timestamp',
  'clock_timestamp',
  'timeofday',
  'random',
  'random_normal',
  'gen_random_uuid',
  'uuidv4',
  'uuidv7',
]);

/** Under a specification the server's clock and chance are its own, and no model can show the same. */
export function refuseOwnClock(text: string): void {
  const found = ownClock(text);
  if (found !== null) throw new UnmodelledError(`${found}, which the server takes from outside a specification: ${text}`);
}

/** A function's body counts too. */
function ownClock(text: string): string | null {
  for (const token of tokenize(text)) {
    if (token.kind === 'word' && OWN_CLOCK.has(token.text)) return token.text;
    if (token.kind !== 'string' || !token.text.startsWith('$')) continue;
    const tag = token.text.indexOf('$', 1) + 1;
    const inside = ownClock(token.text.slice(tag, -tag));
    if (inside !== null) return inside;
  }
  return null;
}
