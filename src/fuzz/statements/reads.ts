import { kind, type StatementKind } from '../writer.js';

/** Queries that lock nothing: what is modelled of joins, aggregates, windows, dates, ranges and documents. */
export const READS: readonly StatementKind[] = [
  kind(5, (w) => `SELECT * FROM ${w.anyTable().name} ORDER BY id`),
  kind(2, (w) => `SELECT id, v FROM ${w.anyTable().name} WHERE id = ${w.key()}`),
  kind(2, (w) => `SELECT count(*), sum(v) FROM ${w.anyTable().name}`),
  kind(1, (w) => {
    const table = w.anyTable();
    return `SELECT count(*) FILTER (WHERE ${w.condition(table)}) AS n, max(v) FROM ${table.name}`;
  }),
  kind(1, (w) => {
    const table = w.anyTable();
    return `SELECT id, v FROM ${table.name} WHERE ${w.condition(table)}`;
  }),
  kind(2, (w) => {
    const family = w.family();
    if (family === null) return null;
    const { parent, child, on } = family;
    return `SELECT p.id, p.v - (SELECT count(*) FROM ${child.name} c WHERE ${on}) AS rest FROM ${parent.name} p ORDER BY p.id`;
  }),
  kind(2, (w) => {
    const family = w.family();
    if (family === null) return null;
    const { parent, child, on } = family;
    return `SELECT p.id FROM ${parent.name} p WHERE ${w.pick('', 'NOT ')}EXISTS (SELECT 1 FROM ${child.name} c WHERE ${on} AND ${w.condition(child, 'c')})`;
  }),
  kind(1, (w) => {
    const family = w.family();
    if (family === null) return null;
    const { parent, child, on } = family;
    return `SELECT p.id, count(c.id) AS n, sum(c.v) AS v FROM ${parent.name} p ${w.pick('', 'LEFT ')}JOIN ${child.name} c ON ${on} GROUP BY p.id HAVING count(*) >= ${w.small()} ORDER BY p.id`;
  }),
  kind(1, (w) => {
    const family = w.family();
    if (family === null) return null;
    const { parent, child, on } = family;
    return `SELECT p.id, x.v FROM ${parent.name} p LEFT JOIN LATERAL (SELECT c.v FROM ${child.name} c WHERE ${on} ORDER BY c.id LIMIT 1) x ON true`;
  }),
  kind(
    1,
    (w) =>
      `SELECT id, ${w.pick('row_number() OVER (ORDER BY v DESC, id)', 'rank() OVER (ORDER BY v)', 'sum(v) OVER (ORDER BY id)', 'lag(v) OVER (ORDER BY id)')} AS place FROM ${w.anyTable().name} ORDER BY id`,
  ),
  kind(1, (w) => {
    const table = w.anyTable();
    return `WITH few AS (SELECT id, v FROM ${table.name} WHERE ${w.condition(table)}) SELECT count(*), min(v) FROM few`;
  }),
  kind(1, (w) => {
    const table = w.table('state');
    return table && `SELECT DISTINCT ON (state) state, id FROM ${table.name} ORDER BY state, id${w.pick('', ' DESC')}`;
  }),
  kind(1, (w) => `SELECT id FROM ${w.anyTable().name} ${w.pick('UNION', 'UNION ALL', 'EXCEPT')} SELECT v FROM ${w.anyTable().name}`),
  kind(1, (w) => {
    const table = w.table('day');
    return (
      table &&
      `SELECT g.d::date AS day, count(t.id) AS n FROM generate_series(date '2026-01-01', date '2026-01-03', interval '1 day') AS g(d) LEFT JOIN ${table.name} t ON t.day = g.d::date GROUP BY g.d ORDER BY g.d`
    );
  }),
  kind(1, (w) => {
    const table = w.table('during');
    return table && `SELECT id, lower(during) AS since, during @> date ${w.day()} AS then FROM ${table.name} ORDER BY id`;
  }),
  kind(1, (w) => {
    const table = w.table('info');
    return table && `SELECT id, info->>'n' AS n, info FROM ${table.name} WHERE ${w.pick("info ? 'n'", `info @> '{"n": 2}'`)} ORDER BY id`;
  }),
  kind(1, (w) => {
    const table = w.table('amount');
    return table && `SELECT sum(amount) AS total, round(avg(amount), 2) AS mean FROM ${table.name} WHERE amount < ${w.amount()}`;
  }),
  kind(1, (w) => {
    const table = w.table('tags');
    return table && `SELECT id, cardinality(tags) AS n FROM ${table.name} WHERE ${w.small()} = ANY (tags)`;
  }),
  kind(1, (w) => {
    const table = w.table('at');
    return table && `SELECT id, at <= now() AS past FROM ${table.name} ORDER BY at, id`;
  }),
  kind(1, (w) =>
    w.pick('SELECT 1 / 0', 'SELECT nothing', "SELECT 'x'::int", `SELECT 6 / (v - 2) AS q FROM ${w.anyTable().name} WHERE id = ${w.key()}`),
  ),
];
