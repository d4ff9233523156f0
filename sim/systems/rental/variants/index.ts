import type { Scenario } from '../../../../src/index.js';
import { advisoryReleasedEarly } from './advisory-released-early.js';
import { advisorySession } from './advisory-session.js';
import { advisoryWrongKey } from './advisory-wrong-key.js';
import { advisoryXact } from './advisory-xact.js';
import { backupRestore } from './backup-restore.js';
import { backupWithoutLedger } from './backup-without-ledger.js';
import { capacityLowered } from './capacity-lowered.js';
import { checkThenInsert } from './check-then-insert.js';
import { confirmReactivates } from './confirm-reactivates.js';
import { doubleCancel } from './double-cancel.js';
import { forShare } from './for-share.js';
import { halfOpenRange } from './half-open-range.js';
import { hurt } from './hurt.js';
import { latePayment } from './late-payment.js';
import { ledger } from './ledger.js';
import { ledgerForgotten } from './ledger-forgotten.js';
import { ledgerOnly } from './ledger-only.js';
import { legacyBookings } from './legacy-bookings.js';
import { lockWrongRow } from './lock-wrong-row.js';
import { mixedBackups } from './mixed-backups.js';
import { mixedLevels } from './mixed-levels.js';
import { noKeyUpdate } from './no-key-update.js';
import { readBeforeLock } from './read-before-lock.js';
import { restoreInTwoTransactions } from './restore-in-two-transactions.js';
import { restoreTruncate } from './restore-truncate.js';
import { restoreUnlocked } from './restore-unlocked.js';
import { restoreUpsert } from './restore-upsert.js';
import { retryWriteOnly } from './retry-write-only.js';
import { sequenceMovedBack } from './sequence-moved-back.js';
import { sequencesNotMoved } from './sequences-not-moved.js';
import { serializable } from './serializable.js';
import { tableLock } from './table-lock.js';
import { tornBackup } from './torn-backup.js';
import { writeLock } from './write-lock.js';

/** The variants of the rental system: those that hold, those that break, and backup and restore. */
export const rentalVariants: readonly Scenario[] = [
  ledger,
  noKeyUpdate,
  writeLock,
  advisoryXact,
  advisorySession,
  tableLock,
  serializable,
  latePayment,
  legacyBookings,
  checkThenInsert,
  lockWrongRow,
  forShare,
  readBeforeLock,
  advisoryReleasedEarly,
  advisoryWrongKey,
  halfOpenRange,
  retryWriteOnly,
  mixedLevels,
  confirmReactivates,
  doubleCancel,
  ledgerForgotten,
  ledgerOnly,
  capacityLowered,
  backupRestore,
  tornBackup,
  backupWithoutLedger,
  mixedBackups,
  restoreUnlocked,
  restoreInTwoTransactions,
  restoreUpsert,
  restoreTruncate,
  sequencesNotMoved,
  sequenceMovedBack,
  hurt,
];
