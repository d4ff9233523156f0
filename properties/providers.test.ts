/** Where servers come from and that nothing is left of them. Needs the embedded binaries; the URL provider is pointed at them. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { leftoversAfter, leftoversSeen } from '../bench/leftovers-seen.js';
import { withSession } from '../src/engine/postgres/providers/admin.js';
import { parseConnectionUrl, redactUrl } from '../src/engine/postgres/providers/connection-url.js';
import { openEmbedded } from '../src/engine/postgres/providers/embedded.js';
import { inspectProviders } from '../src/engine/postgres/providers/inspect.js';
import { judgeDatabase, sweepDirectories } from '../src/engine/postgres/providers/leftovers.js';
import { findNatives, nativesIn, usableNatives } from '../src/engine/postgres/providers/natives.js';
import { openServer } from '../src/engine/postgres/providers/open.js';
import { identifyProcess, livenessOf, ownIdentity } from '../src/engine/postgres/providers/process-identity.js';
import { unprivilegedUser } from '../src/engine/postgres/providers/run-as.js';
import { type Connection, type PostgresServer, ProviderError } from '../src/engine/postgres/providers/server.js';
import { isAbandoned } from '../src/engine/postgres/providers/testcontainers.js';

const GONE_LIMIT_MS = 10_000;

let server: PostgresServer;
let admin: Connection;

beforeAll(async () => {
  server = await openServer('embedded');
  const { connection, drop } = await server.createDatabase();
  await drop();
  admin = { ...connection, database: 'postgres' };
}, 60_000);

afterAll(async () => {
  await server?.close();
});

async function query(connection: Connection, text: string): Promise<Record<string, unknown>[]> {
  return withSession(connection, async (client) => (await client.query(text)).rows as Record<string, unknown>[]);
}

async function databaseNames(): Promise<string[]> {
  return (await query(admin, 'SELECT datname FROM pg_database ORDER BY 1')).map(({ datname }) => String(datname));
}

function urlAs(user: string, extra = ''): string {
  return `postgres://${user}@/postgres?host=${encodeURIComponent(admin.host)}${extra}`;
}

async function problemOf(work: Promise<unknown>): Promise<ProviderError> {
  const error = await work.then(
    () => new Error('it worked'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ProviderError);
  return error as ProviderError;
}

describe('the embedded server', () => {
  it('answers, and says what it is', async () => {
    const [row] = await query(admin, 'SELECT version()');
    expect(row?.version).toContain(`PostgreSQL ${server.version}`);
    expect(server).toMatchObject({
      kind: 'embedded',
      canFreeze: true,
      canSetDeadlockTimeout: true,
      major: Number.parseInt(server.version, 10),
    });
  });

  it('does not run as root', async () => {
    const [row] = await query(admin, "SELECT pg_read_file('/proc/self/status') AS status");
    const uid = /^Uid:\s+(\d+)/m.exec(String(row?.status))?.[1];
    expect(Number(uid)).toBeGreaterThan(0);
  });

  it('is closed to everybody but its own user', () => {
    expect(lstatSync(admin.host).mode & 0o077).toBe(0);
  });

  it('makes databases that sort by bytes, and drops them with the sessions in them', async () => {
    const database = await server.createDatabase();
    const client = new Client({ ...database.connection });
    client.on('error', () => {});
    await client.connect();
    const { rows } = await client.query("SELECT current_setting('server_encoding') AS encoding, 'Z' < 'a' AS bytes");
    expect(rows[0]).toEqual({ encoding: 'UTF8', bytes: true });
    await database.drop();
    await database.drop();
    expect(await databaseNames()).toEqual(['postgres', 'template0', 'template1']);
    await client.end().catch(() => {});
  });

  it('is gone when closed, also with a frozen backend in it, and twice', async () => {
    const other = await openServer('embedded', { cpu: 0 });
    const { connection } = await other.createDatabase();
    const client = new Client({ ...connection });
    client.on('error', () => {});
    await client.connect();
    const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
    const { pid } = rows[0] as { pid: number };
    process.kill(pid, 'SIGSTOP');
    await Promise.all([other.close(), other.close()]);
    expect(existsSync(connection.host)).toBe(false);
    expect(identifyProcess(pid)).toBeNull();
    await client.end().catch(() => {});
  });

  it('starts from binaries whose symbolic links npm did not make', async () => {
    const { package: copy } = copyPackage();
    for (const name of readdirSync(join(copy, 'lib'))) {
      if (lstatSync(join(copy, 'lib', name)).isSymbolicLink()) rmSync(join(copy, 'lib', name));
    }
    const other = await openEmbedded({ natives: nativesIn(copy) });
    await other.close();
    expect(lstatSync(join(copy, 'lib', 'libpq.so.5')).isSymbolicLink()).toBe(true);
  });

  it('copies binaries that its user cannot read, once', () => {
    const { home, package: closed } = copyPackage();
    chmodSync(join(home, 'closed'), process.getuid?.() === 0 ? 0o700 : 0o755);
    // To root nothing is read-only; to others this is.
    if (process.getuid?.() !== 0) {
      rmSync(join(closed, 'lib', 'libpq.so.5'));
      chmodSync(join(closed, 'lib'), 0o555);
      onTestFinished(() => chmodSync(join(closed, 'lib'), 0o755));
    }
    setTmpdir(home);
    const first = usableNatives(nativesIn(closed), unprivilegedUser());
    expect(first.directory.startsWith(`${home}/lastseat-natives-`)).toBe(true);
    expect(lstatSync(join(first.directory, 'lib', 'libpq.so.5')).isSymbolicLink()).toBe(true);
    expect(usableNatives(nativesIn(closed), unprivilegedUser())).toEqual(first);
    expect(readdirSync(home).filter((name) => name.startsWith('lastseat-natives-'))).toHaveLength(1);
  });

  it('refuses a directory of binaries that somebody else could have written', () => {
    const { home, package: closed } = copyPackage();
    if (process.getuid?.() !== 0) return;
    chmodSync(join(home, 'closed'), 0o700);
    setTmpdir(home);
    const { directory } = usableNatives(nativesIn(closed), unprivilegedUser());
    chmodSync(join(directory, '..'), 0o777);
    expect(() => usableNatives(nativesIn(closed), unprivilegedUser())).toThrow(ProviderError);
  });
});

/** The installed package below a fresh `home`, in the directory `closed`. */
function copyPackage(): { home: string; package: string } {
  const home = mkdtempSync(join(tmpdir(), 'lastseat-test-'));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  chmodSync(home, 0o755);
  mkdirSync(join(home, 'closed'));
  cpSync(join(findNatives().directory, '..'), join(home, 'closed', 'package'), { recursive: true, verbatimSymlinks: true });
  return { home, package: join(home, 'closed', 'package', 'native') };
}

function setTmpdir(directory: string): void {
  const before = process.env.TMPDIR;
  process.env.TMPDIR = directory;
  onTestFinished(() => {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  });
}

describe('when the process that opened it is killed', () => {
  const seed = 'killed';
  const before = leftoversSeen();
  const moments = [0, 1, 2, 3].map((index) => createHash('sha256').update(`${seed}/${index}`).digest().readUInt16BE(0) % 900);

  it.each(moments)(
    `nothing is left, %i ms after it began to open (seed ${seed})`,
    async (moment) => {
      const victim = startVictim();
      await victim.says('opening');
      await new Promise((resolve) => setTimeout(resolve, moment));
      await victim.kill();
      expect(await leftoversAfter(GONE_LIMIT_MS, before)).toEqual([]);
    },
    30_000,
  );

  it('nothing is left where a backend is frozen', async () => {
    const victim = startVictim();
    await victim.says('frozen');
    await victim.kill();
    expect(await leftoversAfter(GONE_LIMIT_MS, before)).toEqual([]);
  }, 30_000);
});

/** Kills the shells of a cluster: its supervisor and the one that waits for the server. Linux only, as it looks into /proc. */
function killSupervisor(directory: string): void {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const isShell = readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('lastseat-supervisor');
      if (isShell && readlinkSync(`/proc/${pid}/cwd`) === directory) process.kill(Number(pid), 'SIGKILL');
    } catch {}
  }
}

describe.skipIf(process.platform !== 'linux')('when its supervisor is killed', () => {
  const before = leftoversSeen();

  it('closing it still leaves nothing', async () => {
    const other = await openServer('embedded');
    const { connection } = await other.createDatabase();
    killSupervisor(connection.host);
    await other.close();
    expect(existsSync(connection.host)).toBe(false);
    expect(await leftoversAfter(GONE_LIMIT_MS, before)).toEqual([]);
  });

  it('and the process that opened it too, the next run removes what is left, running servers and frozen backends included', async () => {
    const victim = startVictim();
    await victim.says('frozen');
    killSupervisor(victim.said().split(' ').at(-1)?.trim() ?? '');
    await victim.kill();
    expect(leftoversSeen().filter((line) => !before.includes(line))).not.toEqual([]);
    await (await openServer('embedded')).close();
    expect(await leftoversAfter(GONE_LIMIT_MS, before)).toEqual([]);
  }, 30_000);
});

function startVictim(): { says(word: string): Promise<void>; said(): string; kill(): Promise<void> } {
  const script = fileURLToPath(new URL('../bench/kill-leftovers-victim.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  onTestFinished(() => void child.kill('SIGKILL'));
  let said = '';
  child.stdout.setEncoding('utf8');
  return {
    said: () => said,
    says: (word) =>
      new Promise((resolve, reject) => {
        child.stdout.on('data', (text: string) => {
          said += text;
          if (said.includes(word)) resolve();
        });
        child.once('close', () => reject(new Error(`the victim ended by itself, having said: ${said}`)));
      }),
    kill: () => {
      child.kill('SIGKILL');
      return closed;
    },
  };
}

describe('the sweep of directories', () => {
  it('removes one whose owner is dead, and leaves those of the living, of other hosts, and what only looks alike', async () => {
    const home = mkdtempSync(join(tmpdir(), 'lastseat-test-'));
    onTestFinished(() => rmSync(home, { recursive: true, force: true }));
    const owners = {
      'lastseat-11-0000000a': JSON.stringify({ ...ownIdentity(), start: '1' }),
      'lastseat-12-0000000b': JSON.stringify(ownIdentity()),
      'lastseat-13-0000000c': JSON.stringify({ ...ownIdentity(), host: 'elsewhere', start: '1' }),
      'lastseat-14-0000000d': 'not ours',
      'lastseat-notes': JSON.stringify({ ...ownIdentity(), start: '1' }),
    };
    for (const [name, owner] of Object.entries(owners)) {
      mkdirSync(join(home, name));
      writeFileSync(join(home, name, 'owner.json'), owner);
    }
    await sweepDirectories(null, [home]);
    expect(readdirSync(home).sort()).toEqual(['lastseat-12-0000000b', 'lastseat-13-0000000c', 'lastseat-14-0000000d', 'lastseat-notes']);
  });
});

describe('who is alive', () => {
  it('is told by number, start and boot', () => {
    const own = ownIdentity();
    expect(livenessOf(own)).toBe('alive');
    expect(livenessOf({ ...own, start: '1' })).toBe('dead');
    expect(livenessOf({ ...own, boot: 'an earlier one' })).toBe('dead');
    expect(livenessOf({ ...own, host: 'another' })).toBe('elsewhere');
    expect(livenessOf({ ...own, namespace: 'a container' })).toBe('elsewhere');
  });
});

describe('a server by URL', () => {
  it('gets databases of ours only, and is left as it was', async () => {
    await query(admin, 'CREATE DATABASE bookings_of_somebody');
    const before = await databaseNames();
    const remote = await openServer(urlAs('postgres'));
    expect(remote).toMatchObject({ kind: 'url', version: server.version, canFreeze: false, canSetDeadlockTimeout: true });
    const [first] = await Promise.all([remote.createDatabase(), remote.createDatabase()]);
    await query(first.connection, 'CREATE TABLE t (id int)');
    expect(await databaseNames()).toHaveLength(before.length + 2);
    await remote.close();
    await remote.close();
    expect(await databaseNames()).toEqual(before);
    await query(admin, 'DROP DATABASE bookings_of_somebody');
  });

  it('is refused where the role may not create databases, with what to do', async () => {
    await query(admin, 'CREATE ROLE plain LOGIN');
    const problem = await problemOf(openServer(urlAs('plain')));
    expect(problem.message).toContain('may not create databases');
    expect(problem.hint).toContain('CREATEDB');
  });

  it('tells whether the role may set deadlock_timeout', async () => {
    await query(admin, 'CREATE ROLE maker LOGIN CREATEDB');
    expect((await openServer(urlAs('maker'))).canSetDeadlockTimeout).toBe(false);
    await query(admin, 'GRANT SET ON PARAMETER deadlock_timeout TO maker');
    expect((await openServer(urlAs('maker'))).canSetDeadlockTimeout).toBe(true);
  });

  it.each([
    ['the user is unknown', () => urlAs('nobody_there'), 'refused the user "nobody_there"'],
    ['the database is missing', () => urlAs('postgres', '&dbname=missing'), 'there is no database "missing"'],
    ['nothing listens', () => 'postgres://u:sec%2Fret@127.0.0.1:1/x', 'nothing answers at 127.0.0.1:1'],
    ['there is no socket', () => 'postgres:///x?host=/nowhere', 'nothing answers at /nowhere/.s.PGSQL.5432'],
  ])('says so where %s', async (_, url, message) => {
    const problem = await problemOf(openServer(url()));
    expect(problem.message).toContain(message);
    expect(problem.hint).not.toBe('');
    expect(inspect(problem)).not.toMatch(/sec/);
  });
});

describe('the sweep of databases', () => {
  const nameOf = async (remote: PostgresServer): Promise<string> => (await remote.createDatabase()).connection.database;

  /** Gives a database of ours to another owner. */
  async function disown(name: string, change: object): Promise<void> {
    await withSession(admin, async (client) => {
      const { rows } = await client.query('SELECT shobj_description(oid, $1) AS comment FROM pg_database WHERE datname = $2', [
        'pg_database',
        name,
      ]);
      const comment = (rows[0] as { comment: string }).comment;
      const json = comment.slice(comment.indexOf(' ') + 1);
      const marker = JSON.parse(json) as { owner: object };
      const changed = { ...marker, owner: { ...marker.owner, ...change } };
      await client.query(`COMMENT ON DATABASE ${name} IS ${client.escapeLiteral(comment.replace(json, JSON.stringify(changed)))}`);
    });
  }

  const open = async (database: string): Promise<Client> => {
    const client = new Client({ ...admin, database });
    client.on('error', () => {});
    await client.connect();
    return client;
  };

  it("drops those of a dead owner; never a living one's, another host's, one that somebody uses, or what only looks alike", async () => {
    const remote = await openServer(urlAs('postgres'));
    const [dead, living, elsewhere, used, booted] = await Promise.all([1, 2, 3, 4, 5].map(() => nameOf(remote)));
    for (const name of [dead!, used!]) await disown(name, { start: '1' });
    await disown(elsewhere!, { host: 'another', start: '1' });
    await disown(booted!, { boot: 'an earlier one' });
    await query(admin, 'CREATE DATABASE lastseat_prod');
    const somebody = await open(used!);
    await (await openServer(urlAs('postgres'))).close();
    await somebody.end();
    const left = await databaseNames();
    expect(left).not.toContain(dead);
    expect(left).toEqual(expect.arrayContaining([living, elsewhere, used, booted, 'lastseat_prod']));
    await query(admin, 'DROP DATABASE lastseat_prod');
    await remote.close();
    expect(await databaseNames()).toEqual(['postgres', 'template0', 'template1']);
  });

  it('drops one in which sessions of the dead still wait for each other', async () => {
    const remote = await openServer(urlAs('postgres'));
    const dead = await nameOf(remote);
    await disown(dead, { start: '1' });
    await withSession({ ...admin, database: dead }, async (holder) => {
      await withSession({ ...admin, database: dead }, async (waiter) => {
        await holder.query('SELECT pg_advisory_lock(1)');
        const waiting = waiter.query('SELECT pg_advisory_lock(1)').catch(() => null);
        await (await openServer(urlAs('postgres'))).close();
        expect(await databaseNames()).not.toContain(dead);
        // Where the holder went first, the waiter may have had the lock for a moment.
        await waiting;
        await expect(waiter.query('SELECT 1')).rejects.toThrow();
      });
    });
    await remote.close();
  });

  it("judges a database without a comment by its name, and one with somebody else's comment not at all", async () => {
    const remote = await openServer(urlAs('postgres'));
    const name = await nameOf(remote);
    await remote.close();
    const killed = name.replace(`_${process.pid}_`, '_4194305_');
    expect(judgeDatabase(killed, null, 0)).toBe('certain');
    expect(judgeDatabase(name, null, 0)).toBeNull();
    expect(judgeDatabase(killed.replace(/_[0-9a-f]{8}_/, '_00000000_'), null, 0)).toBeNull();
    expect(judgeDatabase(killed, 'our production copy', 0)).toBeNull();
    expect(judgeDatabase('lastseat_prod', null, 0)).toBeNull();
  });

  it.each([
    ['this process', {}, 99 * 3600, null],
    ['a process of this host that is gone', { start: '1' }, 0, 'certain'],
    ['a process of an earlier boot, or of another host of that name', { boot: 'another' }, 59, null],
    ['the same, for longer than a boot takes', { boot: 'another' }, 61, 'likely'],
    ['another host', { host: 'another' }, 23 * 3600, null],
    ['another host, for a day', { host: 'another' }, 25 * 3600, 'likely'],
    ['another container', { namespace: 'another' }, 23 * 3600, null],
  ])('judges a database of %s', (_, change, ageSeconds, judged) => {
    const comment = `lastseat.database.v1 ${JSON.stringify({ owner: { ...ownIdentity(), ...change }, createdAt: 1_000_000 })}`;
    expect(judgeDatabase('lastseat_0123abcd_77_0123abcd', comment, 1_000_000 + ageSeconds)).toBe(judged);
  });
});

describe('the sweep of containers', () => {
  it.each([
    ['of this process', {}, true, false],
    ['of a process that is gone', { start: '1' }, true, true],
    ['of another host', { host: 'another', start: '1' }, true, false],
    ['that runs, of an earlier boot: it is that of another host of this name', { boot: 'another' }, true, false],
    ['that has ended, of an earlier boot', { boot: 'another' }, false, true],
  ])('judges one %s', (_, change, isRunning, abandoned) => {
    expect(isAbandoned(JSON.stringify({ ...ownIdentity(), ...change }), isRunning)).toBe(abandoned);
  });

  it('leaves one whose label is not ours', () => {
    expect(isAbandoned('somebody', true)).toBe(false);
    expect(isAbandoned('{"pid":1}', false)).toBe(false);
  });
});

describe('a URL', () => {
  it.each([
    ['postgres://u@h', { host: 'h', port: 5432, user: 'u', database: 'u' }],
    ['postgresql://u:p%40ss@h:6/d', { host: 'h', port: 6, user: 'u', database: 'd', password: 'p@ss' }],
    ['postgres:///d?host=/run/postgresql&user=u', { host: '/run/postgresql', port: 5432, user: 'u', database: 'd' }],
    ['postgres://u@%2Frun%2Fpostgresql/d', { host: '/run/postgresql', user: 'u', database: 'd' }],
    ['postgres://u@/d?host=/s&port=7&password=p', { host: '/s', port: 7, user: 'u', database: 'd', password: 'p' }],
    ['postgres://u@[::1]:5/d', { host: '::1', port: 5, user: 'u', database: 'd' }],
    ['postgres://u@h/d?sslmode=require', { ssl: { rejectUnauthorized: false } }],
    ['postgres://u@h/d?sslmode=verify-full', { ssl: {} }],
  ])('%s is understood', (url, parts) => {
    const connection = parseConnectionUrl(url, {});
    expect({ ...connection }).toMatchObject(parts);
    if (!('password' in parts)) expect(connection.password).toBeUndefined();
  });

  it('takes user and password from the environment where it has none', () => {
    expect({ ...parseConnectionUrl('postgres://h/d', { PGUSER: 'u', PGPASSWORD: 'p' }) }).toMatchObject({ user: 'u', password: 'p' });
  });

  it.each([
    'postgres://user:sec/ret@h/d',
    'postgres://user:sec%zzret@h/d',
    'postgres://user:sec#ret@h:port/d',
    'postgres://user:secret@h:99999/d',
    'postgres://user:secret@a,b/d',
    'postgres://user:secret@h/d?sslmode=secret',
    'postgres://user@h/d?pasword=secret',
    'postgres://user@h/d?password=secret&options=-c%20x=secret',
    'mysql://user:secret@h/d',
    'postgres:user:secret@h/d',
    'secret@h',
    'postgres://:secret@:x',
  ])('%s is refused, without its password in any message', async (url) => {
    const problem = await problemOf(openServer(url, { environment: {} }));
    expect(problem.hint).toContain('postgres://');
    expect(inspect(problem, { showHidden: true, depth: 9 }).replace(problem.stack ?? '', '')).not.toMatch(/sec|ret@/);
    expect(`${problem.message} ${problem.hint}`).not.toMatch(/sec|ret@/);
  });

  it.each([
    'postgres://user:secret@h:1/d',
    'postgres://user:s%65cret%40@h:1/d',
    'postgres://user@h:1/d?password=secret',
    'postgres://user:secret@h:1/d?password=s%65cret',
  ])('%s is shown without its password', (url) => {
    expect(redactUrl(url)).toBe('postgres://user@h:1/d');
    const connection = parseConnectionUrl(url, {});
    expect(connection.password).toMatch(/^secret@?$/);
    expect(`${JSON.stringify(connection)} ${inspect(connection)} ${inspect({ a: { b: connection } })}`).not.toMatch(/secret|s%65cret/);
  });
});

describe('a URL as it is shown', () => {
  it.each([
    ['postgres://u:p@/d?host=/run/postgresql', 'postgres://u@/d?host=/run/postgresql'],
    ['postgres://u@%2Frun%2Fpostgresql/d?port=7', 'postgres://u@/d?host=/run/postgresql&port=7'],
    ['postgres://u:p@[::1]:5/d', 'postgres://u@[::1]:5/d'],
    ['postgres://u:p@h/a%20b', 'postgres://u@h:5432/a%20b'],
    ['postgres://u:p@h:port/d', 'postgres://...'],
  ])('%s is shown as %s, which means the same', (url, shown) => {
    expect(redactUrl(url)).toBe(shown);
    if (shown !== 'postgres://...')
      expect({ ...parseConnectionUrl(shown, {}) }).toEqual({ ...parseConnectionUrl(url, {}), password: undefined });
  });
});

describe('what doctor shows', () => {
  const inspectAs = (user: string) => inspectProviders({ choice: urlAs(user), environment: { ...process.env, DOCKER_HOST: undefined } });

  it('names what each provider allows, what does not go with it, and which a run has', async () => {
    const reports = await inspectAs('maker:secret');
    expect(reports.map(({ kind }) => kind)).toEqual(['embedded', 'testcontainers', 'url']);
    expect(reports[0]).toMatchObject({
      available: true,
      used: false,
      version: server.version,
      allows: { freezeWaiters: true, chooseDeadlockVictim: true },
      limitations: [],
    });
    expect(reports[2]).toMatchObject({
      available: true,
      used: true,
      version: server.version,
      allows: { freezeWaiters: false, chooseDeadlockVictim: true },
      limitations: [expect.stringContaining('waiters cannot be held back')],
    });
    expect(JSON.stringify(reports)).not.toContain('secret');
  });

  it('says what a role that is no superuser lacks, and how to give it', async () => {
    await query(admin, 'CREATE ROLE creator LOGIN CREATEDB');
    const [, , url] = await inspectAs('creator');
    expect(url).toMatchObject({ available: true, allows: { chooseDeadlockVictim: false } });
    expect(url!.limitations[1]).toContain('GRANT SET ON PARAMETER deadlock_timeout TO "creator"');
    expect((await openServer(urlAs('creator'))).limitations).toEqual(url!.limitations);
  });

  it('tells that a URL does not work, why, and what to do; embedded is not used in its place', async () => {
    const reports = await inspectProviders({ choice: 'auto', environment: { LASTSEAT_POSTGRES: 'postgres://u:secret@127.0.0.1:1/d' } });
    expect(reports[2]).toMatchObject({
      kind: 'url',
      available: false,
      detail: 'nothing answers at 127.0.0.1:1',
      hint: expect.stringContaining('Is the server running') as string,
    });
    expect(reports.filter(({ used }) => used)).toEqual([]);
    expect(JSON.stringify(reports)).not.toContain('secret');
  });

  it('tells that a role may not create databases', async () => {
    const [, , url] = await inspectAs('plain');
    expect(url).toMatchObject({ available: false, used: false, hint: expect.stringContaining('ALTER ROLE "plain" CREATEDB') as string });
  });
});

describe('the choice of a provider', () => {
  it('is left to LASTSEAT_POSTGRES by auto', async () => {
    const chosen = await openServer('auto', { environment: { LASTSEAT_POSTGRES: urlAs('postgres') } });
    expect(chosen.kind).toBe('url');
    await chosen.close();
  });

  it('refuses a name that it does not know', async () => {
    expect((await problemOf(openServer('oracle'))).message).toContain('"oracle"');
  });
});
