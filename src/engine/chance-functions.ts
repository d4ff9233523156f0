/**
 * Functions of chance with values of ours, on both engines: made in a schema "lastseat" that the search path has before PostgreSQL's own, so that calls
 * and defaults alike find them. A value is a function of who draws it and of how many that one has drawn before, which a rollback does not take back.
 */

/** The setting of a session that says who draws. */
const WHO_DRAWS = 'lastseat.actor';
/** Counts what a session has drawn: a temporary one may be drawn from in a READ ONLY transaction too, and is never logged. */
const COUNT = 'pg_temp.ls_draws';

/** SQL that a session begins with. */
export const beginDrawing = (name: string): string => `CREATE TEMPORARY SEQUENCE IF NOT EXISTS ls_draws; ${drawAs(name)}`;
export const drawAs = (name: string): string => `SET ${WHO_DRAWS} = '${name}'`;
/** SQL after which the session's next draw is its n-th, counted from 0. */
export const drawFrom = (count: number): string => `SELECT setval('${COUNT}', ${count + 1}, false)`;
/** SQL that says how many draws there have been: the last value, and whether it was drawn. */
export const DRAWN = `SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM ${COUNT}`;

const MAY_DRAW = /\b(random|gen_random_uuid)\b/i;

/** Whether SQL may draw: a guess that errs on the safe side. */
export const mayDraw = (sql: string): boolean => MAY_DRAW.test(sql);

/** Who draws while the schema is made, and while the first rows are put in. */
export const BY_THE_SCHEMA = 'schema';
export const FIRST_ROWS = 'first rows';

/** The stream that an actor's session draws from: after a lost connection or a crash the count begins anew, under another name. */
export const nameOfStream = (actor: number, sessionsBefore: number): string => `${actor}/${sessionsBefore}`;

/** SQL that makes them. They are as cheap for the planner as PostgreSQL's own: what a condition costs decides in which order conditions are tried. */
export function chanceFunctions(): string {
  const drawn = `md5(format('lastseat %s %s', current_setting('${WHO_DRAWS}'), nextval('${COUNT}'::regclass)))`;
  const make = (signature: string, type: string, body: string) =>
    `CREATE OR REPLACE FUNCTION lastseat.${signature} RETURNS ${type} LANGUAGE plpgsql VOLATILE COST 1 AS $$ BEGIN RETURN ${body}; END $$;`;
  return [
    make('random()', 'float8', `('x' || substr(${drawn}, 1, 8))::bit(32)::bigint / 4294967296.0::float8`),
    // Version 4, variant 1 (RFC 9562).
    make('gen_random_uuid()', 'uuid', `overlay(overlay(${drawn} PLACING '4' FROM 13 FOR 1) PLACING 'a' FROM 17 FOR 1)::uuid`),
  ].join('\n');
}
