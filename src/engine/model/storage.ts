import type { ActorIndex } from '../contract.js';
import type { Catalog } from './catalog.js';
import type { HeavyLocks } from './heavy-locks.js';
import type { PgliteSchema } from './pglite/schema.js';
import { literal } from './pglite/schema.js';

const FORM = /^\s*alter\s+(index|table)\s+([a-z_][\w.]*)\s+(?:set|reset)\s*\([^()']*\)\s*;?\s*$/i;

/**
 * `ALTER INDEX i SET (fastupdate = on)`, `ALTER TABLE t SET (fillfactor = 50)`: how rows are stored is nothing that a statement shows, so that this is a
 * step which changes nothing. Gives its command; null where it is something else, where PostgreSQL has something against it, and where another session
 * has a lock of the table: which of them it would wait for is not modelled.
 */
export function changesStorage(
  text: string,
  actor: ActorIndex,
  locks: HeavyLocks,
  { tables }: Catalog,
  pglite: PgliteSchema,
): string | null {
  const [, kind, name] = FORM.exec(text) ?? [];
  if (kind === undefined || name === undefined) return null;
  const instance = pglite.open();
  const found = `SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND c.oid = coalesce((SELECT indrelid FROM pg_catalog.pg_index WHERE indexrelid = ${literal(name)}::regclass), ${literal(name)}::regclass)`;
  const [, altered, asked] = instance.send([
    instance.wire.query('BEGIN'),
    instance.wire.query(text),
    instance.wire.query(found),
    instance.wire.query('ROLLBACK'),
  ]);
  if (altered!.error !== null || asked!.error !== null) return null;
  const [schema, relation] = asked!.results[0]?.[0] ?? [];
  const table = tables.find((item) => item.schema === schema && item.name === relation);
  if (table === undefined) return null;
  const lock = locks.get(`table ${table.index}`);
  const others = [...(lock?.granted ?? []), ...(lock?.queue ?? [])].some((request) => request.actor !== actor);
  return others ? null : `ALTER ${kind.toUpperCase()}`;
}
