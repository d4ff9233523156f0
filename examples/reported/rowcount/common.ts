// simstudioai/sim#4289: a BEFORE INSERT trigger reads the count, compares, and adds one.
// npm run sim -- --scenario ./examples/reported/rowcount/buggy.ts (or fixed.ts)
import { always, defineScenario, type Invariant, integer, type Operation, record, type Scenario } from 'lastseat';

export const tables = `
  CREATE TABLE table_definitions (
    id text PRIMARY KEY,
    workspace_id text NOT NULL,
    name text NOT NULL,
    schema jsonb NOT NULL,
    row_count integer NOT NULL DEFAULT 0,
    max_rows integer NOT NULL DEFAULT 10000,
    archived_at timestamp
  );
  CREATE UNIQUE INDEX table_definitions_name_unique ON table_definitions (workspace_id, name) WHERE archived_at IS NULL;
  CREATE TABLE table_rows (
    id text PRIMARY KEY,
    table_id text NOT NULL REFERENCES table_definitions (id) ON DELETE CASCADE,
    data jsonb NOT NULL,
    position integer NOT NULL DEFAULT 0,
    created_at timestamp NOT NULL DEFAULT now()
  );
  CREATE INDEX table_rows_table_position ON table_rows (table_id, position);
`;
const decrement = `
  CREATE FUNCTION decrement_row_count() RETURNS trigger AS $$
  BEGIN
    UPDATE table_definitions SET row_count = GREATEST(row_count - 1, 0) WHERE id = OLD.table_id;
    RETURN OLD;
  END;
  $$ LANGUAGE plpgsql;
  CREATE TRIGGER table_rows_delete AFTER DELETE ON table_rows FOR EACH ROW EXECUTE FUNCTION decrement_row_count();
`;
export const triggersBuggy = `
  CREATE FUNCTION increment_row_count() RETURNS trigger AS $$
  DECLARE
    current_count integer;
    max_allowed integer;
  BEGIN
    SELECT row_count, max_rows INTO current_count, max_allowed FROM table_definitions WHERE id = NEW.table_id;
    IF current_count >= max_allowed THEN
      RAISE EXCEPTION 'Maximum row limit (%) reached for table %', max_allowed, NEW.table_id;
    END IF;
    UPDATE table_definitions SET row_count = row_count + 1 WHERE id = NEW.table_id;
    RETURN NEW;
  END;
  $$ LANGUAGE plpgsql;
  CREATE TRIGGER table_rows_insert BEFORE INSERT ON table_rows FOR EACH ROW EXECUTE FUNCTION increment_row_count();
${decrement}`;
export const triggersFixed = `
  CREATE FUNCTION increment_row_count() RETURNS trigger AS $$
  BEGIN
    UPDATE table_definitions SET row_count = row_count + 1 WHERE id = NEW.table_id AND row_count < max_rows;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'Maximum row limit reached for table %', NEW.table_id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
  END;
  $$ LANGUAGE plpgsql;
  CREATE TRIGGER table_rows_insert BEFORE INSERT ON table_rows FOR EACH ROW EXECUTE FUNCTION increment_row_count();
${decrement}`;

export const seed = ({ capacity }: { readonly capacity: number }) => `
  INSERT INTO table_definitions (id, workspace_id, name, schema, row_count, max_rows) VALUES ('tbl_1', 'ws_1', 'People', '{"columns":[{"name":"n","type":"number"}]}', 0, ${capacity});`;

interface Add {
  readonly table: string;
}
const full = (error: unknown): unknown => {
  if (error instanceof Error && /row limit/.test(error.message))
    return { rejected: true, code: 'TABLE_FULL', status: 400, message: error.message };
  throw error;
};
/** Auto-position: max + 1; with the advisory lock of the fix, or without. */
export const insertRow =
  (locked: boolean): Operation =>
  async ({ client, random }, { table }: Add) => {
    const id = `row_${random.uuid().replaceAll('-', '')}`;
    await client.query('begin');
    try {
      if (locked) {
        await client.query(`select pg_advisory_xact_lock(hashtextextended($1, 0))`, [`user_table_rows_pos:${table}`]);
      }
      const { rows } = await client.query<{ p: number }>(
        `select coalesce(max("position"), -1)::int as p from "table_rows" where "table_rows"."table_id" = $1`,
        [table],
      );
      await client.query(
        `insert into "table_rows" ("id", "table_id", "data", "position", "created_at") values ($1, $2, $3, $4, default) returning "id"`,
        [id, table, JSON.stringify({ n: 1 }), rows[0]!.p + 1],
      );
      await client.query('commit');
      return { id };
    } catch (error) {
      await client.query('rollback');
      return full(error);
    }
  };
/** The same without triggers: what the triggers do, in the application. */
export const insertRowInline =
  (atomic: boolean, plainLock = false): Operation =>
  async ({ client, random }, { table }: Add) => {
    const id = `row_${random.uuid().replaceAll('-', '')}`;
    await client.query('begin');
    try {
      if (atomic) {
        if (plainLock) await client.query(`select pg_advisory_xact_lock($1)`, [4711]);
        else await client.query(`select pg_advisory_xact_lock(hashtextextended($1, 0))`, [`user_table_rows_pos:${table}`]);
      }
      const { rows } = await client.query<{ p: number }>(
        `select coalesce(max("position"), -1)::int as p from "table_rows" where "table_rows"."table_id" = $1`,
        [table],
      );
      if (atomic) {
        const { rowCount } = await client.query(
          `update table_definitions set row_count = row_count + 1 where id = $1 and row_count < max_rows`,
          [table],
        );
        if (rowCount === 0) throw new Error('row limit');
      } else {
        const {
          rows: [found],
        } = await client.query<{ row_count: number; max_rows: number }>(`select row_count, max_rows from table_definitions where id = $1`, [
          table,
        ]);
        if (found!.row_count >= found!.max_rows) throw new Error('row limit');
        await client.query(`update table_definitions set row_count = row_count + 1 where id = $1`, [table]);
      }
      await client.query(
        `insert into "table_rows" ("id", "table_id", "data", "position", "created_at") values ($1, $2, $3, $4, default) returning "id"`,
        [id, table, JSON.stringify({ n: 1 }), rows[0]!.p + 1],
      );
      await client.query('commit');
      return { id };
    } catch (error) {
      await client.query('rollback');
      return full(error);
    }
  };
export const deleteRow: Operation = async ({ client }, { table }: Add) => {
  const { rowCount } = await client.query(
    `delete from "table_rows" where "id" in (select "id" from "table_rows" where "table_id" = $1 order by "position" limit 1)`,
    [table],
  );
  return { deleted: rowCount };
};

const invariants: Invariant[] = [
  {
    name: 'max-rows',
    sql: `SELECT 'table ' || d.id AS resource, 'more rows than allowed' AS message, count(r.id)::int AS usage, d.max_rows AS capacity
            FROM table_definitions d JOIN table_rows r ON r.table_id = d.id GROUP BY d.id HAVING count(r.id) > d.max_rows`,
  },
  {
    name: 'count-is-right',
    sql: `SELECT 'table ' || d.id AS resource, 'row_count is ' || d.row_count || ', rows are ' || count(r.id) AS message
            FROM table_definitions d LEFT JOIN table_rows r ON r.table_id = d.id GROUP BY d.id HAVING count(r.id) <> d.row_count`,
  },
  {
    name: 'one-row-a-position',
    sql: `SELECT 'position ' || position AS resource, count(*) || ' rows' AS message FROM table_rows GROUP BY table_id, position HAVING count(*) > 1`,
  },
];
export const scenario = (name: string, rest: Pick<Scenario, 'description' | 'operations' | 'expect' | 'schema'>, positions = true) =>
  defineScenario({
    name: `rowcount/${name}`,
    seed,
    workloads: [
      {
        name: 'fill',
        capacity: integer(1, 2),
        roles: [{ operation: 'insert', min: 2, max: 3, input: record({ table: always('tbl_1') }) }],
      },
    ],
    invariants: positions ? invariants : invariants.slice(0, 2),
    ...rest,
  });
