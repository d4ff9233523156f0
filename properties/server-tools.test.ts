/**
 * Backup and restore with `pg_dump` and `pg_restore`, step by step between bookers, cancellations and sweepers, on a server in a container,
 * where the tools are. The model has no such tools: what is seen here are samples, and no proofs.
 */
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventsBackup } from '../sim/systems/events/backup-format.js';
import { cancelBooking as cancelSeats } from '../sim/systems/events/cancel-booking.js';
import { backupRestore as eventsCycle } from '../sim/systems/events/variants/backup-restore.js';
import { restore as restoreHotel, sweepAside } from '../sim/systems/hotel/backup.js';
import { hotelBackup } from '../sim/systems/hotel/backup-format.js';
import { cancelBooking as cancelRoom } from '../sim/systems/hotel/cancel-booking.js';
import { expireHolds } from '../sim/systems/hotel/expire-holds.js';
import { backupRestore as hotelCycle } from '../sim/systems/hotel/variants/backup-restore.js';
import { rentalBackup } from '../sim/systems/rental/backup-format.js';
import { cancelBooking as cancelRental } from '../sim/systems/rental/cancel-booking.js';
import { backupRestore as rentalCycle } from '../sim/systems/rental/variants/backup-restore.js';
import { restore as restoreRestaurant } from '../sim/systems/restaurant/backup.js';
import { restaurantBackup } from '../sim/systems/restaurant/backup-format.js';
import { cancelBooking as cancelTable } from '../sim/systems/restaurant/cancel-booking.js';
import { backupRestore as restaurantCycle } from '../sim/systems/restaurant/variants/backup-restore.js';
import { archiveOf, openArchive, type ServerTools, sealArchive } from '../sim/systems/shared/backup/archive.js';
import type { BackupFormat } from '../sim/systems/shared/backup/format.js';
import { type Open, restoreOf } from '../sim/systems/shared/backup/restore.js';
import { hurtWorkloads } from '../sim/systems/shared/hurt.js';
import type { Tables } from '../sim/systems/shared/monitors/cycle.js';
import { cycleMonitors, interruptionMonitors } from '../sim/systems/shared/monitors/cycle-monitors.js';
import { typedErrors } from '../sim/systems/shared/monitors/typed-errors.js';
import { PostgresEngine } from '../src/engine/postgres/engine.js';
import { withSession } from '../src/engine/postgres/providers/admin.js';
import { openServer } from '../src/engine/postgres/providers/open.js';
import type { PostgresServer } from '../src/engine/postgres/providers/server.js';
import {
  always,
  DEFAULT_LIMITS,
  drawPlans,
  explorePlan,
  isRejection,
  type Operation,
  type PlanOutcome,
  type Rejection,
  type Role,
  type Scenario,
  type Workload,
} from '../src/index.js';
import { ContainerTools } from './container-tools.js';
import { forbiddenClient, worldAround } from './operations-world.js';

/** Random schedules of a workload, and of one in which somebody is interrupted. */
const RUNS = 8;
const HURT_RUNS = 3;

let server: PostgresServer;
let postgres: PostgresEngine;
let tools: ContainerTools;
/** Why the tools cannot serve this server; empty where they can. */
let unfit = '';

beforeAll(async () => {
  server = await openServer('testcontainers');
  tools = await ContainerTools.beside(server);
  postgres = new PostgresEngine(tools.crashable());
  const major = await tools.major();
  if (major < server.major)
    unfit = `the image has pg_dump ${major} beside PostgreSQL ${server.major}; LASTSEAT_POSTGRES_IMAGE names another`;
}, 120_000);

afterAll(async () => {
  await postgres?.close();
  await server?.close();
}, 30_000);

beforeEach((context) => {
  if (unfit !== '') context.skip(unfit);
});

interface System {
  readonly scenario: Scenario;
  readonly format: BackupFormat;
  readonly restore: (open: Open) => Operation;
  /** Who acts besides the one who books. */
  readonly others: Readonly<Record<string, { readonly operation: Operation; readonly input: object }>>;
  readonly aside?: (tables: Tables) => Tables;
}

const attempts = { attempts: 2 };
const ids = { userId: 1, bookingId: 1 };

const SYSTEMS: readonly System[] = [
  {
    scenario: eventsCycle,
    format: eventsBackup,
    restore: (open) => restoreOf(eventsBackup, attempts, open),
    others: { cancelBooking: { operation: cancelSeats(attempts), input: { ...ids, eventId: 1 } } },
  },
  {
    scenario: rentalCycle,
    format: rentalBackup,
    restore: (open) => restoreOf(rentalBackup, attempts, open),
    others: { cancelBooking: { operation: cancelRental(attempts), input: ids } },
  },
  {
    scenario: hotelCycle,
    format: hotelBackup,
    restore: (open) => restoreHotel(attempts, open),
    others: {
      cancelBooking: { operation: cancelRoom(attempts), input: ids },
      expireHolds: { operation: expireHolds(attempts), input: {} },
    },
    aside: sweepAside,
  },
  {
    scenario: restaurantCycle,
    format: restaurantBackup,
    restore: (open) => restoreRestaurant(attempts, open),
    others: { cancelBooking: { operation: cancelTable(attempts), input: { ...ids, restaurantId: 1 } } },
  },
];

const role = (operation: string, input: object = {}): Role => ({ operation, input: always(input), name: operation });

/** The system's cycle of backup and restore, with the tools' kind of both, and everybody else beside them. */
async function withTools({ scenario, format, restore, others, aside }: System, used: ServerTools = tools): Promise<Scenario> {
  const operations = Object.fromEntries(Object.entries(others).map(([name, { operation }]) => [name, operation]));
  const [cycle] = scenario.workloads;
  const roles = [...cycle!.roles, ...Object.entries(others).map(([name, { input }]) => role(name, input))];
  return {
    ...scenario,
    files: {
      'backup-2025-12-31T00:00:00.000Z-00000000.json': sealArchive(format, new Date(0), await archiveOfFirstRows(scenario, format)),
    },
    operations: { ...scenario.operations, ...operations, backup: archiveOf(format, used), restore: restore(openArchive(used)) },
    workloads: [{ ...cycle!, roles }],
    monitors: [...cycleMonitors(format, aside, tools.document), ...interruptionMonitors(format, aside, tools.document), typedErrors],
  };
}

/** A night's archive of a system in which nobody has booked yet. */
async function archiveOfFirstRows({ schema, seed }: Scenario, format: BackupFormat): Promise<string> {
  const { connection, drop } = await server.createDatabase();
  await withSession(connection, (client) => client.query(`${schema}; ${seed({ capacity: 2 })}`));
  const archive = await tools.dumpNow(connection.database);
  await drop();
  await tools.contents(archive, format);
  return archive;
}

const explore = (scenario: Scenario, runs: number): Promise<PlanOutcome> =>
  explorePlan(scenario, drawPlans(scenario, scenario.workloads[0]!, 'READ COMMITTED', {}, '42', 1)[0]!, {
    strategy: 'uniform',
    limits: { ...DEFAULT_LIMITS, runs },
    postgres,
    model: false,
  });

describe.each(SYSTEMS)('$scenario.name, with pg_dump and pg_restore', (system) => {
  it('holds between bookers, cancellations and sweepers', async () => {
    const before = tools.runs;
    const { verdict, failure, postgres: figures, witnesses } = await explore(await withTools(system), RUNS);
    expect({ verdict, failure, runs: figures?.runs }).toEqual({ verdict: 'passed', failure: null, runs: RUNS });
    expect(Number(witnesses.restored)).toBeGreaterThan(0);
    expect(tools.runs - before).toBeGreaterThan(RUNS);
  });

  it('leaves the earlier backup and whole tables where it is interrupted', async () => {
    const scenario = await withTools(system);
    const [{ capacity }] = scenario.workloads as [Workload];
    for (const workload of hurtWorkloads('cycle', capacity, [role('backup'), role('restore')], ['lost', 'dies', 'ended'])) {
      const { verdict, failure, witnesses } = await explore({ ...scenario, workloads: [workload] }, HURT_RUNS);
      expect({ verdict, failure, hurt: Number(witnesses.fault) > 0 }).toEqual({ verdict: 'passed', failure: null, hurt: true });
    }
  });
});

describe.each(SYSTEMS)('$scenario.name, with pg_dump and pg_restore, on a server that crashes', (system) => {
  it('holds between bookers, cancellations and sweepers', async () => {
    const scenario = await withTools(system);
    const [{ capacity, roles }] = scenario.workloads as [Workload];
    const [crashes] = hurtWorkloads('cycle', capacity, roles, ['crash']) as [Workload];
    const { verdict, failure, postgres: figures, witnesses } = await explore({ ...scenario, workloads: [crashes] }, RUNS);
    expect({ verdict, failure, runs: figures?.runs }).toEqual({ verdict: 'passed', failure: null, runs: RUNS });
    expect(Number(witnesses.fault)).toBeGreaterThan(0);
  });
});

describe.each(SYSTEMS)('an archive of $scenario.name', ({ scenario, format, restore }) => {
  const restoring = (text: string) => {
    const world = worldAround(forbiddenClient as unknown as pg.Client);
    world.files.set('backup-1.json', text);
    return world.run(restore(openArchive(tools)), {});
  };

  it('is refused where it is empty, truncated, damaged, foreign, or of the future, before anything is touched', async () => {
    const archive = await archiveOfFirstRows(scenario, format);
    const whole = sealArchive(format, new Date(0), archive);
    const half = archive.slice(0, (archive.length >> 3) << 2);
    const refused = await Promise.all(
      [
        '',
        whole.slice(0, -9),
        whole.replace('"archive":"UEdE', '"archive":"UEdF'),
        sealArchive({ ...format, name: 'somebody.else' }, new Date(0), archive),
        sealArchive({ ...format, version: format.version + 1 }, new Date(0), archive),
        sealArchive(format, new Date(0), half),
        sealArchive(format, new Date(0), ''),
        sealArchive(format, new Date(0), await tools.dumpNow('postgres')),
      ].map((text) => restoring(text)),
    );
    const [empty, truncated, damaged, foreign, future, halfInside, nothingInside, another] = refused.map(
      (value) => (value as Rejection).message,
    );
    expect(refused.every(isRejection)).toBe(true);
    for (const message of [empty, truncated]) expect(message).toContain('is empty, truncated, or no JSON object');
    expect(foreign).toContain(`is not a backup of ${format.name}.archive`);
    expect(damaged).toContain('checksum');
    expect(future).toContain(`has version ${format.version + 1}`);
    for (const message of [halfInside, nothingInside]) expect(message).toMatch(/pg_restore: error/);
    expect(another).toContain('the archive is of another database');
  });
});

describe('what the monitors are for', () => {
  it('an archive without the bookings is found', async () => {
    const [system] = SYSTEMS as [System];
    const forgetful: ServerTools = {
      dump: (database, snapshot) => tools.dump(database, snapshot, '--exclude-table-data=bookings'),
      contents: (archive, format) => tools.contents(archive, format),
    };
    const { verdict, failure } = await explore(await withTools(system, forgetful), RUNS);
    expect({ verdict, invariant: failure?.invariant }).toEqual({ verdict: 'violated', invariant: 'backup-content' });
  });
});
