import { isRejection, type Monitor } from '../../../src/index.js';
import { openDocument } from '../shared/backup/document.js';
import { acknowledgedBookings } from '../shared/monitors/acknowledged-bookings.js';
import { acknowledgedIds } from '../shared/monitors/acknowledged-ids.js';
import { backupContent } from '../shared/monitors/backup-content.js';
import type { CycleOptions, Tables } from '../shared/monitors/cycle.js';
import { restoreContent } from '../shared/monitors/restore-content.js';
import { versionsGrow } from '../shared/monitors/versions-grow.js';
import { eventsBackup } from './backup-format.js';

const cycle: CycleOptions = {
  backup: 'backup',
  restore: 'restore',
  tables: eventsBackup.tables.map(({ name }) => name),
  parse: (text) => {
    const document = openDocument(eventsBackup, text);
    return isRejection(document) ? null : document.tables;
  },
  comparable: withoutVersions,
  bookings: 'bookings',
  acknowledged: (value) => {
    const id = (value as { readonly bookingId?: unknown } | null | undefined)?.bookingId;
    return typeof id === 'number' ? id : null;
  },
};

/** What must be true across backup and restore, over and above the invariants of every committed state. */
export const cycleMonitors: readonly Monitor[] = [
  backupContent(cycle),
  restoreContent(cycle),
  acknowledgedIds(cycle),
  acknowledgedBookings(cycle),
  versionsGrow({ restore: 'restore', table: 'events', column: 'version' }),
];

/** Versions only grow: a restore raises them and does not bring them back. */
function withoutVersions(tables: Tables): Tables {
  return { ...tables, events: (tables.events ?? []).map(({ version: _version, ...event }) => event) };
}
