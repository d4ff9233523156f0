import type { Scenario } from '../../../../src/index.js';
import { backupRestore } from './backup-restore.js';
import { cached } from './cached.js';
import { checkOutsideTransaction } from './check-outside-transaction.js';
import { checkThenInsert } from './check-then-insert.js';
import { conditional } from './conditional.js';
import { hurt } from './hurt.js';
import { insertSelect } from './insert-select.js';
import { lockExistingBookings } from './lock-existing-bookings.js';
import { lostUpdate } from './lost-update.js';
import { optimistic } from './optimistic.js';
import { pessimistic } from './pessimistic.js';
import { restoreUnlocked } from './restore-unlocked.js';
import { tornBackup } from './torn-backup.js';
import { uncheckedRowCount } from './unchecked-row-count.js';

/** The variants of the events system: those that hold, those that break, and backup and restore. */
export const eventsVariants: readonly Scenario[] = [
  pessimistic,
  optimistic,
  conditional,
  cached,
  checkThenInsert,
  checkOutsideTransaction,
  lockExistingBookings,
  lostUpdate,
  uncheckedRowCount,
  insertSelect,
  backupRestore,
  tornBackup,
  restoreUnlocked,
  hurt,
];
