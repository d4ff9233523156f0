/** A server of the user's own. Only databases that we created are touched; nothing is known of its processes, so none is frozen. */
import { explainConnectError, readFacts, requireUsable } from './admin.js';
import { parseConnectionUrl } from './connection-url.js';
import { sweepDatabases } from './leftovers.js';
import { RemoteServer } from './remote-server.js';
import type { PostgresServer } from './server.js';

export async function openUrl(url: string, environment: NodeJS.ProcessEnv = process.env): Promise<PostgresServer> {
  const admin = parseConnectionUrl(url, environment);
  const facts = await readFacts(admin).catch((error: unknown) => {
    throw explainConnectError(error, admin);
  });
  requireUsable(facts);
  await sweepDatabases(admin);
  return new RemoteServer('url', admin, facts, null);
}
