// medusajs/medusa#16569, mended in #16575: availability is read, the reservation is made, and the reserved quantity is written back as a literal.
// npm run sim -- --scenario ./examples/reported/medusa/buggy.ts (or fixed.ts)
import { always, type Client, defineScenario, type Invariant, integer, type Operation, record, type Scenario } from 'lastseat';

export const schema = `
  create table if not exists "inventory_item" ("id" text not null, "sku" text null, "created_at" timestamptz not null default now(), "updated_at" timestamptz not null default now(), "deleted_at" timestamptz null, constraint "inventory_item_pkey" primary key ("id"));
  create unique index if not exists "IDX_inventory_item_sku" on "inventory_item" (sku) where deleted_at is null;
  create table if not exists "inventory_level" ("id" text not null, "inventory_item_id" text not null, "location_id" text not null, "stocked_quantity" numeric not null default 0, "reserved_quantity" numeric not null default 0, "incoming_quantity" numeric not null default 0, "raw_stocked_quantity" jsonb null, "raw_reserved_quantity" jsonb null, "metadata" jsonb null, "created_at" timestamptz not null default now(), "updated_at" timestamptz not null default now(), "deleted_at" timestamptz null, constraint "inventory_level_pkey" primary key ("id"));
  create unique index if not exists "IDX_inventory_level_item_location" on "inventory_level" (inventory_item_id, location_id) where deleted_at is null;
  create table if not exists "reservation_item" ("id" text not null, "line_item_id" text null, "location_id" text not null, "quantity" numeric not null, "raw_quantity" jsonb null, "allow_backorder" boolean null default false, "inventory_item_id" text not null, "created_at" timestamptz not null default now(), "updated_at" timestamptz not null default now(), "deleted_at" timestamptz null, constraint "reservation_item_pkey" primary key ("id"));
  alter table if exists "inventory_level" add constraint "inventory_level_inventory_item_id_foreign" foreign key ("inventory_item_id") references "inventory_item" ("id") on update cascade on delete cascade;
  alter table if exists "reservation_item" add constraint "reservation_item_inventory_item_id_foreign" foreign key ("inventory_item_id") references "inventory_item" ("id") on update cascade on delete cascade;
`;
export const seed = ({ capacity }: { readonly capacity: number }) => `
  insert into "inventory_item" ("id", "sku") values ('iitem_1', 'SHIRT');
  insert into "inventory_level" ("id", "inventory_item_id", "location_id", "stocked_quantity", "raw_stocked_quantity", "raw_reserved_quantity") values ('ilev_1', 'iitem_1', 'sloc_1', ${capacity}, '{"value": "${capacity}", "precision": 20}', '{"value": "0", "precision": 20}');`;

async function transaction<R>(client: Client, work: () => Promise<R>): Promise<R> {
  await client.query('begin');
  try {
    const value = await work();
    await client.query('commit');
    return value;
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}
interface Level {
  readonly id: string;
  readonly stocked_quantity: string;
  readonly reserved_quantity: string;
}
const levelsOf = async (client: Client) =>
  (
    await client.query<Level>(
      `select "i0".* from "inventory_level" as "i0" where "i0"."deleted_at" is null and (("i0"."inventory_item_id" = 'iitem_1' and "i0"."location_id" = 'sloc_1')) order by "i0"."id" asc`,
    )
  ).rows;
const setReserved = (client: Client, id: string, to: number) =>
  client.query(
    `update "inventory_level" set "reserved_quantity" = $1, "raw_reserved_quantity" = $2, "updated_at" = $3 where "id" = $4 and "deleted_at" is null`,
    [to, JSON.stringify({ value: String(to), precision: 20 }), '2026-01-01T00:00:00.000Z', id],
  );
export type Lock = 'none' | 'for-update' | 'for-update-timeout';
const lockLevels = async (client: Client, lock: Lock) => {
  if (lock === 'none') return;
  if (lock === 'for-update-timeout') await client.query(`SET LOCAL lock_timeout = '3s'`);
  await client.query(
    `select id from "inventory_level" where inventory_item_id = $1 and location_id = $2 and deleted_at is null order by id for update`,
    ['iitem_1', 'sloc_1'],
  );
};
export const operations = (lock: Lock): Record<string, Operation> => ({
  reserve: ({ client, random }, { quantity }: { quantity: number }) =>
    transaction(client, async () => {
      await lockLevels(client, lock);
      const [level] = await levelsOf(client);
      if (Number(level!.stocked_quantity) - Number(level!.reserved_quantity) < quantity)
        return {
          rejected: true,
          code: 'AVAILABILITY_CONFLICT',
          status: 400,
          message: 'Not enough stock available for item iitem_1 at location sloc_1',
        };
      const id = `resitem_${random.uuid().replaceAll('-', '').toUpperCase().slice(0, 26)}`;
      await client.query(
        `insert into "reservation_item" ("id", "location_id", "inventory_item_id", "quantity", "raw_quantity", "allow_backorder") values ($1, $2, $3, $4, $5, $6) returning "created_at", "updated_at"`,
        [id, 'sloc_1', 'iitem_1', quantity, JSON.stringify({ value: String(quantity), precision: 20 }), false],
      );
      await setReserved(client, level!.id, Number(level!.reserved_quantity) + quantity);
      return { id };
    }),
  cancel: ({ client }, { id }: { id: string }) =>
    transaction(client, async () => {
      await lockLevels(client, lock);
      const { rows } = await client.query<{ quantity: string }>(
        `update "reservation_item" set "deleted_at" = $1 where "id" in ($2) and "deleted_at" is null returning "quantity"`,
        ['2026-01-01T00:00:00.000Z', id],
      );
      if (rows.length === 0) return { deleted: 0 };
      const [level] = await levelsOf(client);
      await setReserved(client, level!.id, Number(level!.reserved_quantity) - Number(rows[0]!.quantity));
      return { deleted: 1 };
    }),
});
const live = `(SELECT coalesce(sum(quantity), 0) FROM reservation_item r WHERE r.inventory_item_id = l.inventory_item_id AND r.location_id = l.location_id AND r.deleted_at IS NULL)`;
const invariants: Invariant[] = [
  {
    name: 'not-oversold',
    sql: `SELECT 'item ' || l.inventory_item_id AS resource, 'more is reserved than in stock' AS message, ${live}::int AS usage, l.stocked_quantity::int AS capacity FROM inventory_level l WHERE ${live} > l.stocked_quantity`,
  },
  {
    name: 'counter-is-right',
    sql: `SELECT 'item ' || l.inventory_item_id AS resource, 'reserved_quantity is ' || l.reserved_quantity || ', reservations add up to ' || ${live} AS message FROM inventory_level l WHERE ${live} <> l.reserved_quantity`,
  },
];
export const scenario = (
  name: string,
  lock: Lock,
  rest: Pick<Scenario, 'description' | 'expect'>,
  faults: Scenario['workloads'][number]['faults'] = [],
) =>
  defineScenario({
    name: `medusa/${name}`,
    schema,
    seed: (parameters) => `${seed(parameters)}
      insert into "reservation_item" ("id", "location_id", "inventory_item_id", "quantity") values ('resitem_0', 'sloc_1', 'iitem_1', 1);
      update "inventory_level" set "reserved_quantity" = 1;`,
    operations: operations(lock),
    workloads: [
      {
        name: 'two',
        capacity: integer(2, 3),
        roles: [{ operation: 'reserve', min: 2, max: 2, input: record({ quantity: integer(1, 2) }) }],
        faults,
      },
      {
        name: 'cancel',
        capacity: integer(1, 2),
        roles: [
          { operation: 'reserve', input: record({ quantity: integer(1, 2) }) },
          { operation: 'cancel', input: always({ id: 'resitem_0' }) },
        ],
        faults,
      },
    ],
    invariants,
    ...rest,
  });
