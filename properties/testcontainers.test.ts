/** A server in a container. Run on demand (it needs a container engine); without one it fails, since a skip would look like a pass. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { getContainerRuntimeClient } from 'testcontainers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withSession } from '../src/engine/postgres/providers/admin.js';
import { openServer } from '../src/engine/postgres/providers/open.js';
import { type PostgresServer, ProviderError } from '../src/engine/postgres/providers/server.js';
import { openTestcontainers } from '../src/engine/postgres/providers/testcontainers.js';

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

/** Resolves when a process that opened a server has been killed with SIGKILL. */
async function openAndBeKilled(): Promise<void> {
  const open = fileURLToPath(new URL('../src/engine/postgres/providers/open.ts', import.meta.url));
  const script = `import(${JSON.stringify(open)}).then(({ openServer }) => openServer('testcontainers')).then(() => process.kill(process.pid, 'SIGKILL'))`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--eval', script], { stdio: ['ignore', 'ignore', 'inherit'] });
  const signal = await new Promise((resolve) => child.once('close', (_, reason) => resolve(reason)));
  expect(signal).toBe('SIGKILL');
}
