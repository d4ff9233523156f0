import type { Scenario } from '../../../../src/index.js';
import { allTenantsCounted } from './all-tenants-counted.js';
import { backupRestore } from './backup-restore.js';
import { cachedCount } from './cached-count.js';
import { checkThenInsert } from './check-then-insert.js';
import { continuedAfterError } from './continued-after-error.js';
import { crashBetween } from './crash-between.js';
import { deadlockSwallowed } from './deadlock-swallowed.js';
import { halfWrittenBackup } from './half-written-backup.js';
import { hurt } from './hurt.js';
import { idempotentRetry } from './idempotent-retry.js';
import { keyAfterTheWork } from './key-after-the-work.js';
import { keyCheckedFirst } from './key-checked-first.js';
import { keyOverwritten } from './key-overwritten.js';
import { keysNotInBackup } from './keys-not-in-backup.js';
import { lockFailsOpen } from './lock-fails-open.js';
import { lockedRule } from './locked-rule.js';
import { mixedLevels } from './mixed-levels.js';
import { orderedLocks } from './ordered-locks.js';
import { overrideBeforeLock } from './override-before-lock.js';
import { restoreReadCommitted } from './restore-read-committed.js';
import { restoreTwoTransactions } from './restore-two-transactions.js';
import { restoreUnlocked } from './restore-unlocked.js';
import { retryOnlyTheWrite } from './retry-only-the-write.js';
import { retryWithoutKey } from './retry-without-key.js';
import { serializable } from './serializable.js';
import { skipLockedCount } from './skip-locked-count.js';
import { uniqueSeat } from './unique-seat.js';
import { writeSkew } from './write-skew.js';
import { wrongTenantLock } from './wrong-tenant-lock.js';

/** The variants of the restaurant system: those that hold, those that break, and backup and restore. */
export const restaurantVariants: readonly Scenario[] = [
  serializable,
  lockedRule,
  uniqueSeat,
  idempotentRetry,
  orderedLocks,
  checkThenInsert,
  writeSkew,
  mixedLevels,
  retryOnlyTheWrite,
  keyCheckedFirst,
  keyAfterTheWork,
  keyOverwritten,
  retryWithoutKey,
  continuedAfterError,
  skipLockedCount,
  cachedCount,
  overrideBeforeLock,
  wrongTenantLock,
  lockFailsOpen,
  allTenantsCounted,
  deadlockSwallowed,
  crashBetween,
  backupRestore,
  restoreUnlocked,
  restoreReadCommitted,
  restoreTwoTransactions,
  halfWrittenBackup,
  keysNotInBackup,
  hurt,
];
