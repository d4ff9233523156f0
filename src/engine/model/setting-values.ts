/** Which values of which settings the model knows what to do with. */
import { UnmodelledError } from '../contract.js';
import { TIMERS } from '../settings.js';
import { literal, type PgliteSchema } from './pglite/schema.js';
import { SqlError } from './sql-error.js';

const anything = () => true;
const only =
  (...values: readonly string[]) =>
  (value: string) =>
    values.includes(value);

/** Settings that change no answer, no order and no error, or do not with these values. Null stands for the default, which is always taken. */
const HARMLESS: Readonly<Record<string, (value: string) => boolean>> = {
  application_name: anything,
  client_min_messages: anything,
  work_mem: anything,
  maintenance_work_mem: anything,
  check_function_bodies: anything,
  escape_string_warning: anything,
  default_transaction_isolation: anything,
  default_transaction_read_only: anything,
  default_transaction_deferrable: anything,
  timezone: only('UTC', 'Etc/UTC', 'GMT', '<+00>-00'),
  datestyle: only('ISO, MDY'),
  intervalstyle: only('postgres'),
  client_encoding: only('UTF8'),
  standard_conforming_strings: only('on'),
  bytea_output: only('hex'),
  extra_float_digits: only('1', '2', '3'),
  row_security: only('on'),
  session_replication_role: only('origin'),
  search_path: isPublicAlone,
};

function isPublicAlone(value: string): boolean {
  const schemas = value.split(',').map((item) => item.trim());
  return schemas.filter((schema) => schema !== '"$user"' && schema !== 'pg_catalog').join() === 'public' && schemas.at(0) !== 'pg_catalog';
}

/** The names under which SHOW answers, where they are not in lower case. */
export const SHOWN_NAMES: Readonly<Record<string, string>> = {
  timezone: 'TimeZone',
  datestyle: 'DateStyle',
  intervalstyle: 'IntervalStyle',
};

export const isKnown = (name: string): boolean => TIMERS.has(name) || name.includes('.') || name in HARMLESS;

/** The version that brought a timer. */
const TRANSACTION_TIMEOUT_SINCE = 17;

export function checkEffect(name: string, value: string | null, major: number): void {
  if (name === 'transaction_timeout' && major < TRANSACTION_TIMEOUT_SINCE)
    throw new SqlError('42704', `unrecognized configuration parameter "${name}"`);
  if (TIMERS.has(name)) return;
  if (name.startsWith('lastseat.') || name.startsWith('plpgsql.')) throw new UnmodelledError(`the setting ${name}`);
  if (name.includes('.')) return;
  const harmless = HARMLESS[name];
  if (harmless === undefined) throw new UnmodelledError(`the setting ${name}`);
  if (value === null && name.startsWith('default_transaction_')) throw new UnmodelledError(`RESET ${name}, which a plan sets`);
  if (value !== null && !harmless(value)) throw new UnmodelledError(`${name} = '${value}'`);
}

const UNITS: readonly (readonly [string, number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
  ['ms', 1],
];
const LEVELS = new Set('debug5 debug4 debug3 debug2 debug1 log notice warning error'.split(' '));
const MOST_MS = 2_147_483_647;
const OWN_NAME = /^[a-z_][a-z0-9_$]*(\.[a-z_][a-z0-9_$]*)+$/;
const MOST_NAME = 63;

/** A value as SHOW has it afterwards, or PostgreSQL's refusal. What is certain is not asked for: nothing need be started for it. */
export function normalise(name: string, value: string | null, pglite: PgliteSchema | null): string {
  const plain = value === null ? null : plainly(name, value);
  if (plain !== null) return plain;
  if (pglite === null) throw new UnmodelledError(`the setting ${name}`);
  if (!/^[a-z_][a-z0-9_$.]*$/.test(name)) throw new UnmodelledError(`the setting ${name}`);
  const asked = value === null ? `current_setting(${literal(name)})` : `set_config(${literal(name)}, ${literal(value)}, true)`;
  const instance = pglite.open();
  const [, answer] = instance.send([
    instance.wire.query('BEGIN'),
    instance.wire.query(`SELECT pg_catalog.${asked}`),
    instance.wire.query('ROLLBACK'),
  ]);
  if (answer!.error !== null) throw answer!.error;
  return answer!.results[0]![0]![0]!;
}

function plainly(name: string, value: string): string | null {
  if (TIMERS.has(name)) return plainTimer(value);
  if (OWN_NAME.test(name)) return value;
  switch (name) {
    case 'application_name':
      return /^[ -~]*$/.test(value) && value.length <= MOST_NAME ? value : null;
    case 'client_min_messages':
      return LEVELS.has(value) ? value : null;
    case 'timezone':
      return value === 'UTC' || value === '<+00>-00' ? value : null;
    case 'client_encoding':
      return value.toUpperCase() === 'UTF8' ? 'UTF8' : null;
    case 'standard_conforming_strings':
      return value === 'on' ? value : null;
    case 'search_path':
      return /^(("\$user"|public|pg_catalog)(, )?)+$/.test(value) ? value : null;
    default:
      return null;
  }
}

/** Whole numbers, with or without a unit, in the largest unit that leaves no rest (guc.c, convert_int_from_base_unit). */
function plainTimer(value: string): string | null {
  const match = /^(\d{1,10})(ms|s|min|h|d)?$/.exec(value);
  if (match === null) return null;
  const unit = UNITS.find(([name]) => name === (match[2] ?? 'ms'))![1];
  const ms = Number(match[1]) * unit;
  if (ms > MOST_MS) return null;
  if (ms === 0) return '0';
  const [name, size] = UNITS.find(([, length]) => ms % length === 0)!;
  return `${ms / size}${name}`;
}
