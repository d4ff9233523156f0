import { kind, type StatementKind } from '../writer.js';

/** Rows, tables and numbers locked on purpose. */
export const LOCKS: readonly StatementKind[] = [
  kind(8, (w) => `SELECT id, v FROM ${w.anyTable().name} WHERE id = ${w.key()} FOR ${w.strength()}${w.policy()}`),
  kind(3, (w) => {
    const table = w.anyTable();
    return `SELECT id, v FROM ${table.name} WHERE ${w.condition(table)} ORDER BY id FOR ${w.strength()}${w.policy()}`;
  }),
  kind(
    3,
    (w) =>
      `SELECT id FROM ${w.anyTable().name} WHERE v >= ${w.small()} ORDER BY ${w.pick('id', 'v, id')} LIMIT ${w.pick('1', '2')} FOR UPDATE${w.policy()}`,
  ),
  kind(2, (w) => {
    const family = w.family();
    if (family === null) return null;
    const { parent, child, on } = family;
    return `SELECT p.id, p.v, c.id AS child FROM ${parent.name} p JOIN ${child.name} c ON ${on} WHERE c.id = ${w.key()} FOR ${w.strength()}${w.pick('', ' OF p', ' OF c')}${w.policy()}`;
  }),
  kind(1, (w) => {
    const family = w.family();
    if (family === null) return null;
    const { parent, child, on } = family;
    return `SELECT p.id FROM ${parent.name} p WHERE EXISTS (SELECT 1 FROM ${child.name} c WHERE ${on}) ORDER BY p.id FOR ${w.strength()}`;
  }),
  kind(2, (w) => {
    const table = w.anyTable();
    return `UPDATE ${table.name} SET v = v + 1 WHERE id = (SELECT id FROM ${table.name} WHERE v >= ${w.small()} ORDER BY id LIMIT 1 FOR UPDATE${w.pick(' SKIP LOCKED', '', ' NOWAIT')}) RETURNING id, v`;
  }),
  kind(1, (w) => {
    const table = w.anyTable();
    return `WITH picked AS (SELECT id FROM ${table.name} WHERE ${w.condition(table)} ORDER BY id LIMIT 1 FOR UPDATE${w.policy()}) UPDATE ${table.name} SET v = v - 1 FROM picked WHERE picked.id = ${table.name}.id RETURNING ${table.name}.id, v`;
  }),
  kind(1, (w) => {
    const table = w.anyTable();
    return `DELETE FROM ${table.name} WHERE id = ANY (ARRAY(SELECT id FROM ${table.name} ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)) RETURNING id`;
  }),
  kind(
    3,
    (w) =>
      `LOCK TABLE ${w.anyTable().name} IN ${w.pick('SHARE ROW EXCLUSIVE', 'SHARE', 'EXCLUSIVE', 'ROW EXCLUSIVE', 'ACCESS SHARE', 'ROW SHARE', 'SHARE UPDATE EXCLUSIVE', 'ACCESS EXCLUSIVE')} MODE${w.pick('', '', ' NOWAIT')}`,
  ),
  kind(
    4,
    (w) =>
      `SELECT pg_${w.pick('', '', 'try_')}advisory_${w.pick('xact_', '', 'xact_')}lock${w.pick('', '', '_shared')}(${w.pick('1', '1', '2', '1, 1')}) AS got`,
  ),
  kind(1, (w) => `SELECT pg_advisory_unlock${w.pick('(1)', '(1)', '_shared(1)', '(1, 1)', '_all()')} AS got`),
];
