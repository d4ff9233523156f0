/** Functions that tell of the session, in the schema "lastseat", which both engines find before PostgreSQL's own. */

import { identifier, tokenize } from '../sql/text.js';
import {
  isShadowed,
  type SettingCommand,
  settingCalls,
  settingStatements,
  shadowedDefault,
  versionSetting,
  versionText,
} from './settings.js';

/**
 * On the model every call has been replaced by one that is told its answer: `lastseat.current_setting(0, 'answer', ...)`. It is called by the name of the
 * function that it stands for, so that columns keep their names.
 */
export const TOLD_FUNCTIONS = [
  told('current_setting(told int, answer text, name text)', 'text', 2),
  told('current_setting(told int, answer text, name text, missing_ok boolean)', 'text', 2),
  told('set_config(told int, answer text, name text, value text, is_local boolean)', 'text', 2),
  told('"version"(answer text)', 'text', 1),
  "CREATE FUNCTION lastseat.current_database() RETURNS name LANGUAGE sql IMMUTABLE AS 'SELECT ''lastseat''::name';",
].join('\n');

function told(signature: string, type: string, place: number): string {
  return `CREATE FUNCTION lastseat.${signature} RETURNS ${type} LANGUAGE sql IMMUTABLE AS 'SELECT $${place}';`;
}

/** In PGlite alone: what the server does by itself. Nobody hears a notification. */
export const MODEL_FUNCTIONS = `${TOLD_FUNCTIONS}
CREATE FUNCTION lastseat.current_schema() RETURNS name LANGUAGE sql IMMUTABLE AS 'SELECT ''public''::name';
CREATE FUNCTION lastseat.pg_notify(channel text, payload text) RETURNS void LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF channel IS NULL OR channel = '' THEN RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = 'channel name cannot be empty'; END IF;
  IF length(channel) >= 64 THEN RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = 'channel name too long'; END IF;
  IF octet_length(payload) >= 8000 THEN RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = 'payload string too long'; END IF;
END $$;`;

/**
 * On the server: a setting that must not take effect is checked, and kept under a name of its own, which PostgreSQL rolls back as it would the other.
 * The search path takes effect, with what the clock needs behind it.
 */
export const SERVER_FUNCTIONS = `${TOLD_FUNCTIONS}
CREATE FUNCTION lastseat.keep_setting(name text, value text, is_local boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  shown text;
  path boolean := name = 'search_path';
BEGIN
  IF value IS NULL THEN
    shown := CASE WHEN path THEN '"$user", public' ELSE '0' END;
  ELSE
    PERFORM pg_catalog.set_config(name, value, true);
    shown := pg_catalog.current_setting(name);
  END IF;
  IF path THEN
    PERFORM pg_catalog.set_config(name, CASE WHEN shown IN ('', '""') THEN '' ELSE shown || ', ' END || 'lastseat, pg_catalog', is_local);
  ELSE
    PERFORM pg_catalog.set_config(name, '0', true);
  END IF;
  PERFORM pg_catalog.set_config('lastseat.' || name, shown, is_local);
  RETURN shown;
END $$;
CREATE FUNCTION lastseat.set_config(name text, value text, is_local boolean) RETURNS text LANGUAGE plpgsql COST 1 AS $$
BEGIN
  IF lower(name) IN ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout', 'transaction_timeout', 'search_path')
    THEN RETURN lastseat.keep_setting(lower(name), value, is_local); END IF;
  RETURN pg_catalog.set_config(name, value, is_local);
END $$;`;

/** Every query goes in the extended protocol, so that its steps can be held: it takes one statement. */
export const SEVERAL_STATEMENTS = 'several statements in one query: send each in a query of its own, so that others can come between them';

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly by: string;
}

export function edited(text: string, edits: readonly Edit[]): string {
  let result = '';
  let done = 0;
  for (const { start, end, by } of [...edits].sort((left, right) => left.start - right.start)) {
    result += text.slice(done, start) + by;
    done = end;
  }
  return result + text.slice(done);
}

/** version() is the major version's alone. */
export function versionEdits(text: string, major: () => number): Edit[] {
  if (!/version\s*\(/i.test(text)) return [];
  const tokens = tokenize(text);
  return tokens.flatMap((token, index): Edit[] => {
    if (identifier(token) !== 'version' || tokens[index + 1]?.text !== '(' || tokens[index + 2]?.text !== ')') return [];
    const qualified = tokens[index - 1]?.text === '.';
    if (qualified && tokens[index - 2]!.text !== 'pg_catalog') return [];
    return [
      {
        start: (qualified ? tokens[index - 2]! : token).start,
        end: tokens[index + 2]!.end,
        by: `lastseat.version('${versionText(major())}')`,
      },
    ];
  });
}

/** A call with its answer in front; the arguments stay, since they may be the only place where a parameter is mentioned. */
export const toldCall = (
  text: string,
  { start, end, function: name }: { start: number; end: number; function: string },
  answer: string,
): string => `lastseat.${name}(0, ${answer}, ${text.slice(text.indexOf('(', start) + 1, end - 1)})`;

/** A statement as the server is sent it. */
export function onServer(text: string, major: number): string {
  const edits = versionEdits(text, () => major);
  for (const call of settingCalls(text, [])) {
    if (call.function === 'set_config') {
      edits.push({ start: call.start, end: text.indexOf('(', call.start), by: 'lastseat.set_config' });
      continue;
    }
    const name = call.arguments[0]?.toLowerCase();
    if (name === undefined) continue;
    const version = versionSetting(name, major);
    if (version !== null) edits.push({ start: call.start, end: call.end, by: toldCall(text, call, `'${version}'`) });
    else if (isShadowed(name)) edits.push({ start: call.start, end: call.end, by: toldCall(text, call, shadowOf(name)) });
  }
  return edits.length === 0 ? text : edited(text, edits);
}

/** What a session was told of a setting that does not take effect. */
export const shadowOf = (name: string): string =>
  `coalesce(nullif(pg_catalog.current_setting('lastseat.${name}', true), ''), '${shadowedDefault(name)}')`;

/** What a text that sets and shows settings is sent as, in order, and how the last of it is answered; null where it goes as it stands. */
export function settingsOnServer(text: string, major: number): { readonly texts: readonly string[]; readonly tag: string } | null {
  const statements = settingStatements(text);
  if (statements === null) return null;
  const sent = statements.map((statement) => {
    const [only] = statement.commands;
    return (statement.commands.length === 1 ? settingOnServer(only!, major) : null) ?? statement.text;
  });
  const last = statements.at(-1)!.commands[0]!;
  if (statements.length === 1 && sent[0] === statements[0]!.text) return null;
  return { texts: sent, tag: last.kind === 'show' ? 'SHOW' : last.kind === 'reset' ? last.tag : 'SET' };
}

function settingOnServer(command: SettingCommand, major: number): string | null {
  const { kind, name } = command;
  if (kind === 'show') {
    const version = versionSetting(name, major);
    const shown = version === null ? (isShadowed(name) ? shadowOf(name) : null) : `'${version}'::text`;
    return shown === null ? null : `SELECT ${shown} AS ${name}`;
  }
  if (!isShadowed(name)) return null;
  const value = kind === 'set' ? `'${command.value.replaceAll("'", "''")}'` : 'NULL';
  return `SELECT lastseat.keep_setting('${name}', ${value}, ${command.local})`;
}
