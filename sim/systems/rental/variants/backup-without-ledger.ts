import { restoreOf } from '../../shared/backup/restore.js';
import { restored } from '../../shared/monitors/cycle-witnesses.js';
import { rentalBackup } from '../backup-format.js';
import { createBooking } from '../create-booking.js';
import { schemaWithoutForeignKeys } from '../schema.js';
import { ledger } from '../strategies.js';
import { recovery } from '../workloads.js';
import { defineRental } from './define.js';
import { earlierBackup } from './earlier-backup.js';

/** The ledger was added to the schema, and not to what is backed up and restored. */
const [packages, bookings] = rentalBackup.tables;
const withoutLedger = { ...rentalBackup, tables: [packages, bookings] };

export const backupWithoutLedger = defineRental({
  name: 'rental/backup-without-ledger',
  description:
    'The backup leaves the ledger out: after a restore it stands beside bookings of another time. No foreign keys, which would refuse.',
  schema: schemaWithoutForeignKeys,
  files: earlierBackup(withoutLedger, { packages: [{ id: 1, name: 'Camera kit', capacity: 1 }], bookings: [] }),
  operations: {
    createBooking: createBooking(ledger, { attempts: 2 }),
    restore: restoreOf(withoutLedger, { attempts: 1 }),
  },
  workloads: [recovery],
  witnesses: [restored],
  requires: ['overlap', restored.name],
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated' },
  zoo: {
    class: 'backup without a table that belongs to it',
    anomaly: 'ledger and bookings of different moments',
    leastActors: 2,
    seenIn: 'opendigitalproductfactory#742',
    fix: 'rental/backup-restore',
  },
});
