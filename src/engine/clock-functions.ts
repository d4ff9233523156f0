import { tokenize } from '../sql/text.js';
import { UnmodelledError } from './contract.js';

/** Keywords that read the clock. As such no function of ours can stand in for them. */
const KEYWORDS = new Set(['current_date', 'current_time', 'current_timestamp', 'localtime', 'localtimestamp']);
/** Functions that read it: ours are found by the search path, unless the text sets another one, as a dump does, or a function of its own. */
const FUNCTIONS = new Set(['now', 'transaction_timestamp']);
const MAY_READ_CLOCK = /current_(date|time)|localtime|\bnow\s*\(|\btransaction_timestamp\b/i;
const rewritten = new Map<string, string>();

/** The SQL with `CURRENT_DATE`, `now()` and their like as calls of functions on the plan's clock, named alike, so that columns keep their names. */
export function withClock(sql: string): string {
  if (!MAY_READ_CLOCK.test(sql)) return sql;
  let text = rewritten.get(sql);
  if (text === undefined) {
    text = rewrite(sql);
    rewritten.set(sql, text);
  }
  return text;
}

function rewrite(sql: string): string {
  const tokens = tokenize(sql);
  let text = '';
  let done = 0;
  tokens.forEach((token, index) => {
    const before = tokens[index - 1]?.text;
    if (token.kind === 'string' && token.text.startsWith('$')) {
      text += `${sql.slice(done, token.start)}$${withClock(token.text.slice(1, -1))}$`;
      done = token.end;
    }
    const isCall = tokens[index + 1]?.text === '(' && tokens[index + 2]?.text === ')';
    if (token.kind === 'word' && FUNCTIONS.has(token.text) && isCall && before !== '.' && before !== 'function') {
      text += `${sql.slice(done, token.start)}lastseat.`;
      done = token.start;
      return;
    }
    if (token.kind !== 'word' || !KEYWORDS.has(token.text) || before === '.' || before === 'as') return;
    const called = tokens[index + 1]?.text === '(';
    text += `${sql.slice(done, token.start)}lastseat."${token.text}"${called ? '' : '()'}`;
    done = token.end;
  });
  return text + sql.slice(done);
}

/**
 * Where the clock moves on, these move on within a transaction, or within a statement; and a chained transaction begins at another time than
 * the session was told of.
 */
const MOVING = /\b(clock_timestamp|statement_timestamp|timeofday|and\s+chain)\b/i;

/** For plans with clock ticks. */
export function refuseMovingClock(sql: string): void {
  const found = MOVING.exec(sql);
  if (found !== null) throw new UnmodelledError(`${found[1]}, where the clock may move on`);
}

/** The setting of a session that says what now() is, where the clock may move on in the course of a run. */
export const setClock = (nowMs: number): string => `SET lastseat.now = '${new Date(nowMs).toISOString()}'`;

const TRANSACTION_TIMES = ['now', 'transaction_timestamp', 'current_timestamp'];
const MOVING_TIMES = ['statement_timestamp', 'clock_timestamp'];

/**
 * SQL that makes them, in a schema "lastseat" that is there, for the moment at which the clock stands. They are found before PostgreSQL's own by
 * the search path. Each is a constant once it is inlined, on both engines: what a condition costs decides in which order conditions are tried.
 */
export function clockFunctions(nowMs: number): string {
  const moment = `timestamptz '${new Date(nowMs).toISOString()}'`;
  return define(moment, [...TRANSACTION_TIMES, ...MOVING_TIMES], (body) => `LANGUAGE sql STABLE AS $$ SELECT ${body} $$`);
}

/**
 * The same for a clock that may move on: each session says what now() is, as {@link setClock} does, while it is outside a transaction. A constant
 * costs nothing, and these next to it: too little to show beside the least that a condition costs.
 */
export const tickingClockFunctions = (): string =>
  define(
    "pg_catalog.current_setting('lastseat.now')::timestamptz",
    TRANSACTION_TIMES,
    (body) => `LANGUAGE plpgsql STABLE COST 1e-30 AS $$ BEGIN RETURN ${body}; END $$`,
  );

function define(moment: string, timestamps: readonly string[], as: (body: string) => string): string {
  const make = (signature: string, type: string, body: string) =>
    `CREATE OR REPLACE FUNCTION lastseat.${signature} RETURNS ${type} ${as(body)};`;
  const reading = (name: string, type: string) => make(`"${name}"()`, type, `(${moment})::${type}`);
  const rounded = (type: string) =>
    Array.from({ length: 7 }, (_, digits) => `WHEN ${digits} THEN (${moment})::${type}(${digits})`).join(' ');
  return [
    ...timestamps.map((name) => reading(name, 'timestamptz')),
    reading('localtimestamp', 'timestamp'),
    reading('current_date', 'date'),
    reading('current_time', 'timetz'),
    reading('localtime', 'time'),
    ...[
      ['current_timestamp', 'timestamptz'],
      ['localtimestamp', 'timestamp'],
      ['current_time', 'timetz'],
      ['localtime', 'time'],
    ].map(([name, type]) => make(`"${name}"(digits int)`, type!, `CASE digits ${rounded(type!)} END`)),
    make('age(since timestamptz)', 'interval', `pg_catalog.age((${moment})::date::timestamptz, since)`),
    make('age(since timestamp)', 'interval', `pg_catalog.age((${moment})::date::timestamp, since)`),
  ].join('\n');
}
