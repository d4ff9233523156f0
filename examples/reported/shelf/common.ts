// Shelf-nu/shelf.nu#2974: the foreign key's FOR KEY SHARE is taken before FOR UPDATE on the same booking: two such transactions deadlock, and
// the membership, which an earlier transaction has committed, stays without its booking.
// Prisma writes RETURNING "public"."AssetKit"."id" and WHERE ("public"."Booking"."id" = ...).
// npm run sim -- --scenario ./examples/reported/shelf/buggy.ts (or fixed.ts)
import { always, type Client, defineScenario, type Monitor, type Operation, record, type Scenario, type StepEvent } from 'lastseat';

export const schema = `
  CREATE TYPE "BookingStatus" AS ENUM ('DRAFT', 'RESERVED', 'ONGOING', 'OVERDUE', 'COMPLETE', 'CANCELLED');
  CREATE TABLE "Kit" ("id" TEXT NOT NULL, "name" TEXT NOT NULL, CONSTRAINT "Kit_pkey" PRIMARY KEY ("id"));
  CREATE TABLE "Asset" ("id" TEXT NOT NULL, "title" TEXT NOT NULL, "quantity" INTEGER, CONSTRAINT "Asset_pkey" PRIMARY KEY ("id"));
  CREATE TABLE "AssetKit" (
    "id" TEXT NOT NULL, "assetId" TEXT NOT NULL, "kitId" TEXT NOT NULL, "quantity" INTEGER NOT NULL DEFAULT 1,
    CONSTRAINT "AssetKit_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "AssetKit_assetId_fkey" FOREIGN KEY ("assetId") REFERENCES "Asset" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "AssetKit_kitId_fkey" FOREIGN KEY ("kitId") REFERENCES "Kit" ("id") ON DELETE CASCADE ON UPDATE CASCADE
  );
  CREATE UNIQUE INDEX "AssetKit_assetId_kitId_key" ON "AssetKit" ("assetId", "kitId");
  CREATE TABLE "Booking" (
    "id" TEXT NOT NULL, "name" TEXT NOT NULL, "status" "BookingStatus" NOT NULL DEFAULT 'DRAFT',
    "from" TIMESTAMP(3), "to" TIMESTAMP(3), "updatedAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "Booking_pkey" PRIMARY KEY ("id")
  );
  CREATE TABLE "BookingKit" ("bookingId" TEXT NOT NULL REFERENCES "Booking" ("id"), "kitId" TEXT NOT NULL REFERENCES "Kit" ("id"), PRIMARY KEY ("bookingId", "kitId"));
  CREATE TABLE "BookingAsset" (
    "id" TEXT NOT NULL, "bookingId" TEXT NOT NULL, "assetId" TEXT NOT NULL, "assetKitId" TEXT,
    CONSTRAINT "BookingAsset_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "BookingAsset_bookingId_fkey" FOREIGN KEY ("bookingId") REFERENCES "Booking" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "BookingAsset_assetId_fkey" FOREIGN KEY ("assetId") REFERENCES "Asset" ("id") ON DELETE CASCADE ON UPDATE CASCADE
  );
  CREATE UNIQUE INDEX "BookingAsset_bookingId_assetId_key" ON "BookingAsset" ("bookingId", "assetId");
`;
export const seed = () => `
  INSERT INTO "Kit" VALUES ('k1', 'Camera'), ('k2', 'Sound');
  INSERT INTO "Asset" VALUES ('a1', 'Lens', NULL), ('a2', 'Boom', NULL);
  INSERT INTO "Booking" ("id", "name", "status", "from", "to") VALUES ('b1', 'Shoot', 'ONGOING', '2026-01-01', '2026-01-03');
  INSERT INTO "BookingKit" VALUES ('b1', 'k1'), ('b1', 'k2');
`;
async function $transaction<T>(client: Client, work: () => Promise<T>): Promise<T> {
  await client.query('BEGIN');
  try {
    const value = await work();
    await client.query('COMMIT');
    return value;
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}
interface Add {
  readonly kit: string;
  readonly asset: string;
}
const lockBooking = (client: Client, id: string) =>
  client.query<{ status: string }>(`SELECT "status" FROM "Booking" WHERE "id" = $1 FOR UPDATE`, [id]);

export const addAssetToKit =
  (lockFirst: boolean): Operation =>
  async ({ client, random }, { kit, asset }: Add) => {
    // First transaction: membership. What is already a member is not new.
    const added = await $transaction(client, async () => {
      const { rows } = await client.query(
        `SELECT "public"."AssetKit"."id" FROM "public"."AssetKit" WHERE ("public"."AssetKit"."assetId" = $1 AND "public"."AssetKit"."kitId" = $2) OFFSET $3`,
        [asset, kit, 0],
      );
      if (rows.length > 0) return null;
      const id = random.uuid();
      await client.query(`INSERT INTO "public"."AssetKit" ("id","assetId","kitId","quantity") VALUES ($1,$2,$3,$4) RETURNING "id"`, [
        id,
        asset,
        kit,
        1,
      ]);
      return id;
    });
    const { rows: bookings } = await client.query<{ id: string }>(
      `SELECT "public"."Booking"."id" FROM "public"."Booking" WHERE ("public"."Booking"."status" IN (CAST($1::text AS "public"."BookingStatus"),CAST($2::text AS "public"."BookingStatus")) AND ("public"."Booking"."id") IN (SELECT "t1"."bookingId" FROM "public"."BookingKit" AS "t1" WHERE "t1"."kitId" = $3)) ORDER BY "public"."Booking"."id" ASC`,
      ['ONGOING', 'RESERVED', kit],
    );
    if (added === null || bookings.length === 0) return { added: asset, propagated: 0 };
    // Second transaction: into the bookings that the kit is in.
    try {
      await $transaction(client, async () => {
        if (lockFirst) for (const { id } of bookings) await lockBooking(client, id);
        for (const { id } of bookings)
          await client.query(
            `INSERT INTO "public"."BookingAsset" ("id","bookingId","assetId","assetKitId") VALUES ($1,$2,$3,$4) ON CONFLICT DO NOTHING RETURNING "id"`,
            [random.uuid(), id, asset, added],
          );
        if (!lockFirst) for (const { id } of bookings) await lockBooking(client, id);
        for (const { id } of bookings)
          await client.query(`UPDATE "public"."Booking" SET "updatedAt" = $1 WHERE ("id" = $2 AND 1=1)`, ['2026-01-01 00:00:00', id]);
      });
    } catch (error) {
      if ((error as { code?: string }).code !== '40P01') throw error;
      return { rejected: true, code: 'SOMETHING_WENT_WRONG', status: 500, message: 'Something went wrong while adding assets' };
    }
    return { added: asset, propagated: bookings.length };
  };
/** When nobody is at work any more, what is in the kit is in its live bookings. */
const propagated: Monitor = {
  name: 'kit-and-booking-agree',
  initial: () => ({ begun: 0, ended: 0 }),
  observe: (at: { begun: number; ended: number }, { first, finished }: StepEvent) => ({
    begun: at.begun + (first ? 1 : 0),
    ended: at.ended + (finished === null ? 0 : 1),
  }),
  violations: (at: { begun: number; ended: number }, { tables }) =>
    at.begun > at.ended || at.begun === 0
      ? []
      : tables.AssetKit!.flatMap(({ assetId, kitId }) =>
          tables
            .BookingKit!.filter((of) => of.kitId === kitId)
            .filter(({ bookingId }) => !tables.BookingAsset!.some((of) => of.bookingId === bookingId && of.assetId === assetId))
            .map(({ bookingId }) => ({
              resource: `booking ${bookingId}`,
              message: `asset ${assetId} is in kit ${kitId}, and not in the booking`,
            })),
        ),
};
export const scenario = (name: string, rest: Pick<Scenario, 'description' | 'operations' | 'expect' | 'requires'>) =>
  defineScenario({
    name: `shelf/${name}`,
    schema,
    seed,
    workloads: [
      {
        name: 'two-kits',
        capacity: always(1),
        roles: [
          { operation: 'add', name: 'ann', input: record({ kit: always('k1'), asset: always('a1') }) },
          { operation: 'add', name: 'ben', input: record({ kit: always('k2'), asset: always('a2') }) },
        ],
      },
    ],
    invariants: [],
    monitors: [propagated],
    ...rest,
  });
