import { NO_TIMEOUTS, type Settings } from './providers/client.js';

/**
 * Sessions are the same on every server. SQL's now() stands where the plan's clock stands: the search path finds our own function
 * before pg_catalog's.
 */
export const SESSION_SETTINGS: Settings = {
  ...NO_TIMEOUTS,
  idle_session_timeout: '0',
  search_path: 'public,lastseat,pg_catalog',
  default_transaction_isolation: 'read committed',
  default_transaction_read_only: 'off',
  default_transaction_deferrable: 'off',
  TimeZone: 'UTC',
  DateStyle: 'ISO,MDY',
  IntervalStyle: 'postgres',
  bytea_output: 'hex',
  extra_float_digits: '1',
  plan_cache_mode: 'auto',
};

/** Statements are kept parsed, and planned anew for every run: a plan made for other values would be history that shows. */
export const ACTOR_SETTINGS: Settings = { ...SESSION_SETTINGS, plan_cache_mode: 'force_custom_plan' };
