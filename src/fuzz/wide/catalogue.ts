import type { Row } from '../../context.js';
import type { Engine } from '../../engine/contract.js';
import { TYPES } from './values.js';

/** A function, an operator, a cast or an aggregate of PostgreSQL's own, over the types in use. */
export interface Callable {
  readonly name: string;
  readonly takes: readonly string[];
  readonly gives: string;
}

/** What PostgreSQL's catalogue offers to draw from, by the type of the result, in a fixed order. */
export interface Catalogue {
  readonly major: number;
  readonly functions: ReadonlyMap<string, readonly Callable[]>;
  readonly operators: ReadonlyMap<string, readonly Callable[]>;
  readonly casts: ReadonlyMap<string, readonly Callable[]>;
  readonly aggregates: ReadonlyMap<string, readonly Callable[]>;
}

/** Asks a server for its catalogue. Its engine opens an empty database for it. */
export async function readCatalogue<S>(postgres: Engine<S>, major: number): Promise<Catalogue> {
  const state = await postgres.open({ schema: '', seed: '', actors: 1, isolation: 'READ COMMITTED', clockMs: 0 });
  const ask = (sql: string) => postgres.query(state, sql);
  const types = `ARRAY[${TYPES.map(({ name }) => `'${name}'`).join()}]::name[]`;
  const typed = (oid: string) => `(SELECT typname FROM pg_type WHERE oid = ${oid})`;
  const routines = (kind: 'f' | 'a') => `
    SELECT p.proname AS name, ARRAY(SELECT t.typname::text FROM unnest(p.proargtypes) WITH ORDINALITY a(oid, at) JOIN pg_type t ON t.oid = a.oid ORDER BY at) AS takes,
           ${typed('p.prorettype')} AS gives
      FROM pg_proc p
     WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind = '${kind}' AND NOT p.proretset AND p.provariadic = 0
       AND (p.provolatile = 'i' OR (p.provolatile = 's' AND p.proname IN (${STABLE.map((name) => `'${name}'`).join()})))
       AND p.proname !~ '^(pg_|binary_upgrade|ts_|txid)' AND NOT p.proname = ANY (ARRAY[${UNFIT.map((name) => `'${name}'`).join()}])
       AND NOT EXISTS (SELECT FROM pg_type WHERE typname = p.proname OR typinput = p.oid OR typoutput = p.oid)
       AND ${typed('p.prorettype')} = ANY (${types}) AND p.pronargs BETWEEN 1 AND 4
       AND NOT EXISTS (SELECT FROM unnest(p.proargtypes) a(oid) WHERE ${typed('a.oid')} <> ALL (${types}))
     ORDER BY 1, 2`;
  const operators = `
    SELECT o.oprname AS name, ARRAY[l.typname::text, r.typname::text] AS takes, t.typname AS gives
      FROM pg_operator o JOIN pg_type l ON l.oid = o.oprleft JOIN pg_type r ON r.oid = o.oprright JOIN pg_type t ON t.oid = o.oprresult
      JOIN pg_proc p ON p.oid = o.oprcode
     WHERE o.oprnamespace = 'pg_catalog'::regnamespace AND l.typname = ANY (${types}) AND r.typname = ANY (${types}) AND t.typname = ANY (${types})
       AND p.provolatile <> 'v' AND NOT (o.oprname = '^' AND t.typname = 'numeric')
     ORDER BY 1, 2`;
  const casts = `
    SELECT t.typname AS name, ARRAY[s.typname::text] AS takes, t.typname AS gives
      FROM pg_cast c JOIN pg_type s ON s.oid = c.castsource JOIN pg_type t ON t.oid = c.casttarget
     WHERE s.typname = ANY (${types}) AND t.typname = ANY (${types}) AND s.oid <> t.oid ORDER BY 1, 2`;
  return {
    major,
    functions: byResult(await ask(routines('f'))),
    operators: byResult(await ask(operators)),
    casts: byResult(await ask(casts)),
    aggregates: byResult(await ask(routines('a'))),
  };
}

/** Functions that are STABLE for their settings' sake alone, which are the same everywhere. */
const STABLE = [
  'to_char',
  'to_date',
  'to_timestamp',
  'date_trunc',
  'date_part',
  'extract',
  'array_to_string',
  'string_to_array',
  'make_timestamptz',
];
/** Results of any length, and those in which the order of rows shows. */
const UNFIT = [
  'repeat',
  'lpad',
  'rpad',
  'power',
  'pow',
  'numeric_power',
  'exp',
  'factorial',
  'setseed',
  'age',
  'string_agg',
  'array_agg',
  'format_type',
  'set_bit',
  'set_byte',
];

function byResult(rows: readonly Row[]): ReadonlyMap<string, readonly Callable[]> {
  const map = new Map<string, Callable[]>();
  for (const { name, takes, gives } of rows as readonly { name: string; takes: string[]; gives: string }[])
    map.set(gives, [...(map.get(gives) ?? []), { name, takes, gives }]);
  return map;
}
