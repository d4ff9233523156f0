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

/** When a backup was made, as the name says that was given to it here; null for a name that somebody else has given to a file. */
export function timeInName(name: string): Date | null {
  const found = /^backup-(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)-[0-9a-f]{8}\.json$/.exec(name);
  return found === null ? null : new Date(found[1]!);
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
  // Whatever a clock has said when the others were named: the one that has just been written stays.
  const others = (await backupNames(store)).filter((other) => other !== name);
  for (const old of others.slice(0, Math.max(0, others.length - (keep - 1)))) await store.remove(old);
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
