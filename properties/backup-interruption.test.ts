/** Backups and restores that are interrupted, killed, or lose their server: the old state or the new one, and nothing left behind. */
import { spawnSync } from 'node:child_process';
import { readdirSync, watch } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { EXIT } from '../sim/exit-codes.js';
import { shellWord } from '../sim/shell-word.js';
import { plainEnvironment, type Running, scratchDirectory, simCommand, simHere, start } from './cli-process.js';
import { untilBlocked } from './operations-world.js';
import { backupsIn, LATER, type StoredDatabase, StoredDatabases } from './stored-database.js';

let databases: StoredDatabases;

beforeAll(async () => {
  databases = await StoredDatabases.open();
}, 60_000);

afterAll(() => databases.close());

let database: StoredDatabase;
/** Holds what a command has to wait for. */
let gate: pg.Client;
let directory: string;

beforeEach(async () => {
  database = await databases.create('rental');
  gate = await database.connect();
  directory = scratchDirectory();
});

afterEach(() => databases.endSessions());

const on = () => ['--system', 'rental', '--url', database.url, '--dir', directory];

/** A statement, or the commit, that waits until the gate is opened: a trigger asks for an advisory lock. */
async function closeGate(trigger: string): Promise<void> {
  await database.session.query(`
    CREATE FUNCTION wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock_shared(42); RETURN NULL; END';
    ${trigger} EXECUTE FUNCTION wait_at_gate()`);
  await gate.query('SELECT pg_advisory_lock(42)');
}

const openGate = () => gate.query('SELECT pg_advisory_unlock_all(); ROLLBACK');

async function untilGone(): Promise<void> {
  while ((await database.othersOpen()) > 0) await delay(50);
}

interface Stage {
  readonly what: string;
  /** After it a restore comes to a halt there. */
  readonly arrange: () => Promise<unknown>;
}

/** Places before the commit. */
const STAGES: readonly Stage[] = [
  { what: 'while it waits for the locks', arrange: () => gate.query('BEGIN; LOCK TABLE bookings IN ROW EXCLUSIVE MODE') },
  { what: 'between two deletions', arrange: () => closeGate('CREATE TRIGGER gate BEFORE DELETE ON bookings FOR EACH STATEMENT') },
  { what: 'when all is deleted', arrange: () => closeGate('CREATE TRIGGER gate BEFORE INSERT ON packages FOR EACH STATEMENT') },
  {
    what: 'at the last insertion',
    arrange: () => closeGate('CREATE TRIGGER gate AFTER INSERT ON equipment_availability FOR EACH STATEMENT'),
  },
];

const AT_COMMIT: Stage = {
  what: 'in its commit',
  arrange: () => closeGate('CREATE CONSTRAINT TRIGGER gate AFTER INSERT ON packages DEFERRABLE INITIALLY DEFERRED FOR EACH ROW'),
};

describe('a restore', () => {
  let backedUp: string;
  let later: string;

  beforeEach(async () => {
    backedUp = await database.contents();
    expect((await simHere('backup', ...on())).code).toBe(EXIT.fine);
    await database.session.query(LATER.rental);
    later = await database.contents();
    expect(later).not.toBe(backedUp);
  });

  async function underWay({ arrange }: Stage): Promise<Running> {
    await arrange();
    const running = start('restore', ...on(), '--yes');
    await Promise.race([untilBlocked(database.session), running.ended]);
    return running;
  }

  it.each(STAGES)('that is interrupted $what has changed nothing, and keeps nobody waiting', async (stage) => {
    const running = await underWay(stage);
    running.signalGroup('SIGINT');
    const ended = await running.ended;
    expect(ended).toMatchObject({ code: EXIT.interrupted, signal: null, stdout: '' });
    expect(ended.stderr).toMatch(/\ninterrupted: ending it \(.*\)\nNothing was changed\n$/);
    await untilGone();
    await openGate();
    expect(await database.contents()).toBe(later);
  });

  it.each(STAGES)('that is killed $what has changed nothing, and keeps nobody waiting', async (stage) => {
    const running = await underWay(stage);
    running.signalGroup('SIGKILL');
    expect(await running.ended).toMatchObject({ signal: 'SIGKILL', stdout: '' });
    await untilGone();
    await openGate();
    expect(await database.contents()).toBe(later);
    await database.session.query('DROP FUNCTION IF EXISTS wait_at_gate CASCADE');
    expect((await simHere('restore', ...on(), '--yes')).code).toBe(EXIT.fine);
    expect(await database.contents()).toBe(backedUp);
  });

  it('that is interrupted in its commit says so, ends it, and shows what it did', async () => {
    const running = await underWay(AT_COMMIT);
    running.signalGroup('SIGINT');
    await running.says('interrupted, while it is being committed');
    await openGate();
    const ended = await running.ended;
    expect(ended).toMatchObject({
      code: EXIT.interrupted,
      stdout: expect.stringMatching(/^restored {3}and committed\n[\s\S]*gone {7}1 of bookings: id 4\n/),
    });
    expect(ended.stderr).toMatch(/\ncommitted\ninterrupted too late: it was done already\n$/);
    expect(await database.contents()).toBe(backedUp);
  });

  it('that is killed in its commit leaves the old state or the new', async () => {
    const running = await underWay(AT_COMMIT);
    running.signalGroup('SIGKILL');
    await running.ended;
    await openGate();
    await untilGone();
    expect([backedUp, later]).toContain(await database.contents());
  });

  it('that loses its session before the commit exits 4 and says that nothing was changed', async () => {
    const running = await underWay(STAGES[2]!);
    await endSessions();
    const { code, stdout, stderr } = await running.ended;
    expect({ code, stdout }).toEqual({ code: EXIT.environment, stdout: '' });
    expect(stderr).toMatch(/\nerror: the connection to PostgreSQL was lost: .*\nUsual cause: .* Nothing was changed\n$/);
    expect(await database.contents()).toBe(later);
  });

  it('that loses its session in the commit exits 4 and says that it does not know', async () => {
    const running = await underWay(AT_COMMIT);
    await endSessions();
    const { code, stdout, stderr } = await running.ended;
    expect({ code, stdout }).toEqual({ code: EXIT.environment, stdout: '' });
    expect(stderr).toMatch(/ Whether it was committed is not known: .*--dry-run\n$/);
    expect([backedUp, later]).toContain(await database.contents());
  });
});

it.each([
  ['events', 'events'],
  ['hotel', 'room_inventory'],
  ['restaurant', 'restaurants'],
] as const)('a restore of %s that is killed when all is deleted has changed nothing', async (system, first) => {
  database = await databases.create(system);
  gate = await database.connect();
  const args = ['--system', system, '--url', database.url, '--dir', directory];
  const backedUp = await database.contents();
  expect((await simHere('backup', ...args)).code).toBe(EXIT.fine);
  await database.session.query(LATER[system]);
  const later = await database.contents();
  await closeGate(`CREATE TRIGGER gate BEFORE INSERT ON ${first} FOR EACH STATEMENT`);
  const running = start('restore', ...args, '--yes');
  await Promise.race([untilBlocked(database.session), running.ended]);
  running.signalGroup('SIGKILL');
  await running.ended;
  await untilGone();
  await openGate();
  expect(await database.contents()).toBe(later);
  expect((await simHere('restore', ...args, '--yes')).code).toBe(EXIT.fine);
  expect(await database.contents()).toBe(backedUp);
});

const endSessions = () =>
  database.session.query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'lastseat'",
  );

describe('a backup', () => {
  let before: { name: string; text: string }[];

  beforeEach(async () => {
    expect((await simHere('backup', ...on())).code).toBe(EXIT.fine);
    before = backupsIn(directory, 'rental');
    expect(before).toHaveLength(1);
  });

  async function reading(): Promise<Running> {
    await gate.query('BEGIN; LOCK TABLE equipment_availability IN ACCESS EXCLUSIVE MODE');
    const running = start('backup', ...on(), '--keep', '1');
    await Promise.race([untilBlocked(database.session), running.ended]);
    return running;
  }

  it('that is interrupted while it reads leaves what was there', async () => {
    const running = await reading();
    running.signalGroup('SIGINT');
    const ended = await running.ended;
    expect(ended).toMatchObject({ code: EXIT.interrupted, signal: null, stdout: '' });
    expect(ended.stderr).toMatch(/\nNo backup was written, and those that were there are as they were\n$/);
    await untilGone();
    expect(backupsIn(directory, 'rental')).toEqual(before);
    expect(readdirSync(directory)).toHaveLength(1);
  });

  it('that is killed while it reads leaves what was there', async () => {
    const running = await reading();
    running.signalGroup('SIGKILL');
    await running.ended;
    await untilGone();
    expect(backupsIn(directory, 'rental')).toEqual(before);
    expect(readdirSync(directory)).toHaveLength(1);
  });

  it('that loses its session exits 4 and leaves what was there', async () => {
    const running = await reading();
    await endSessions();
    const { code, stderr } = await running.ended;
    expect(code).toBe(EXIT.environment);
    expect(stderr).toContain('No backup was written');
    expect(backupsIn(directory, 'rental')).toEqual(before);
  });

  describe('of some megabytes', () => {
    beforeEach(() =>
      database.session.query(
        "INSERT INTO bookings (package_id, user_id, start_date, end_date, quantity, status) SELECT 1, n, '2026-04-01', '2026-04-01', 1, 'cancelled' FROM generate_series(1, 60000) AS n",
      ),
    );

    /** Sends a signal as soon as there is a temporary file. It comes in the middle of the file or later; on a busy machine, after all. */
    async function signalled(signal: NodeJS.Signals) {
      const running = start('backup', ...on());
      const watcher = watch(directory, (_event, name) => {
        if (name?.endsWith('.tmp') && running.process.exitCode === null && running.process.signalCode === null) {
          watcher.close();
          running.signalGroup(signal);
        }
      });
      const ended = await running.ended;
      watcher.close();
      return ended;
    }

    it('that is killed while it writes leaves what was there, and no half of a file that counts', async () => {
      await signalled('SIGKILL');
      await untilGone();
      expect(backupsIn(directory, 'rental')[0]).toEqual(before[0]);
      // Whichever is the newest now: it is whole.
      expect((await simHere('restore', ...on(), '--dry-run')).code).toBe(EXIT.fine);
      expect((await simHere('backup', ...on())).code).toBe(EXIT.fine);
      expect(readdirSync(directory).filter((name) => !name.endsWith('.json'))).toEqual([]);
    });

    it('for which there is no room leaves what was there, and says why', async () => {
      const command = simCommand('backup', ...on(), '--keep', '1')
        .map(shellWord)
        .join(' ');
      const { status, stdout, stderr } = spawnSync('sh', ['-c', `ulimit -f 2048; exec ${command}`], {
        encoding: 'utf8',
        env: plainEnvironment(),
      });
      expect({ status, stdout }, stderr).toEqual({ status: EXIT.usage, stdout: '' });
      expect(stderr).toMatch(/\nerror: EFBIG: .*\nIs there room, .* --dir DIR\. No backup was written, /);
      expect(backupsIn(directory, 'rental')).toEqual(before);
      expect(readdirSync(directory)).toHaveLength(1);
    });

    it('that is interrupted while it writes leaves no file that is not whole', async () => {
      const { code, stderr } = await signalled('SIGINT');
      const after = backupsIn(directory, 'rental');
      expect(after[0]).toEqual(before[0]);
      expect(after.length, stderr).toBe(code === EXIT.fine || stderr.includes('interrupted too late') ? 2 : 1);
      if (code !== EXIT.fine) expect(code, stderr).toBe(EXIT.interrupted);
      expect(readdirSync(directory)).toEqual(after.map(({ name }) => name));
      expect((await simHere('restore', ...on(), '--dry-run')).code).toBe(EXIT.fine);
    });
  });
});

it('an interruption before there is a session changes nothing', async () => {
  // It takes connections, and never answers.
  const silent = createServer(() => running.signalGroup('SIGINT')).listen(0, '127.0.0.1');
  await new Promise((resolve) => silent.once('listening', resolve));
  const { port } = silent.address() as AddressInfo;
  const running = start('backup', '--system', 'rental', '--url', `postgres://u@127.0.0.1:${port}/d`, '--dir', join(directory, 'new'));
  expect(await running.ended).toMatchObject({
    code: EXIT.interrupted,
    stdout: '',
    stderr: expect.stringMatching(/^interrupted\. No backup was written/),
  });
  silent.close();
});
