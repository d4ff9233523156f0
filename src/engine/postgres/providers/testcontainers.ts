/**
 * A PostgreSQL in a container. `testcontainers` is optional and loaded only when asked for. Its reaper removes the container when we
 * die; where that is disabled (TESTCONTAINERS_RYUK_DISABLED) the next run does, by the owner that is written in the labels.
 */
import { randomBytes } from 'node:crypto';
import type { StartedTestContainer } from 'testcontainers';
import { expiry, pause } from '../waiting.js';
import { explainConnectError, readFacts, requireUsable, type ServerFacts } from './admin.js';
import { livenessOf, ownIdentity, parseIdentity } from './process-identity.js';
import { RemoteServer } from './remote-server.js';
import { type Connection, type PostgresServer, ProviderError } from './server.js';

type Testcontainers = typeof import('testcontainers');

const DEFAULT_IMAGE = 'postgres:18-alpine';
const OWNER_LABEL = 'lastseat.owner';
const PORT = 5432;

/** Once the container runs. Pulling the image before that is not counted. */
const START_LIMIT_MS = 60_000;
const POLL_MS = 10;

const SETTINGS = [
  'fsync=off',
  'full_page_writes=off',
  'autovacuum=off',
  'jit=off',
  'max_connections=40',
  'shared_buffers=16MB',
  'max_wal_senders=0',
  'wal_level=minimal',
  'max_parallel_workers=0',
  'max_worker_processes=0',
  'bgwriter_lru_maxpages=0',
  'checkpoint_timeout=1d',
  'deadlock_timeout=60s',
];

export function imageName(environment: NodeJS.ProcessEnv): string {
  return environment.LASTSEAT_POSTGRES_IMAGE || DEFAULT_IMAGE;
}

export async function openTestcontainers(environment: NodeJS.ProcessEnv = process.env): Promise<PostgresServer> {
  const library = await loadTestcontainers();
  await requireEngine(library);
  await sweepContainers(library);
  const password = randomBytes(12).toString('hex');
  const container = await startContainer(library, imageName(environment), password);
  const connection: Connection = {
    host: container.getHost(),
    port: container.getMappedPort(PORT),
    user: 'postgres',
    password,
    database: 'postgres',
    ssl: false,
  };
  const stop = async (): Promise<void> => void (await container.stop({ timeout: 0, remove: true, removeVolumes: true }));
  try {
    const facts = await firstAnswer(connection);
    requireUsable(facts);
    return new RemoteServer('testcontainers', connection, facts, stop);
  } catch (error) {
    await stop();
    throw error instanceof ProviderError ? error : explainConnectError(error, connection);
  }
}

export async function loadTestcontainers(): Promise<Testcontainers> {
  try {
    return await import('testcontainers');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') {
      throw new ProviderError(
        `the package "testcontainers" cannot be loaded: ${(error as Error).message}`,
        'Version 12 needs Node 22; with Node 20: npm install --save-dev testcontainers@11.14.0',
      );
    }
    throw new ProviderError(
      'the package "testcontainers" is not installed',
      'It is optional. Next: npm install --save-dev testcontainers@11.14.0',
    );
  }
}

/** Throws `ProviderError` where no container engine answers. */
export async function requireEngine(library: Testcontainers): Promise<void> {
  try {
    await library.getContainerRuntimeClient();
  } catch {
    throw new ProviderError(
      'no container engine answers',
      'Start Docker (or Podman), or set DOCKER_HOST to where it listens. Without one: --postgres embedded',
    );
  }
}

async function startContainer(library: Testcontainers, image: string, password: string): Promise<StartedTestContainer> {
  try {
    return await new library.GenericContainer(image)
      .withEnvironment({ POSTGRES_PASSWORD: password, POSTGRES_INITDB_ARGS: '--locale=C --encoding=UTF8 --no-sync' })
      .withLabels({ [OWNER_LABEL]: JSON.stringify(ownIdentity()) })
      .withExposedPorts(PORT)
      .withCommand(['postgres', ...SETTINGS.flatMap((setting) => ['-c', setting])])
      // The image's own initialisation says so too; firstAnswer tells the two apart, since that one has no TCP.
      .withWaitStrategy(library.Wait.forLogMessage(/ready to accept connections/))
      .withStartupTimeout(START_LIMIT_MS)
      .start();
  } catch (error) {
    throw explainStartError(error, image, password);
  }
}

function explainStartError(error: unknown, image: string, password: string): ProviderError {
  const message = String((error as Error | null)?.message ?? error).replaceAll(password, '***');
  if (/ryuk/i.test(message)) {
    return new ProviderError(
      'the image of the reaper of Testcontainers (ryuk) cannot be had',
      'Without a registry: TESTCONTAINERS_RYUK_DISABLED=true. A killed run then leaves its container to the next one, which removes it',
    );
  }
  if (
    /no such image|not found|pull access denied|manifest unknown|failed to resolve|lookup|registry|i\/o timeout|Client\.Timeout/i.test(
      message,
    )
  ) {
    return new ProviderError(
      `the image "${image}" is not here and cannot be pulled`,
      `Is the name right, and can the registry be reached? Next: docker pull ${image}; LASTSEAT_POSTGRES_IMAGE names another image`,
    );
  }
  return new ProviderError(
    `the container of "${image}" did not start: ${message}`,
    'Next: docker ps --all, docker logs; or --postgres embedded',
  );
}

/** The published port takes connections before the server does, so what is refused, reset or cut off is asked again. */
async function firstAnswer(connection: Connection): Promise<ServerFacts> {
  const tooLate = expiry(START_LIMIT_MS);
  for (;;) {
    try {
      return await readFacts(connection);
    } catch (error) {
      if (tooLate() || /^(28|3D|42)/.test((error as { code?: string }).code ?? '')) throw error;
      await pause(POLL_MS);
    }
  }
}

/** Removes containers of ours whose owner is dead. Never throws: what cannot be swept is left. */
async function sweepContainers(library: Testcontainers): Promise<void> {
  try {
    const { dockerode } = (await library.getContainerRuntimeClient()).container;
    const found = await dockerode.listContainers({ all: true, filters: { label: [OWNER_LABEL] } });
    const abandoned = found.filter(({ Labels, State }) => isAbandoned(Labels[OWNER_LABEL] ?? '', State === 'running'));
    await Promise.allSettled(abandoned.map(({ Id }) => dockerode.getContainer(Id).remove({ force: true, v: true })));
  } catch {}
}

/**
 * Whether the process that a label names is gone. A container that runs has not lived through a boot of its host: then another host of the
 * same name, on the same engine, looks as if this one had booted.
 */
export function isAbandoned(label: string, isRunning: boolean): boolean {
  try {
    const owner = parseIdentity(JSON.parse(label));
    return owner !== null && livenessOf(owner) === 'dead' && (!isRunning || owner.boot === ownIdentity().boot);
  } catch {
    return false;
  }
}
