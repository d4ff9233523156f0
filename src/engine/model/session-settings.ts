/** Carries out what sets and shows settings. */
import type { Cancellation } from '../../reply.js';
import type { IsolationLevel } from '../../scenario.js';
import { identifier, readStatement, tokenize } from '../../sql/text.js';
import { type ActorIndex, UnmodelledError } from '../contract.js';
import { edited, toldCall, versionEdits } from '../session-functions.js';
import { type SettingCommand, settingCalls, shadowedDefault, TIMERS, versionSetting } from '../settings.js';
import type { Draft } from './draft.js';
import type { PgliteSchema } from './pglite/schema.js';
import { literal } from './pglite/schema.js';
import { checkEffect, isKnown, normalise, SHOWN_NAMES } from './setting-values.js';
import { NOTHING_SET, type SessionSettings } from './settings-state.js';
import { SqlError } from './sql-error.js';

/** What the layer has at hand. */
export interface SettingsContext {
  readonly pglite: PgliteSchema | null;
  readonly major: () => number;
  /** The level of transactions that name none. */
  readonly isolation: string;
}

const isOwn = (name: string): boolean => name.includes('.');

/** What the session has for a setting; null for the default. */
function given(draft: Draft, actor: ActorIndex, name: string): string | null {
  const { set, local } = draft.transactions[actor]?.settings ?? NOTHING_SET;
  for (const values of [local, set, draft.session(actor).values]) if (values.has(name)) return values.get(name)!;
  return null;
}

/** Which timers a session has set: what may end its statements. */
export const timersOf = (draft: Draft, actor: ActorIndex): readonly Timer[] =>
  (['lock timeout', 'statement timeout'] as const).filter((timer) => (given(draft, actor, timer.replace(' ', '_')) ?? '0') !== '0');

export type Timer = Exclude<Cancellation, 'user request'>;

/** Sets a value, or the default. */
function set(draft: Draft, actor: ActorIndex, name: string, value: string | null, isLocal: boolean): void {
  const transaction = draft.transaction(actor);
  const { set: kept, local } = transaction.settings;
  const own = new Map(local);
  own.delete(name);
  const settings = isLocal ? { set: kept, local: new Map(own).set(name, value) } : { set: new Map(kept).set(name, value), local: own };
  draft.setTransaction(actor, { ...transaction, settings });
  const session = draft.session(actor);
  if (isOwn(name) && !session.named.has(name)) draft.setSession(actor, { ...session, named: new Set([...session.named, name]) });
}

/** Carries out SET, RESET or SHOW inside a transaction, be it one of the statement's own; gives what SHOW shows. */
export function perform(draft: Draft, actor: ActorIndex, command: SettingCommand, context: SettingsContext): string | null {
  const { name } = command;
  switch (command.kind) {
    case 'show':
      return shown(draft, actor, name, context);
    case 'set': {
      const value = normalise(name, command.value, context.pglite);
      checkEffect(name, value, context.major());
      set(draft, actor, name, value, command.local);
      return null;
    }
    case 'reset':
      // An unknown name is PostgreSQL's to refuse.
      if (!isKnown(name)) normalise(name, null, context.pglite);
      checkEffect(name, null, context.major());
      set(draft, actor, name, null, command.local);
      return null;
  }
}

/** A setting's value as SHOW has it; throws where there is no such setting, or none that is modelled. */
export function shown(draft: Draft, actor: ActorIndex, name: string, context: SettingsContext): string {
  const value = given(draft, actor, name);
  if (value !== null) return value;
  if (isOwn(name)) {
    if (name.startsWith('lastseat.') || name.startsWith('plpgsql.')) throw new UnmodelledError(`the setting ${name}`);
    if (draft.session(actor).named.has(name)) return '';
    throw new SqlError('42704', `unrecognized configuration parameter "${name}"`);
  }
  const version = versionSetting(name, context.major());
  if (version !== null) return version;
  if (TIMERS.has(name) || name === 'search_path') {
    checkEffect(name, null, context.major());
    return shadowedDefault(name);
  }
  const transaction = draft.transactions[actor];
  switch (name) {
    case 'transaction_isolation':
      return (transaction?.isolation ?? context.isolation).toLowerCase();
    case 'transaction_read_only':
      return transaction?.readOnly ? 'on' : 'off';
    case 'transaction_deferrable':
      return transaction?.deferrable ? 'on' : 'off';
    case 'default_transaction_isolation':
      return context.isolation.toLowerCase();
  }
  const known = DEFAULTS[name];
  if (known !== undefined) return known;
  // An unknown name is PostgreSQL's to refuse.
  normalise(name, null, context.pglite);
  throw new UnmodelledError(`the setting ${name}`);
}

/** What sessions have that have set nothing, on both engines. */
const DEFAULTS: Readonly<Record<string, string>> = {
  timezone: 'UTC',
  datestyle: 'ISO, MDY',
  intervalstyle: 'postgres',
  client_encoding: 'UTF8',
  standard_conforming_strings: 'on',
  application_name: 'lastseat',
  client_min_messages: 'notice',
  extra_float_digits: '1',
  bytea_output: 'hex',
  default_transaction_read_only: 'off',
  default_transaction_deferrable: 'off',
  row_security: 'on',
  session_replication_role: 'origin',
  integer_datetimes: 'on',
  max_identifier_length: '63',
};

export const shownName = (name: string): string => SHOWN_NAMES[name] ?? name;

const levelNamed = (level: string | null): IsolationLevel | null =>
  level === null ? null : level === 'read uncommitted' ? 'READ COMMITTED' : (level.toUpperCase() as IsolationLevel);

/** The level of a session's transactions that name none; null where it has set none. */
export const levelOf = ({ values }: SessionSettings): IsolationLevel | null =>
  levelNamed(values.get('default_transaction_isolation') ?? null);

/** What a transaction has that names no modes of its own. */
export function defaultModes(draft: Draft, actor: ActorIndex) {
  return {
    isolation: levelNamed(given(draft, actor, 'default_transaction_isolation')),
    readOnly: given(draft, actor, 'default_transaction_read_only') === 'on',
    deferrable: given(draft, actor, 'default_transaction_deferrable') === 'on',
  };
}

const MAY_TELL = /set_config|current_setting|current_schema|\bversion\s*\(|to_char/i;

/**
 * A statement with answers in place of what it asks of its session. set_config is carried out where it is a select list's own: how often it is called,
 * and when, is certain there.
 */
export function withSession(draft: Draft, actor: ActorIndex, text: string, values: readonly unknown[], context: SettingsContext): string {
  if (!MAY_TELL.test(text)) return text;
  const edits = versionEdits(text, context.major);
  const calls = settingCalls(text, values);
  for (const call of calls) {
    const name = call.arguments[0]?.toLowerCase();
    if (name === undefined || name === null) throw new UnmodelledError(`${call.function} of a computed name`);
    const by =
      call.function === 'set_config'
        ? configured(draft, actor, name, call.arguments, text, context)
        : told(draft, actor, name, call.arguments, text, context);
    edits.push({ start: call.start, end: call.end, by: toldCall(text, call, by) });
  }
  if (calls.some(({ function: name }) => name === 'set_config')) refuseReading(text, calls);
  refuseZoneName(draft, actor, text);
  return edited(text, [...edits, ...schemaEdits(text)]);
}

/** `current_schema` without parentheses. */
function schemaEdits(text: string) {
  if (!/current_schema/i.test(text)) return [];
  const tokens = tokenize(text);
  return tokens.flatMap((token, index) => {
    const next = tokens[index + 1]?.text;
    const before = tokens[index - 1]?.text;
    if (token.kind !== 'word' || token.text !== 'current_schema' || next === '(' || before === '.' || before === 'as') return [];
    return [{ start: token.start, end: token.end, by: 'lastseat.current_schema()' }];
  });
}

function configured(
  draft: Draft,
  actor: ActorIndex,
  name: string,
  [, value, isLocal]: readonly (string | null | undefined)[],
  text: string,
  context: SettingsContext,
): string {
  const { verb } = readStatement(text);
  if (verb !== 'select' || /\b(from|where|case|coalesce|nullif|union|limit)\b/i.test(text))
    throw new UnmodelledError('set_config in a larger query: how often it is called, and when, is up to the plan');
  if (value === undefined || value === null || !['true', 'false', 't', 'f'].includes(isLocal ?? ''))
    throw new UnmodelledError('set_config with a computed argument, or NULL');
  perform(draft, actor, { kind: 'set', name, value, local: isLocal!.startsWith('t') }, context);
  return literal(shown(draft, actor, name, context));
}

/** In one statement both would depend on which is evaluated first; PostgreSQL may compute what is STABLE before all the rest. */
function refuseReading(text: string, calls: readonly { readonly function: string }[]): void {
  if (calls.some(({ function: name }) => name === 'current_setting') || /to_char/i.test(text))
    throw new UnmodelledError('set_config in a statement that reads settings');
}

function told(
  draft: Draft,
  actor: ActorIndex,
  name: string,
  [, missingOk]: readonly (string | null | undefined)[],
  text: string,
  context: SettingsContext,
): string {
  try {
    return literal(shown(draft, actor, name, context));
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    if (missingOk !== undefined && missingOk !== 'false') return 'NULL';
    if (/\bfrom\b/i.test(text))
      throw new UnmodelledError(`current_setting('${name}'), which nobody has set: whether it is asked for is up to the plan`);
    throw error;
  }
}

/** Zones that are alike but for their names are told apart by to_char. */
function refuseZoneName(draft: Draft, actor: ActorIndex, text: string): void {
  const zone = given(draft, actor, 'timezone');
  if (zone === null || zone === 'UTC' || !tokenize(text).some((token) => identifier(token) === 'to_char')) return;
  throw new UnmodelledError(`to_char at the time zone ${zone}`);
}
