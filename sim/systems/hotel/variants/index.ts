import type { Scenario } from '../../../../src/index.js';
import { backupRestore } from './backup-restore.js';
import { cancellation } from './cancellation.js';
import { checkOutsideTransaction } from './check-outside-transaction.js';
import { checkedCounts } from './checked-counts.js';
import { checkoutInclusive } from './checkout-inclusive.js';
import { confirmExpired } from './confirm-expired.js';
import { confirmUnlocked } from './confirm-unlocked.js';
import { counted } from './counted.js';
import { doubleCancel } from './double-cancel.js';
import { doubleConfirm } from './double-confirm.js';
import { doubleRelease } from './double-release.js';
import { endsOfHolds } from './ends-of-holds.js';
import { holds } from './holds.js';
import { hurt } from './hurt.js';
import { lockFirstNight } from './lock-first-night.js';
import { mixedBackups } from './mixed-backups.js';
import { nights } from './nights.js';
import { requestOrder } from './request-order.js';
import { restore } from './restore.js';
import { restoreWithoutSweep } from './restore-without-sweep.js';
import { staleGuard } from './stale-guard.js';
import { sweeperSkipLocked } from './sweeper-skip-locked.js';
import { sweeperUnguarded } from './sweeper-unguarded.js';
import { tornBackup } from './torn-backup.js';
import { twoTransactions } from './two-transactions.js';
import { uniqueBooking } from './unique-booking.js';

/** The variants of the hotel system: those that hold, those that break, and backup and restore. */
export const hotelVariants: readonly Scenario[] = [
  holds,
  nights,
  endsOfHolds,
  cancellation,
  uniqueBooking,
  checkedCounts,
  counted,
  backupRestore,
  restore,
  staleGuard,
  lockFirstNight,
  requestOrder,
  checkoutInclusive,
  confirmUnlocked,
  checkOutsideTransaction,
  confirmExpired,
  doubleConfirm,
  doubleRelease,
  doubleCancel,
  twoTransactions,
  sweeperUnguarded,
  sweeperSkipLocked,
  tornBackup,
  mixedBackups,
  restoreWithoutSweep,
  hurt,
];
