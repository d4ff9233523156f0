/** Backups and restores that are interrupted: at every step a client may die, a session end, a statement be given up, the server crash. */
import { describe, expect, test } from 'vitest';
import { eventsBackup } from '../sim/systems/events/backup-format.js';
import { backupRestore as eventsCycle } from '../sim/systems/events/variants/backup-restore.js';
import { hotelInterruptionMonitors } from '../sim/systems/hotel/backup.js';
import { backupRestore as hotelCycle } from '../sim/systems/hotel/variants/backup-restore.js';
import { backupOfTwoHolds } from '../sim/systems/hotel/variants/earlier-backup.js';
import { rentalBackup } from '../sim/systems/rental/backup-format.js';
import { backupRestore as rentalCycle } from '../sim/systems/rental/variants/backup-restore.js';
import { backupWithBooking } from '../sim/systems/rental/variants/earlier-backup.js';
import { restoreInTwoTransactions } from '../sim/systems/rental/variants/restore-in-two-transactions.js';
import { restaurantBackup } from '../sim/systems/restaurant/backup-format.js';
import { savedBackup } from '../sim/systems/restaurant/saved-backup.js';
import { backupRestore as restaurantCycle } from '../sim/systems/restaurant/variants/backup-restore.js';
import { halfWrittenBackup } from '../sim/systems/restaurant/variants/half-written-backup.js';
import { sealDocument } from '../sim/systems/shared/backup/document.js';
import { isBackupName } from '../sim/systems/shared/backup/files.js';
import { hurtWorkloads } from '../sim/systems/shared/hurt.js';
import { interruptionMonitors } from '../sim/systems/shared/monitors/cycle-monitors.js';
import { typedErrors } from '../sim/systems/shared/monitors/typed-errors.js';
import { always, DEFAULT_LIMITS, drawPlans, explorePlan, type Operation, type Role, type Scenario } from '../src/index.js';
import { onServer } from './model-cases.js';

const { postgres } = onServer();

const [backup, restore]: Role[] = ['backup', 'restore'].map((name) => ({ operation: name, input: always({}), name }));

const eventsFile = sealDocument(eventsBackup, new Date(0), {
  tables: {
    events: [{ id: 1, name: 'Opening night', starts_at: '2026-03-01T18:00:00.000Z', total_seats: 2, available_seats: 1, version: 1 }],
    bookings: [{ id: 1, event_id: 1, user_id: 1, seats: 1, status: 'active' }],
  },
  sequences: { events_id_seq: 1, bookings_id_seq: 1 },
});

/** The first rows of each differ from what its earlier backup holds. */
const SYSTEMS: readonly { readonly scenario: Scenario; readonly capacity: number }[] = [
  {
    scenario: {
      ...eventsCycle,
      files: { 'backup-2025-12-31T00:00:00.000Z-00000000.json': eventsFile },
      monitors: [...eventsCycle.monitors!, ...interruptionMonitors(eventsBackup), typedErrors],
    },
    capacity: 2,
  },
  {
    scenario: {
      ...rentalCycle,
      files: backupWithBooking(1),
      monitors: [...rentalCycle.monitors!, ...interruptionMonitors(rentalBackup), typedErrors],
    },
    capacity: 1,
  },
  {
    scenario: { ...hotelCycle, files: backupOfTwoHolds, monitors: [...hotelCycle.monitors!, ...hotelInterruptionMonitors, typedErrors] },
    capacity: 3,
  },
  {
    scenario: {
      ...restaurantCycle,
      files: savedBackup(2),
      monitors: [...restaurantCycle.monitors!, ...interruptionMonitors(restaurantBackup), typedErrors],
    },
    capacity: 2,
  },
];

const explore = (scenario: Scenario, server: boolean) =>
  explorePlan(scenario, drawPlans(scenario, scenario.workloads[0]!, 'READ COMMITTED', {}, '1', 1)[0]!, {
    strategy: 'auto',
    limits: DEFAULT_LIMITS,
    postgres: server ? postgres() : null,
    model: true,
  });

/** Neither waits for anybody: there is nothing to give up. */
const WAYS = ['crash', 'lost', 'dies', 'ended'];
const hurt = (scenario: Scenario, capacity: number, roles: readonly Role[]): readonly Scenario[] =>
  hurtWorkloads('cycle', always(capacity), roles, WAYS).map((workload) => ({ ...scenario, workloads: [workload], requires: ['fault'] }));

describe.each(SYSTEMS)('$scenario.name, interrupted at any step', ({ scenario, capacity }) => {
  const file = Object.entries(scenario.files!).find(([name]) => isBackupName(name));

  test('there is an earlier backup', () => expect(file).toBeDefined());

  test.each(hurt(scenario, capacity, [restore!]))('restore alone, seen on PostgreSQL: $workloads.0.name', async (interrupted) => {
    const { verdict, witnesses } = await explore(interrupted, true);
    expect({ verdict, hurt: Number(witnesses.fault) > 0 }).toEqual({ verdict: 'proved', hurt: true });
  });

  test.each(hurt(scenario, capacity, [backup!, restore!]))('restore beside a backup: $workloads.0.name', async (interrupted) => {
    const { verdict, witnesses } = await explore(interrupted, false);
    expect({ verdict, hurt: Number(witnesses.fault) > 0 }).toEqual({ verdict: 'explored', hurt: true });
  });
});

describe('what interrupts shows', () => {
  test('a restore in two transactions, of which the first alone stays', async () => {
    const monitors = interruptionMonitors(rentalBackup);
    const [crash] = hurt({ ...restoreInTwoTransactions, monitors, invariants: [] }, 1, [restore!]);
    const { verdict, failure } = await explore(crash!, true);
    expect(verdict).toBe('violated');
    expect(failure!.invariant).toBe('whole-restores');
  });

  test('a backup that makes room for itself first', async () => {
    const monitors = interruptionMonitors(rentalBackup);
    const makesRoom: Operation = async (context, input) => {
      for (const name of await context.store.list()) await context.store.remove(name);
      return rentalCycle.operations.backup!(context, input);
    };
    const operations = { ...rentalCycle.operations, backup: makesRoom };
    const [crash] = hurt({ ...rentalCycle, files: backupWithBooking(1), operations, monitors, invariants: [] }, 1, [backup!]);
    const { verdict, failure } = await explore(crash!, false);
    expect(verdict).toBe('violated');
    expect(failure!.invariant).toBe('whole-backups');
  });

  test('a backup that is written under its own name', async () => {
    const monitors = interruptionMonitors(restaurantBackup);
    const [crash] = hurt({ ...halfWrittenBackup, monitors, invariants: [] }, 1, [backup!]);
    const { verdict, failure } = await explore(crash!, false);
    expect(verdict).toBe('violated');
    expect(failure!.invariant).toBe('whole-backups');
  });
});
