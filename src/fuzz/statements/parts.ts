import { kind, type StatementKind } from '../writer.js';
import { columnsOf, insert, selected } from './inserts.js';

/** Statements of which one part, a query of WITH, changes rows too. */
export const PARTS: readonly StatementKind[] = [
  kind(3, (w) => {
    const family = w.family();
    if (family === null) return null;
    const { parent, child } = family;
    const { column } = child.parent!;
    const { names, values } = columnsOf(w, child);
    const given = selected(names, values, `taken.${column}`);
    const taken = `UPDATE ${parent.name} SET v = v - 1 WHERE ${w.pick(`id = ${w.key()}`, w.condition(parent))}${w.pick(' AND v > 0', '')} RETURNING ${column}`;
    return `WITH taken AS (${taken}) INSERT INTO ${child.name} (${names.join(', ')}) SELECT ${given.join(', ')} FROM taken${w.pick('', ' RETURNING id, v')}`;
  }),
  kind(3, (w) => {
    const family = w.family();
    if (family === null) return null;
    const { parent, child } = family;
    const gone = `${w.pick(`DELETE FROM ${child.name}`, `UPDATE ${child.name} SET v = v - 1`)} WHERE ${w.pick(`id = ${w.key()}`, w.condition(child))} RETURNING parent_id, v`;
    return `WITH gone AS (${gone}) UPDATE ${parent.name} p SET v = p.v + gone.v FROM gone WHERE gone.parent_id = p.${child.parent!.column} RETURNING p.id, p.v`;
  }),
  kind(2, (w) => {
    const [one, other] = [w.anyTable(), w.anyTable()];
    if (one === other) return null;
    const made = `${insert(w, one, 1, false)}${w.pick(' ON CONFLICT (id) DO NOTHING', '')} RETURNING id`;
    const rest = w.pick(
      `UPDATE ${other.name} SET v = v + 1 WHERE id = (SELECT id - 2 FROM made)`,
      `DELETE FROM ${other.name} WHERE id = ${w.key()} AND EXISTS (SELECT 1 FROM made)`,
      `UPDATE ${other.name} SET v = made.id FROM made WHERE ${other.name}.id = ${w.key()}`,
    );
    return `WITH made AS (${made}) ${rest}`;
  }),
  kind(2, (w) => {
    const table = w.anyTable();
    return `WITH changed AS (UPDATE ${table.name} SET v = v ${w.pick('+', '-')} 1 WHERE ${w.condition(table)} RETURNING id, v) SELECT count(*)::int AS n, sum(v)::int AS v FROM changed`;
  }),
];
