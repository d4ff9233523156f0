/** A server in a container. Run on demand (it needs a container engine); without one it fails, since a skip would look like a pass. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { getContainerRuntimeClient } from 'testcontainers';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { PostgresEngine } from '../src/engine/postgres/engine.js';
import { withSession } from '../src/engine/postgres/providers/admin.js';
import { openServer } from '../src/engine/postgres/providers/open.js';
import { type PostgresServer, ProviderError } from '../src/engine/postgres/providers/server.js';
import { openTestcontainers } from '../src/engine/postgres/providers/testcontainers.js';
import { exploreOn, oneKey, opposite, queue } from './unheld-cases.js';

let server: PostgresServer;

beforeAll(async () => {
  server = await openServer('testcontainers');
}, 120_000);

afterAll(async () => {
  await server?.close();
}, 30_000);

async function ownContainers(): Promise<string[]> {
  const { dockerode } = (await getContainerRuntimeClient()).container;
  return (await dockerode.listContainers({ all: true, filters: { label: ['lastseat.owner'] } })).map(({ Id }) => Id).sort();
}

describe('a server in a container', () => {
  it('answers, and says what it allows', async () => {
    const database = await server.createDatabase();
    const [row] = await withSession(
      database.connection,
      async (client) => (await client.query<{ version: string }>('SELECT version()')).rows,
    );
    expect(row?.version).toContain(`PostgreSQL ${server.version}`);
    expect(server).toMatchObject({ kind: 'testcontainers', canFreeze: false, canSetDeadlockTimeout: true });
    await database.drop();
  });

  it('is removed when closed', async () => {
    const before = await ownContainers();
    const other = await openServer('testcontainers');
    expect(await ownContainers()).toHaveLength(before.length + 1);
    await other.close();
    await other.close();
    expect(await ownContainers()).toEqual(before);
  }, 60_000);

  it('is removed by the next run where its owner was killed, and that of a living owner is not', async () => {
    const before = await ownContainers();
    await openAndBeKilled();
    const next = await openServer('testcontainers');
    expect(await ownContainers()).toEqual(expect.arrayContaining(before));
    expect(await ownContainers()).toHaveLength(before.length + 1);
    await next.close();
  }, 120_000);

  it('says so where there is no such image', async () => {
    const problem = await openTestcontainers({ LASTSEAT_POSTGRES_IMAGE: 'lastseat-has-no-such-image:1' }).catch((error: unknown) => error);
    expect(problem).toBeInstanceOf(ProviderError);
    expect((problem as ProviderError).message).toContain('lastseat-has-no-such-image:1');
    expect((problem as ProviderError).hint).toContain('docker pull');
  }, 60_000);
});

describe('a run on a container', () => {
  it.each([
    ['a deadlock, with each victim', opposite],
    ['a queue for one row', queue],
    ['a key that three want', oneKey],
  ])('sees all that can be forced of %s, and counts the rest', async (_, scripted) => {
    const engine = new PostgresEngine(server);
    const { verdict, postgres, model } = await exploreOn(engine, scripted);
    await engine.close();
    expect({ verdict, divergences: postgres?.divergences }).toEqual({ verdict: 'proved', divergences: 0 });
    expect(postgres!.transitionsUnforceable).toBeGreaterThan(0);
    expect(postgres!.transitionsConfirmed + postgres!.transitionsUnforceable).toBe(model!.transitions);
  });

  it('shares one among its workers, says so, and removes it', async () => {
    const before = await ownContainers();
    const directory = mkdtempSync(join(tmpdir(), 'lastseat-test-'));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    const args = ['--seed', '42', '--scenario', 'events/conditional', '--expect', '--postgres', 'testcontainers', '--workers', '2'];
    const child = spawn(process.execPath, ['--import', 'tsx', 'sim/main.ts', ...args, '--report', directory], { stdio: 'ignore' });
    let most = 0;
    const code = await new Promise((resolve) => {
      const watch = setInterval(async () => {
        most = Math.max(most, (await ownContainers()).length - before.length);
      }, 500);
      child.once('close', (exit) => {
        clearInterval(watch);
        resolve(exit);
      });
    });
    expect({ code, most }).toEqual({ code: 0, most: 1 });
    const outcome = JSON.parse(readFileSync(join(directory, 'outcome.json'), 'utf8'));
    expect(outcome.postgres).toEqual({ provider: 'testcontainers', version: server.version, limitations: server.limitations });
    for (const { verdict, postgres } of outcome.scenarios)
      expect({ verdict, ...postgres }).toMatchObject({ verdict: 'proved', divergences: 0 });
    expect(await ownContainers()).toEqual(before);
  });
});

/** Resolves when a process that opened a server has been killed with SIGKILL. */
async function openAndBeKilled(): Promise<void> {
  const open = fileURLToPath(new URL('../src/engine/postgres/providers/open.ts', import.meta.url));
  const script = `import(${JSON.stringify(open)}).then(({ openServer }) => openServer('testcontainers')).then(() => process.kill(process.pid, 'SIGKILL'))`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--eval', script], { stdio: ['ignore', 'ignore', 'inherit'] });
  const signal = await new Promise((resolve) => child.once('close', (_, reason) => resolve(reason)));
  expect(signal).toBe('SIGKILL');
}
