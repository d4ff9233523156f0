import type { StatementText } from '../../sql/text.js';
import { settingStatements } from '../settings.js';
import type { ScriptSession } from './script-session.js';

/** Statements that leave a session as it was, but for the functions that they call. */
const TRACELESS = new Set(['select', 'insert', 'update', 'delete', 'with', 'lock', 'values', 'merge', 'notify', 'show', '']);

/** Advisory locks of the session, settings, temporary tables. */
const LASTING = /advisory_(un)?lock|set_config|\binto\s+(local\s+)?temp/i;
/** Functions that tell what the session has drawn from sequences. */
const TELLS_DRAWN = /\b(currval|lastval)\b/i;

/**
 * What a session keeps when its transaction is over: settings, advisory locks, prepared statements, temporary tables, LISTEN, cursors, the last value
 * of a sequence. A session that may keep anything is replaced after the run, since no command undoes all of it: a setting of one's own that was
 * reset is empty, and in a new session it is NULL.
 */
export class SessionTraces {
  #always: boolean;

  /** `byFunctions`: those that the schema defines may leave something. */
  private constructor(byFunctions: boolean) {
    this.#always = byFunctions;
  }

  static async of(session: ScriptSession): Promise<SessionTraces> {
    return new SessionTraces((await session.query(LASTING_FUNCTIONS)).length > 0);
  }

  /** Every session that has done anything is replaced: also since somebody has asked what it has drawn. */
  get always(): boolean {
    return this.#always;
  }

  mayLeave({ verb, kind }: StatementText, sql: string): boolean {
    if (kind !== 'other') return false;
    this.#always ||= TELLS_DRAWN.test(sql);
    if (isForTransaction(sql)) return this.#always;
    return this.#always || !TRACELESS.has(verb) || LASTING.test(sql);
  }
}

/** SET LOCAL of PostgreSQL's own settings. One of one's own stays named. */
const isForTransaction = (sql: string): boolean =>
  settingStatements(sql)?.every(({ commands }) =>
    commands.every((command) => command.kind === 'show' || (command.local && !command.name.includes('.'))),
  ) ?? false;

/** Ids of objects that somebody has made begin here (transam.h, FirstNormalObjectId). */
const FIRST_OWN_OID = 16_384;

/** Functions and procedures whose text has a statement, or calls a function, that may leave something; of EXECUTE's text nothing is known. */
const LASTING_FUNCTIONS = `
WITH own AS MATERIALIZED (
  SELECT p.oid, p.prosrc, p.prolang FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
   WHERE p.oid >= ${FIRST_OWN_OID} AND n.nspname <> 'lastseat' AND p.prokind IN ('f', 'p')
     AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
)
SELECT FROM own
 WHERE prosrc ~* '(advisory_(un)?lock|set_config|currval|lastval|\\m(execute|temp|temporary|listen|unlisten|prepare|deallocate|discard)\\M)'
    OR prosrc ~* '(^|;|\\mbegin|\\mthen|\\melse|\\mloop)\\s*(set|reset)\\s'
    OR pg_get_function_sqlbody(oid) ~* '(advisory_(un)?lock|set_config|currval|lastval)'
    OR prolang NOT IN (SELECT oid FROM pg_language WHERE lanname IN ('sql', 'plpgsql')) LIMIT 1`;
