/** The command line with a server by URL: what it says, what it never says, and what is left of it however it ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { withSession } from '../src/engine/postgres/providers/admin.js';
import { openServer } from '../src/engine/postgres/providers/open.js';
import type { Connection, PostgresServer } from '../src/engine/postgres/providers/server.js';

const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const MAIN = fileURLToPath(new URL('../sim/main.ts', import.meta.url));
const PASSWORD = 'cor%rect/horse:battery@staple';
const WRONG = 'tr0ub4dor&3 wrong';
const POLL_MS = 20;

let server: PostgresServer;
let admin: Connection;

beforeAll(async () => {
  server = await openServer('embedded');
  const { connection, drop } = await server.createDatabase();
  await drop();
  admin = { ...connection, database: 'postgres' };
  const rules = join(admin.host, 'data', 'pg_hba.conf');
  writeFileSync(rules, `local all locked scram-sha-256\n${readFileSync(rules, 'utf8')}`);
  await query('CREATE ROLE plain LOGIN');
  await query(`CREATE ROLE locked LOGIN CREATEDB PASSWORD '${PASSWORD}'`);
  await query('SELECT pg_reload_conf()');
}, 60_000);

afterAll(async () => {
  await server?.close();
});

async function query(text: string): Promise<Record<string, unknown>[]> {
  return withSession(admin, async (client) => (await client.query(text)).rows as Record<string, unknown>[]);
}

const databases = async (): Promise<string[]> =>
  (await query("SELECT datname FROM pg_database WHERE datname LIKE 'lastseat%' ORDER BY 1")).map(({ datname }) => String(datname));

const backends = async (): Promise<number> =>
  Number((await query("SELECT count(*) FROM pg_stat_activity WHERE datname LIKE 'lastseat%'"))[0]!.count);

function urlAs(user: string, password?: string): string {
  const secret = password === undefined ? '' : `:${encodeURIComponent(password)}`;
  return `postgres://${user}${secret}@/postgres?host=${encodeURIComponent(admin.host)}`;
}

interface Started {
  readonly child: ChildProcess;
  readonly directory: string;
  /** Exit code, or the signal that ended it, and all that it wrote to standard output and standard error. */
  readonly ended: Promise<{ code: number | string; output: string }>;
}

/** In a process group of its own, as from a shell. */
function start(args: readonly string[], environment: Record<string, string> = {}): Started {
  const directory = mkdtempSync(join(tmpdir(), 'lastseat-test-'));
  const child = spawn(process.execPath, ['--import', TSX, MAIN, ...args], {
    cwd: directory,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment, NODE_OPTIONS: '' },
  });
  onTestFinished(() => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, 'SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  });
  let output = '';
  for (const stream of [child.stdout!, child.stderr!]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const ended = new Promise<{ code: number | string; output: string }>((resolve) => {
    child.once('close', (code, signal) => resolve({ code: code ?? signal ?? '', output }));
  });
  return { child, directory, ended };
}

const EXPLORE = ['--seed', '42', '--expect', '--scenario'];
/** Runs for some seconds, and most steps wait. */
const LONG = [...EXPLORE, 'events/pessimistic', '--postgres'];

async function until({ child, ended }: Started, condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) {
    if (child.exitCode !== null) throw new Error(`the run has ended: ${(await ended).output}`);
    await delay(POLL_MS);
  }
}

/** Until the run is in the middle of its schedules. */
const inTheMiddle = (run: Started) => until(run, async () => (await backends()) >= 3);

describe('a run', { timeout: 120_000 }, () => {
  it('is honest about a server that cannot be held back, stops where it cannot use one, and tells a password to nobody', async () => {
    const url = urlAs('locked', PASSWORD);
    const short = [...EXPLORE, 'events/check-then-insert', '--isolation', 'read committed', '--json', 'out.json'];
    const runs = [
      start([...short, '--scenario', 'events/conditional', '--postgres', url]),
      start([...short, '--postgres', 'auto'], { LASTSEAT_POSTGRES: urlAs('locked', WRONG) }),
      start(['doctor', '--postgres', url]),
      start(['doctor', '--postgres', urlAs('locked', WRONG)]),
      start(['doctor', '--postgres', url.replace('postgres?', 'postgres?pasword=x&')]),
      start([...short, '--postgres', urlAs('plain')]),
    ];
    const [right, wrong, healthy, refused, misspelt, mayNot] = await Promise.all(runs.map(({ ended }) => ended));

    expect(right).toMatchObject({ code: 0, output: expect.stringContaining('note: waiters cannot be held back') as string });
    const outcome = JSON.parse(readFileSync(join(runs[0]!.directory, 'out.json'), 'utf8'));
    expect(outcome.postgres).toMatchObject({ provider: 'url', version: server.version });
    expect(outcome.postgres.limitations).toHaveLength(2);
    const [violated, proved] = outcome.scenarios;
    expect(violated).toMatchObject({
      verdict: 'violated',
      counterexample: { confirmedOnPostgres: true, replays: { matched: 10, of: 10 } },
    });
    expect(proved).toMatchObject({ verdict: 'proved', limits: [], postgres: { divergences: 0 } });
    expect(proved.postgres.transitionsUnforceable).toBeGreaterThan(0);
    expect(proved.postgres.transitionsConfirmed + proved.postgres.transitionsUnforceable).toBe(proved.model.transitions);
    expect(right!.output).toMatch(/proved .* transitions seen on PostgreSQL, \d+ cannot be forced/);

    expect(wrong).toMatchObject({ code: 4, output: expect.stringContaining('refused the user "locked"') as string });
    expect(healthy).toMatchObject({ code: 0, output: expect.stringContaining('A run uses the URL') as string });
    expect(refused).toMatchObject({ code: 4, output: expect.stringContaining('refused the user "locked"') as string });
    expect(misspelt).toMatchObject({ code: 2, output: expect.stringContaining('"pasword" is not understood') as string });

    expect(mayNot).toMatchObject({ code: 4, output: expect.stringContaining('ALTER ROLE "plain" CREATEDB') as string });
    expect(mayNot!.output).not.toContain('    at ');

    const said = [right, wrong, healthy, refused, misspelt].map((run) => run!.output);
    const written = runs.flatMap(({ directory }) =>
      readdirSync(directory, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8')),
    );
    expect(written.length).toBeGreaterThan(2);
    for (const secret of [PASSWORD, WRONG])
      for (const form of [secret, encodeURIComponent(secret), encodeURI(secret), Buffer.from(secret).toString('base64').slice(0, -2)])
        for (const text of [...said, ...written]) expect(text).not.toContain(form);
    expect(await databases()).toEqual([]);
  });
});

describe.skipIf(process.platform !== 'linux')('nothing is left', { timeout: 120_000 }, () => {
  it('after Ctrl-C in the middle of a step', async () => {
    const run = start([...LONG, urlAs('postgres')]);
    await inTheMiddle(run);
    process.kill(-run.child.pid!, 'SIGINT');
    expect((await run.ended).code).toBe(130);
    expect(await databases()).toEqual([]);
    expect(await backends()).toBe(0);
  });

  it('by a run that loses its worker', async () => {
    const run = start(['--workers', '1', ...LONG, urlAs('postgres')]);
    await inTheMiddle(run);
    process.kill(workersOf(run.child.pid!)[0]!, 'SIGKILL');
    expect((await run.ended).code).toBe(70);
    expect(await databases()).toEqual([]);
  });

  it('of a run that was killed, by the next one; what others have there stays', async () => {
    const run = start([...LONG, urlAs('postgres')]);
    await inTheMiddle(run);
    process.kill(-run.child.pid!, 'SIGKILL');
    expect((await run.ended).code).toBe('SIGKILL');
    const left = await databases();
    expect(left).not.toEqual([]);
    await query('CREATE DATABASE lastseat_12345678_1_12345678');
    await query("COMMENT ON DATABASE lastseat_12345678_1_12345678 IS 'the bookings of last year'");
    await query('CREATE DATABASE lastseat_prod');
    const concurrent = start(['--workers', '1', ...LONG, urlAs('postgres')]);
    const ofConcurrent = (name: string) => workersOf(concurrent.child.pid!).some((pid) => name.includes(`_${pid}_`));
    await until(concurrent, async () => (await databases()).some(ofConcurrent));
    const living = (await databases()).filter(ofConcurrent);
    await (await openServer(urlAs('postgres'))).close();
    expect(await databases()).toEqual([...living, 'lastseat_12345678_1_12345678', 'lastseat_prod'].sort());
    process.kill(-concurrent.child.pid!, 'SIGINT');
    await concurrent.ended;
    expect(await databases()).toEqual(['lastseat_12345678_1_12345678', 'lastseat_prod']);
    for (const name of await databases()) await query(`DROP DATABASE ${name}`);
  });
});

/** Its children that run the worker. Linux only, as it looks into /proc. */
function workersOf(parent: number): number[] {
  return readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8')
    .split(' ')
    .map(Number)
    .filter((pid) => pid > 0)
    .filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('worker'));
}
