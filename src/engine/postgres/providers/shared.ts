/**
 * Servers that are started once in a process and shared by all who ask. They are gone when the process is: an embedded one's supervisor sees to it, however
 * that ends, and where the process ends by itself they are closed before.
 */
import { openServer, resolveChoice } from './open.js';
import type { PostgresServer, ProviderChoice } from './server.js';

/** A server, and who works with it: one after the other, since a frozen backend keeps others from making and dropping databases. */
interface Shared {
  readonly server: Promise<PostgresServer>;
  turn: Promise<void>;
}

const servers = new Map<string, Shared>();

/** A turn with a shared server. */
export interface Turn {
  readonly server: PostgresServer;
  /** Lets the next one have it. `lost`: it does not answer any more, and the next one gets another. */
  end(lost?: boolean): void;
}

/** Waits until the server is there, and free. Throws `ProviderError`. */
export async function turnWith(choice: ProviderChoice, environment: NodeJS.ProcessEnv = process.env): Promise<Turn> {
  const name = resolveChoice(choice, environment);
  const shared = servers.get(name) ?? share(name);
  const before = shared.turn;
  let end: () => void = () => undefined;
  shared.turn = new Promise((resolve) => {
    end = resolve;
  });
  await before;
  try {
    const server = await shared.server;
    return {
      server,
      end: (lost = false) => {
        if (lost) forget(name, shared);
        end();
      },
    };
  } catch (error) {
    forget(name, shared);
    end();
    throw error;
  }
}

/** Closes all of them. Whoever asks later gets new ones. */
export async function closeSharedServers(): Promise<void> {
  const all = [...servers.values()];
  servers.clear();
  await Promise.allSettled(all.map(async ({ server }) => (await server).close()));
}

let watched = false;

function share(name: string): Shared {
  const shared: Shared = { server: openServer(name), turn: Promise.resolve() };
  servers.set(name, shared);
  if (!watched) process.on('beforeExit', () => void (servers.size > 0 && closeSharedServers()));
  watched = true;
  return shared;
}

function forget(name: string, shared: Shared): void {
  if (servers.get(name) === shared) servers.delete(name);
}
