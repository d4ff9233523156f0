import type { Instance } from './instance.js';

/** Keys of a copy, by the name of the constraint that is the same in the original; those that say the same are told apart by age. */
const NAMES = (schema: string) => `
  WITH keys AS (
    SELECT c.oid, c.conname, n.nspname AS schema, CASE WHEN n.nspname IN ('public', '${schema}') THEN t.relname ELSE n.nspname || '.' || t.relname END AS shown,
           pg_get_constraintdef(c.oid) AS says, row_number() OVER (PARTITION BY t.oid, pg_get_constraintdef(c.oid) ORDER BY c.oid) AS nth
      FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_namespace n ON n.oid = t.relnamespace
     WHERE c.contype IN ('p', 'u', 'x') AND (n.nspname = '${schema}' OR n.nspname NOT LIKE 'ls\\_%'))
  SELECT copy.oid, original.conname FROM keys copy JOIN keys original ON (original.shown, original.says, original.nth) = (copy.shown, copy.says, copy.nth)
   WHERE copy.schema = '${schema}' AND original.schema <> '${schema}'`;

/** Gives keys that were copied with their tables their own names back, by which ON CONFLICT ON CONSTRAINT knows them: LIKE has given them others. */
export function nameCopiedKeys(instance: Instance, schema: string): void {
  instance.script(`
    CREATE TEMPORARY TABLE ls_names AS ${NAMES(schema)};
    UPDATE pg_constraint SET conname = 'ls_key_' || oid WHERE oid IN (SELECT oid FROM ls_names);
    UPDATE pg_constraint SET conname = ls_names.conname FROM ls_names WHERE ls_names.oid = pg_constraint.oid;
    DROP TABLE ls_names`);
}
