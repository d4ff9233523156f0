/** Settings of a session, as far as both engines must know of them: what a statement sets, and which settings are kept from taking effect. */

import { identifier, readStatement, splitStatements, type Token, tokenize } from '../sql/text.js';
import { UnmodelledError } from './contract.js';

/** SET, RESET or SHOW of one setting, which is written in lower case. */
export type SettingCommand =
  | { readonly kind: 'set'; readonly name: string; readonly value: string; readonly local: boolean }
  /** RESET, and SET ... TO DEFAULT. */
  | { readonly kind: 'reset'; readonly name: string; readonly local: boolean; readonly tag: 'SET' | 'RESET' }
  | { readonly kind: 'show'; readonly name: string };

/**
 * Timers of the server. Where a scheduler holds a statement back they would fire by the clock on the wall: a session is told that they are set, and
 * they are not. Waits end where a plan's faults say so.
 */
export const TIMERS: ReadonlySet<string> = new Set([
  'statement_timeout',
  'lock_timeout',
  'idle_in_transaction_session_timeout',
  'idle_session_timeout',
  'transaction_timeout',
]);

/** Settings whose value on the server is not the one that the session was given. */
export const isShadowed = (name: string): boolean => TIMERS.has(name) || name === 'search_path';

/** What they are where nobody has set them. */
export const shadowedDefault = (name: string): string => (name === 'search_path' ? '"$user", public' : '0');

/** The settings that tell of the server's version: only its major counts, so that a history does not depend on which minor version ran. */
export const versionSetting = (name: string, major: number): string | null =>
  name === 'server_version' ? `${major}.0` : name === 'server_version_num' ? String(major * 10_000) : null;

/** What version() says, on both engines. */
export const versionText = (major: number): string => `PostgreSQL ${major}.0 on lastseat`;

/** A statement that sets or shows settings. One that names several modes of transactions sets several. */
export interface SettingStatement {
  readonly text: string;
  readonly commands: readonly SettingCommand[];
}

const known = new Map<string, readonly SettingStatement[] | null>();

/** The statements of a text that consists of nothing else; null for any other. Throws for those that no engine may carry out as they stand. */
export function settingStatements(text: string): readonly SettingStatement[] | null {
  if (!MAY_SET.test(text)) return null;
  let found = known.get(text);
  if (found === undefined) {
    const read = splitStatements(text).map((statement) => ({ text: statement, commands: readCommands(statement) }));
    found = read.length === 0 || read.some(({ commands }) => commands === null) ? null : (read as SettingStatement[]);
    known.set(text, found);
  }
  return found;
}

const MAY_SET = /\b(set|reset|show)\b/i;

function readCommands(text: string): readonly SettingCommand[] | null {
  const tokens = tokenize(text);
  if (/^set session characteristics as transaction /.test(tokens.map((token) => token.text).join(' '))) return characteristics(text);
  const command = readCommand(tokens, text);
  return command === null ? null : [command];
}

/** SET SESSION CHARACTERISTICS sets the defaults of transactions (guc_funcs.c, ExecSetVariableStmt). */
function characteristics(text: string): readonly SettingCommand[] | null {
  const { isolation, readOnly, deferrable } = readStatement(text).modes;
  const set = (name: string, value: string): SettingCommand => ({ kind: 'set', name, value, local: false });
  const commands = [
    ...(isolation === null ? [] : [set('default_transaction_isolation', isolation.toLowerCase())]),
    ...(readOnly === null ? [] : [set('default_transaction_read_only', readOnly ? 'on' : 'off')]),
    ...(/\bdeferrable\b/i.test(text) ? [set('default_transaction_deferrable', deferrable ? 'on' : 'off')] : []),
  ];
  return commands.length === 0 ? null : commands;
}

function readCommand(tokens: readonly Token[], text: string): SettingCommand | null {
  const word = (index: number) => (tokens[index]?.kind === 'word' ? tokens[index]!.text : '');
  const verb = word(0);
  if (verb === 'show') return readShow(tokens);
  if (verb === 'reset') {
    const name = nameAt(tokens, 1);
    if (name === null || name.text === 'role' || (word(1) === 'session' && word(2) === 'authorization')) return null;
    // The scheduler's own settings would go with the others.
    if (name.text === 'all') throw new UnmodelledError('RESET ALL');
    if (word(1) === 'time' && word(2) === 'zone') return { kind: 'reset', name: 'timezone', local: false, tag: 'RESET' };
    return name.end === tokens.length ? { kind: 'reset', name: name.text, local: false, tag: 'RESET' } : null;
  }
  if (verb !== 'set' || word(1) === 'transaction' || word(1) === 'constraints') return null;
  const scoped = word(1) === 'local' || word(1) === 'session' ? 2 : 1;
  const local = word(1) === 'local';
  const special = word(scoped);
  if (NO_SETTINGS.has(special)) return null;
  if (special === 'time' && word(scoped + 1) === 'zone') return setTo('timezone', tokens.slice(scoped + 2), local, text);
  if (special === 'names') return setTo('client_encoding', tokens.slice(scoped + 1), local, text);
  if (special === 'schema') return setTo('search_path', tokens.slice(scoped + 1), local, text);
  const name = nameAt(tokens, scoped);
  if (name === null || (word(name.end) !== 'to' && tokens[name.end]?.text !== '=')) return null;
  return setTo(name.text, tokens.slice(name.end + 1), local, text);
}

function readShow(tokens: readonly Token[]): SettingCommand | null {
  const rest = tokens
    .slice(1)
    .map(({ text: part }) => part)
    .join(' ');
  if (rest === 'time zone') return { kind: 'show', name: 'timezone' };
  if (rest === 'transaction isolation level') return { kind: 'show', name: 'transaction_isolation' };
  if (rest === 'all') return null;
  const name = nameAt(tokens, 1);
  return name !== null && name.end === tokens.length ? { kind: 'show', name: name.text } : null;
}

/** What may follow SET besides a setting's name. */
const NO_SETTINGS = new Set(['session', 'authorization', 'role', 'xml', 'characteristics', 'transaction']);

/** A setting's name, which may have several parts. Names are compared without regard to case (guc.c, guc_name_compare). */
function nameAt(tokens: readonly Token[], at: number): { readonly text: string; readonly end: number } | null {
  let end = at;
  const parts: string[] = [];
  for (;;) {
    const token = tokens[end];
    if (token?.kind !== 'word' && token?.kind !== 'quoted') return null;
    parts.push(identifier(token).toLowerCase());
    end += 1;
    if (tokens[end]?.text !== '.') return { text: parts.join('.'), end };
    end += 1;
  }
}

function setTo(name: string, given: readonly Token[], local: boolean, text: string): SettingCommand | null {
  if (given.length === 1 && given[0]!.text === 'default' && given[0]!.kind === 'word') return { kind: 'reset', name, local, tag: 'SET' };
  if (name === 'timezone') {
    const value = timeZone(given);
    return value === null ? null : { kind: 'set', name, value, local };
  }
  const items: string[] = [];
  for (let at = 0; at < given.length; at += 2) {
    const signed = given[at]!.text === '-' || given[at]!.text === '+';
    const item = settingValue(given[signed ? at + 1 : at], name);
    if (item === null && isShadowed(name)) throw new UnmodelledError(`a value of this form: ${text}`);
    if (item === null) return null;
    items.push(signed && given[at]!.text === '-' ? `-${item}` : item);
    if (signed) at += 1;
    if (given[at + 1] !== undefined && given[at + 1]!.text !== ',') return null;
  }
  return items.length === 0 ? null : { kind: 'set', name, value: items.join(', '), local };
}

/** A value as guc.c has it (flatten_set_variable_args). */
function settingValue(token: Token | undefined, name: string): string | null {
  if (token === undefined) return null;
  if (token.kind === 'string') {
    const plain = plainString(token);
    return plain === null ? null : name === 'search_path' ? quoted(plain) : plain;
  }
  if (token.kind === 'number') return token.text;
  if (token.kind === 'word' || token.kind === 'quoted') return name === 'search_path' ? quoted(identifier(token)) : identifier(token);
  return null;
}

/** What an ordinary string literal stands for; null for the others. */
export function plainString({ text }: Token): string | null {
  return text.startsWith("'") && !text.includes('\\') ? text.slice(1, -1).replaceAll("''", "'") : null;
}

const quoted = (name: string): string => (/^[a-z_][a-z0-9_$]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`);

/** SET TIME ZONE takes an interval too (gram.y, zone_value; variable.c, check_timezone). */
function timeZone(given: readonly Token[]): string | null {
  const [first, second] = given;
  if (given.length === 1 && first!.text === 'local') return null;
  if (first?.text === 'interval' && second?.kind === 'string') {
    const match = /^'([+-]?)00:00'$/.exec(second.text);
    return match === null ? null : '<+00>-00';
  }
  return given.length === 1 ? settingValue(first, 'timezone') : null;
}

/** A call of set_config or current_setting whose arguments are constants. */
export interface SettingCall {
  readonly function: 'set_config' | 'current_setting';
  readonly start: number;
  readonly end: number;
  /** Text, or null for NULL; undefined where it is computed. */
  readonly arguments: readonly (string | null | undefined)[];
}

/** Calls of the functions that read and write settings, wherever they stand in a statement. */
export function settingCalls(text: string, values: readonly unknown[]): readonly SettingCall[] {
  if (!/set_config|current_setting/i.test(text)) return [];
  const tokens = tokenize(text);
  return tokens.flatMap((token, index): SettingCall[] => {
    const name = identifier(token);
    if ((name !== 'set_config' && name !== 'current_setting') || tokens[index + 1]?.text !== '(') return [];
    const qualified = tokens[index - 1]?.text === '.';
    if (qualified && tokens[index - 2]?.text !== 'pg_catalog') return [];
    const parts = argumentsAt(tokens, index + 2);
    if (parts === null) return [];
    const given = parts.items.map((part) => constant(part, values));
    return [{ function: name, start: (qualified ? tokens[index - 2]! : token).start, end: tokens[parts.close]!.end, arguments: given }];
  });
}

function argumentsAt(
  tokens: readonly Token[],
  from: number,
): { readonly items: readonly (readonly Token[])[]; readonly close: number } | null {
  const items: Token[][] = [[]];
  let depth = 0;
  for (let at = from; at < tokens.length; at += 1) {
    const token = tokens[at]!;
    if (token.text === ')' && depth === 0) return { items: items[0]!.length === 0 ? [] : items, close: at };
    if (token.text === '(') depth += 1;
    if (token.text === ')') depth -= 1;
    if (token.text === ',' && depth === 0) items.push([]);
    else items.at(-1)!.push(token);
  }
  return null;
}

function constant(tokens: readonly Token[], values: readonly unknown[]): string | null | undefined {
  const [first, cast, type] = tokens;
  if (
    first === undefined ||
    (tokens.length > 1 &&
      !(cast?.text === '::' && ['text', 'varchar', 'boolean', 'bool'].includes(type?.text ?? '') && tokens.length === 3))
  )
    return undefined;
  if (first.kind === 'string') return plainString(first) ?? undefined;
  if (first.kind === 'word' && ['true', 'false', 'null'].includes(first.text)) return first.text === 'null' ? null : first.text;
  if (first.kind !== 'parameter') return undefined;
  const value = values[Number(first.text.slice(1)) - 1];
  if (value === null || value === undefined) return null;
  return ['string', 'number', 'bigint', 'boolean'].includes(typeof value) ? String(value) : undefined;
}
