import { isRejection, type Monitor, type Rejection } from '../../../../src/index.js';
import { openDocument } from '../backup/document.js';
import { type BackupDocument, type BackupFormat, idColumn } from '../backup/format.js';
import { acknowledgedBookings } from './acknowledged-bookings.js';
import { acknowledgedIds } from './acknowledged-ids.js';
import { backupContent } from './backup-content.js';
import { type CycleOptions, idIn, type Tables } from './cycle.js';
import { wholeBackups, wholeRestores } from './interrupted.js';
import { restoreContent } from './restore-content.js';
import { versionsGrow } from './versions-grow.js';

/** Reads a backup's text. */
type OpenText = (format: BackupFormat, text: string) => BackupDocument | Rejection;

/**
 * What must be true across backup and restore, over and above the invariants of every committed state. A restore may change versions,
 * and what `aside` takes out.
 */
export function cycleMonitors(format: BackupFormat, aside?: (tables: Tables) => Tables, open?: OpenText): readonly Monitor[] {
  const cycle = cycleOf(format, aside, open);
  return [
    backupContent(cycle),
    restoreContent(cycle),
    acknowledgedIds(cycle),
    acknowledgedBookings(cycle),
    ...versionsOf(format).map((counter) => versionsGrow({ restore: 'restore', ...counter })),
  ];
}

/** Besides, where backups and restores are interrupted: what they leave. */
export function interruptionMonitors(format: BackupFormat, aside?: (tables: Tables) => Tables, open?: OpenText): readonly Monitor[] {
  const cycle = cycleOf(format, aside, open);
  return [wholeBackups(cycle), wholeRestores(cycle)];
}

const versionsOf = (format: BackupFormat) =>
  format.tables.flatMap(({ name, version }) => (version === undefined ? [] : [{ table: name, column: version }]));

function cycleOf(
  format: BackupFormat,
  aside: (tables: Tables) => Tables = (tables) => tables,
  open: OpenText = openDocument,
): CycleOptions {
  return {
    backup: 'backup',
    restore: 'restore',
    tables: format.tables.map(({ name }) => name),
    parse: (text) => {
      const document = open(format, text);
      return isRejection(document) ? null : document.tables;
    },
    comparable: (tables) => versionsOf(format).reduce(without, aside(tables)),
    bookings: { table: 'bookings', column: idColumn(format.tables.find(({ name }) => name === 'bookings')!)! },
    acknowledged: idIn('bookingId'),
  };
}

/** Versions only grow: a restore raises them and does not bring them back. */
function without(tables: Tables, { table, column }: { readonly table: string; readonly column: string }): Tables {
  return { ...tables, [table]: (tables[table] ?? []).map(({ [column]: _version, ...row }) => row) };
}
