import { backupOf } from '../shared/backup/backup.js';
import { restoreOf } from '../shared/backup/restore.js';
import { eventsBackup } from './backup-format.js';

/** Writes the whole system to one file, in one snapshot. */
export const backup = backupOf.bind(null, eventsBackup);

/** Puts the whole system back to the newest backup, under table locks. */
export const restore = restoreOf.bind(null, eventsBackup);
