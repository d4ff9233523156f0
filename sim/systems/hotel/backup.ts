import type { Operation } from '../../../src/index.js';
import { backupOf } from '../shared/backup/backup.js';
import type { BackupFormat } from '../shared/backup/format.js';
import { replaceContents } from '../shared/backup/replace-contents.js';
import { type Open, openNewest, restoreWith, underLock } from '../shared/backup/restore.js';
import type { Tables } from '../shared/monitors/cycle.js';
import { cycleMonitors, interruptionMonitors } from '../shared/monitors/cycle-monitors.js';
import * as cycle from '../shared/monitors/cycle-witnesses.js';
import type { RetryOptions } from '../shared/retry.js';
import { hotelBackup } from './backup-format.js';
import { withoutExpiredHolds } from './sweep-document.js';

/** Writes inventory, holds, bookings and details to one file, in one snapshot. */
export const backup = backupOf.bind(null, hotelBackup);

/**
 * Puts the whole system back to the newest backup, under table locks, and ends in the same transaction what has expired since. The
 * clock is read when the locks are there: a restore may wait for long.
 */
export function restore(options: RetryOptions = {}, open: Open = openNewest): Operation {
  return (context, input) => {
    const replaceSwept = underLock((client, format: BackupFormat, document) =>
      replaceContents(client, format, withoutExpiredHolds(document, context.clock.now())),
    );
    return restoreWith(hotelBackup, replaceSwept, options, open)(context, input);
  };
}

/** What a sweep may change: which of the holds that were not ended otherwise are still active, and the count of their rooms. */
export function sweepAside(tables: Tables): Tables {
  return {
    ...tables,
    room_inventory: (tables.room_inventory ?? []).map(({ tentative_count: _count, ...night }) => night),
    booking_holds: (tables.booking_holds ?? []).map((hold) => ({ ...hold, status: hold.status === 'expired' ? 'active' : hold.status })),
  };
}

export const hotelInterruptionMonitors = interruptionMonitors(hotelBackup, sweepAside);
export const hotelCycleMonitors = cycleMonitors(hotelBackup, sweepAside);

export const guestWaitsDuringRestore = cycle.bookerWaitsDuringRestore('confirmHold');
