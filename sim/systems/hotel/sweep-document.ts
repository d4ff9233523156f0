import type { BackupDocument, BackupRow } from '../shared/backup/format.js';
import { type HoldRow, hasExpired, holdOf } from './holds.js';
import { nightsOf } from './nights.js';

/**
 * The same backup with the holds that have expired by now ended, and their rooms given back. A backup is older than some of its
 * holds can last: brought back as they were, they would keep rooms from guests until a sweeper comes by, and could be confirmed by
 * nobody.
 */
export function withoutExpiredHolds({ tables, ...rest }: BackupDocument, now: Date): BackupDocument {
  const expired = holdsIn(tables.booking_holds!).filter((hold) => hold.status === 'active' && hasExpired(hold, now));
  const ids = new Set(expired.map(({ id }) => id));
  const freed = freedRooms(expired);
  return {
    ...rest,
    tables: {
      ...tables,
      booking_holds: tables.booking_holds!.map((row) => (ids.has(Number(row.id)) ? { ...row, status: 'expired' } : row)),
      room_inventory: tables.room_inventory!.map((row) => {
        const rooms = freed.get(nightKey(Number(row.room_type_id), String(row.date))) ?? 0;
        return { ...row, tentative_count: Number(row.tentative_count) - rooms };
      }),
    },
  };
}

const holdsIn = (rows: readonly BackupRow[]) => rows as unknown as readonly HoldRow[];

const nightKey = (roomTypeId: number, date: string): string => `${roomTypeId} ${date}`;

function freedRooms(holds: readonly HoldRow[]): ReadonlyMap<string, number> {
  const freed = new Map<string, number>();
  for (const hold of holds.map(holdOf))
    for (const date of nightsOf(hold)) {
      const key = nightKey(hold.roomTypeId, date);
      freed.set(key, (freed.get(key) ?? 0) + hold.rooms);
    }
  return freed;
}
