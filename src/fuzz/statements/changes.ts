import { hasDeferrable } from '../schema.js';
import { kind, type StatementKind } from '../writer.js';

/** UPDATE, DELETE and TRUNCATE. */
export const CHANGES: readonly StatementKind[] = [
  kind(8, (w) => `UPDATE ${w.anyTable().name} SET v = v ${w.pick('+', '-')} 1 WHERE id = ${w.key()}${w.pick('', ' RETURNING id, v')}`),
  kind(4, (w) => {
    const table = w.anyTable();
    return `UPDATE ${table.name} SET v = v ${w.pick('-', '+')} 1 WHERE ${w.condition(table)}${w.pick('', ' RETURNING id, v')}`;
  }),
  kind(1, (w) => `UPDATE ${w.anyTable().name} SET v = v WHERE id = ${w.key()}`),
  kind(2, (w) => `UPDATE ${w.anyTable().name} SET v = (SELECT count(*) FROM ${w.anyTable().name}) WHERE id = ${w.key()}`),
  kind(5, (w) => {
    const table = w.anyTable();
    const roles = [...table.roles];
    if (roles.length === 0) return null;
    const role = w.pick(...roles);
    return `UPDATE ${table.name} SET ${role} = ${w.value(table, role)} WHERE ${w.pick(
      () => `id = ${w.key()}`,
      () => w.condition(table),
    )()}`;
  }),
  kind(2, (w) => {
    const table = w.table('code');
    return table && `UPDATE ${table.name} SET code = code + 1 WHERE ${w.condition(table)} RETURNING id, code`;
  }),
  kind(1, (w) => {
    const table = w.pick(...w.schema.tables.filter(({ key }) => key !== 'always'));
    return table === undefined ? null : `UPDATE ${table.name} SET id = id + ${w.pick('2', '1')} WHERE id = ${w.key()}`;
  }),
  kind(1, (w) => {
    const table = w.table('info');
    return (
      table && `UPDATE ${table.name} SET info = jsonb_set(coalesce(info, '{}'), '{n}', to_jsonb(v)) WHERE id = ${w.key()} RETURNING info`
    );
  }),
  kind(1, (w) => {
    const table = w.table('during');
    return (
      table && `UPDATE ${table.name} SET during = during * daterange('2026-01-02', '2026-01-20') WHERE id = ${w.key()} RETURNING during`
    );
  }),
  kind(2, (w) => {
    const table = w.table('during');
    const days = w.pick('1', '2');
    return (
      table &&
      `UPDATE ${table.name} SET during = daterange(lower(during) + ${days}, upper(during) + ${days}) WHERE ${w.pick(`id = ${w.key()}`, w.condition(table))}`
    );
  }),
  kind(2, (w) => (hasDeferrable(w.schema) ? `SET CONSTRAINTS ALL ${w.pick('DEFERRED', 'IMMEDIATE')}` : null)),
  kind(1, (w) => {
    const table = w.table('day');
    return table && `UPDATE ${table.name} SET day = day + 1 WHERE ${w.condition(table)} RETURNING id, day`;
  }),
  kind(4, (w) => {
    const family = w.family();
    if (family === null) return null;
    const { parent, child, on } = family;
    return `UPDATE ${parent.name} p SET v = p.v ${w.pick('-', '+')} c.v FROM ${child.name} c WHERE ${on} AND c.id = ${w.key()} RETURNING p.id, p.v, c.v AS by`;
  }),
  kind(2, (w) => {
    const family = w.family();
    if (family === null) return null;
    const { parent, child, on } = family;
    return `UPDATE ${child.name} c SET v = p.v FROM ${parent.name} p WHERE ${on} AND ${w.condition(parent, 'p')}`;
  }),
  kind(1, (w) => {
    const family = w.family();
    if (family === null) return null;
    const { parent, child } = family;
    return `WITH n AS (SELECT parent_id, count(*)::int AS n FROM ${child.name} GROUP BY parent_id) UPDATE ${parent.name} p SET v = n.n FROM n WHERE n.parent_id = p.${child.parent!.column} AND p.id = ${w.key()} RETURNING p.id, p.v`;
  }),
  kind(1, (w) => {
    const family = w.family();
    if (family === null) return null;
    const { parent, child, on } = family;
    return `UPDATE ${parent.name} p SET v = v + 1 WHERE ${w.pick('', 'NOT ')}EXISTS (SELECT 1 FROM ${child.name} c WHERE ${on} AND ${w.condition(child, 'c')})`;
  }),
  kind(4, (w) => `DELETE FROM ${w.anyTable().name} WHERE id = ${w.key()}${w.pick('', ' RETURNING *')}`),
  kind(2, (w) => {
    const table = w.anyTable();
    return `DELETE FROM ${table.name} WHERE ${w.condition(table)}`;
  }),
  kind(2, (w) => {
    const family = w.family();
    if (family === null) return null;
    const { parent, child, on } = family;
    return `DELETE FROM ${child.name} c USING ${parent.name} p WHERE ${on} AND ${w.condition(parent, 'p')} RETURNING c.id, p.v`;
  }),
  kind(1, (w) => {
    const family = w.family();
    if (family === null) return null;
    const { parent, child, on } = family;
    return `DELETE FROM ${parent.name} p WHERE NOT EXISTS (SELECT 1 FROM ${child.name} c WHERE ${on})`;
  }),
  kind(1, (w) => `TRUNCATE ${w.anyTable().name}${w.pick('', ' CASCADE')}`),
];
