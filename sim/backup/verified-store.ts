import { isRejection, type Store } from '../../src/index.js';
import { openDocument } from '../systems/shared/backup/document.js';
import type { BackupFormat } from '../systems/shared/backup/format.js';
import { UsageError } from '../usage-error.js';

/** Refuses to write a backup that a restore would refuse: retention would go on to remove older ones for it. */
export function verifiedStore(inner: Store, format: BackupFormat): Store {
  return {
    read: (name) => inner.read(name),
    rename: (from, to) => inner.rename(from, to),
    remove: (name) => inner.remove(name),
    list: () => inner.list(),
    write: async (name, content) => {
      const document = openDocument(format, content);
      if (isRejection(document))
        throw new UsageError(
          `what the database holds could not be restored: ${document.message}`,
          'Usual cause: rows that were written while a foreign key was missing. Mend them, then the same again',
        );
      await inner.write(name, content);
    },
  };
}
