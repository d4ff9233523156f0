import type { Operation } from '../../src/index.js';
import { nearest } from '../nearest.js';
import type { BackupOptions } from '../systems/shared/backup/backup.js';
import type { BackupDocument, BackupFormat } from '../systems/shared/backup/format.js';
import type { Open } from '../systems/shared/backup/restore.js';
import type { RetryOptions } from '../systems/shared/retry.js';
import { UsageError } from '../usage-error.js';

/** A system that can be backed up and restored. */
export interface StoredSystem {
  readonly name: string;
  readonly format: BackupFormat;
  readonly backup: (options?: BackupOptions) => Operation;
  readonly restore: (options?: RetryOptions, open?: Open) => Operation;
  /** What a restore at that time leaves in the tables, where that is not what the backup holds. */
  readonly asRestored?: (document: BackupDocument, now: Date) => BackupDocument;
}

/** Loaded when somebody asks for them. A new system is one entry here. */
const SYSTEMS: Readonly<Record<string, () => Promise<Omit<StoredSystem, 'name'>>>> = {
  events: async () => ({
    format: (await import('../systems/events/backup-format.js')).eventsBackup,
    ...(await import('../systems/events/backup.js')),
  }),
  rental: async () => ({
    format: (await import('../systems/rental/backup-format.js')).rentalBackup,
    ...(await import('../systems/rental/backup.js')),
  }),
  hotel: async () => ({
    format: (await import('../systems/hotel/backup-format.js')).hotelBackup,
    ...(await import('../systems/hotel/backup.js')),
    asRestored: (await import('../systems/hotel/sweep-document.js')).withoutExpiredHolds,
  }),
  restaurant: async () => ({
    format: (await import('../systems/restaurant/backup-format.js')).restaurantBackup,
    ...(await import('../systems/restaurant/backup.js')),
  }),
};

export const SYSTEM_NAMES: readonly string[] = Object.keys(SYSTEMS);

export async function storedSystem(name: string): Promise<StoredSystem> {
  if (!Object.hasOwn(SYSTEMS, name)) {
    const [meant] = nearest(name, SYSTEM_NAMES);
    const shown = /^[\w-]{1,40}$/.test(name) ? `"${name}"` : 'so';
    throw new UsageError(
      `there is no system called ${shown}`,
      meant === undefined ? `One of ${SYSTEM_NAMES.join(', ')}` : `Did you mean --system ${meant}? There are ${SYSTEM_NAMES.join(', ')}`,
    );
  }
  return { name, ...(await SYSTEMS[name]!()) };
}
