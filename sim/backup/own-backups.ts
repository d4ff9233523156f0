import { isRejection, type Store } from '../../src/index.js';
import { openDocument } from '../systems/shared/backup/document.js';
import { isBackupName, timeInName } from '../systems/shared/backup/files.js';
import type { BackupFormat } from '../systems/shared/backup/format.js';

/**
 * Shows of the backups in a store only those that were written here and are whole: retention, which goes by what is listed, then removes no other file,
 * whatever it is called. A copy under a name of one's own stays, and so does what is damaged.
 */
export function ownBackups(inner: Store, format: BackupFormat): Store {
  const isOurs = async (name: string): Promise<boolean> => {
    if (timeInName(name) === null) return false;
    const text = await inner.read(name);
    return text !== null && !isRejection(openDocument(format, text));
  };
  return {
    read: (name) => inner.read(name),
    write: (name, content) => inner.write(name, content),
    rename: (from, to) => inner.rename(from, to),
    remove: (name) => inner.remove(name),
    list: async () => {
      const shown: string[] = [];
      for (const name of await inner.list()) if (!isBackupName(name) || (await isOurs(name))) shown.push(name);
      return shown;
    },
  };
}
