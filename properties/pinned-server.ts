import { availableParallelism } from 'node:os';
import { pinTo } from '../src/crew/pin.js';
import { openServer, type PostgresServer } from '../src/index.js';

/**
 * A server on one core, and this test's process on the same: lockstep is a thousand round trips a second, and a wake-up across cores costs more.
 * `npm run test:versions` names the binaries of another major version.
 */
export async function openPinnedServer(): Promise<PostgresServer> {
  const core = Number(process.env.VITEST_POOL_ID ?? 0) % availableParallelism();
  pinTo(core);
  const natives = process.env.LASTSEAT_TEST_NATIVES;
  return openServer('embedded', { cpu: core, ...(natives === undefined ? {} : { natives }) });
}
