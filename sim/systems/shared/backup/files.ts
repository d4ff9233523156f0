import type { Clock, Random, Store } from '../../../../src/index.js';

const prefix = 'backup-';
const suffix = '.json';

/** Sorts by time; the random end keeps two backups of the same millisecond from writing to one file. */
export function newBackupName(clock: Clock, random: Random): string {
  return `${prefix}${clock.now().toISOString()}-${random.uuid().slice(0, 8)}${suffix}`;
}

export function isBackupName(name: string): boolean {
  return name.startsWith(prefix) && name.endsWith(suffix);
}

/**
 * Writes under a temporary name and renames, so that nobody ever finds half a backup under a backup's name, and only then removes
 * what is older than the newest `keep`: a backup that fails costs no earlier one.
 */
export async function saveBackup(store: Store, name: string, text: string, keep: number): Promise<void> {
  const temporary = `${name}.tmp`;
  try {
    await store.write(temporary, text);
    await store.rename(temporary, name);
  } catch (error) {
    await removeQuietly(store, temporary);
    throw error;
  }
  for (const old of (await backupNames(store)).slice(0, -keep)) await store.remove(old);
}

/** The newest backup that can still be read: retention may remove one between the listing and the reading. */
export async function newestBackup(store: Store): Promise<{ readonly name: string; readonly text: string } | null> {
  for (const name of (await backupNames(store)).reverse()) {
    const text = await store.read(name);
    if (text !== null) return { name, text };
  }
  return null;
}

async function backupNames(store: Store): Promise<string[]> {
  return (await store.list()).filter(isBackupName).sort();
}

async function removeQuietly(store: Store, name: string): Promise<void> {
  try {
    await store.remove(name);
  } catch {
    // What went wrong with the writing is the error to tell; a temporary file that stays is never taken for a backup.
  }
}
