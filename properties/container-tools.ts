/** `pg_dump` and `pg_restore` of a server in a container, run in that container. */
import { getContainerRuntimeClient } from 'testcontainers';
import { type ServerTools, ToolError } from '../sim/systems/shared/backup/archive.js';
import { openDocument, sealDocument } from '../sim/systems/shared/backup/document.js';
import type { BackupContents, BackupDocument, BackupFormat } from '../sim/systems/shared/backup/format.js';
import { readContents } from '../sim/systems/shared/backup/read-contents.js';
import { withSession } from '../src/engine/postgres/providers/admin.js';
import type { Connection, PostgresServer } from '../src/engine/postgres/providers/server.js';
import type { Rejection } from '../src/index.js';
import { asClient } from './operations-world.js';

type Runtime = Awaited<ReturnType<typeof getContainerRuntimeClient>>['container'];

/**
 * An operation is run again from its replies, to see that it does the same, when the snapshot that it exported is long gone: what a tool has
 * answered once it answers again.
 */
export class ContainerTools implements ServerTools {
  /** Times that a tool was really run. */
  runs = 0;
  readonly #server: PostgresServer;
  readonly #runtime: Runtime;
  readonly #id: string;
  readonly #dumps = new Map<string, Promise<string>>();
  readonly #contents = new Map<string, Promise<BackupContents>>();
  readonly #known = new Map<string, BackupContents>();
  readonly #address: Connection;

  private constructor(server: PostgresServer, runtime: Runtime, id: string, address: Connection) {
    this.#server = server;
    this.#runtime = runtime;
    this.#id = id;
    this.#address = address;
  }

  static async beside(server: PostgresServer): Promise<ContainerTools> {
    const { container } = await getContainerRuntimeClient();
    const { connection, drop } = await server.createDatabase();
    await drop();
    const all = await container.dockerode.listContainers({ filters: { label: ['lastseat.owner'] } });
    const own = all.find(({ Ports }) => Ports.some(({ PublicPort }) => PublicPort === connection.port));
    if (own === undefined) throw new Error(`no container of ours publishes port ${connection.port}`);
    return new ContainerTools(server, container, own.Id, connection);
  }

  /** The major version of both tools, the older one's where they differ. */
  async major(): Promise<number> {
    const versions = await Promise.all(['pg_dump', 'pg_restore'].map((tool) => this.#run(`${tool} --version`)));
    return Math.min(...versions.map((version) => Number(/(\d+)[.\d]*/.exec(version)?.[1])));
  }

  /** `more`: other options, for tests that show what is missed. */
  dump(database: string, snapshot: string, more = ''): Promise<string> {
    const options = `--snapshot=${snapshot} ${more}`;
    return remembered(this.#dumps, `${database} ${options}`, () => this.dumpNow(database, options));
  }

  /** Of a database on which nobody works: in a snapshot of its own, and anew each time. */
  dumpNow(database: string, options = ''): Promise<string> {
    const dump = `pg_dump --host=127.0.0.1 --format=custom ${options} ${database}`;
    // Not straight into a pipe: not every shell tells how its first command ended.
    return this.#run(`archive=$(mktemp); trap 'rm "$archive"' EXIT; ${dump} >"$archive"; base64 <"$archive" | tr -d '\\n'`);
  }

  contents(archive: string, format: BackupFormat): Promise<BackupContents> {
    return remembered(this.#contents, archive, async () => {
      const { connection, drop } = await this.#server.createDatabase();
      try {
        const restore = `pg_restore --host=127.0.0.1 --exit-on-error --single-transaction --no-owner --dbname=${connection.database}`;
        await this.#run(`printf %s "$1" | base64 -d | ${restore}`, archive);
        const contents = await withSession(connection, (client) => readContents(asClient(client), format)).catch((error: Error) => {
          throw new ToolError(`the archive is of another database: ${error.message}`);
        });
        this.#known.set(archive, contents);
        return contents;
      } finally {
        await drop();
      }
    });
  }

  /**
   * The same server, which can be crashed: its processes but for the first are killed with SIGKILL, and that one recovers as it does when it has
   * lost a process (postmaster.c, HandleChildCrash). A process is there until the first has seen that it is gone; from then on nobody is let in.
   */
  crashable(): PostgresServer {
    const server = this.#server;
    return {
      ...server,
      createDatabase: () => server.createDatabase(),
      close: () => server.close(),
      crash: async <T>(pids: readonly number[], connect: () => Promise<T>): Promise<T> => {
        const each = `for pid in ${pids.join(' ')}; do`;
        // One or the other has ended by itself meanwhile.
        await this.#run(
          `${each} kill -9 "$pid" 2>/dev/null || :; done; ${each} while kill -0 "$pid" 2>/dev/null; do sleep 0.01; done; done`,
        );
        for (;;) {
          try {
            return await connect();
          } catch (error) {
            if (!/^(57P03|ECONNREFUSED|ECONNRESET)$/.test((error as { code?: string }).code ?? '')) throw error;
            await new Promise((resolve) => setTimeout(resolve, 10));
          }
        }
      },
    };
  }

  /** What monitors see in a file: what the tools have found in it. */
  readonly document = (format: BackupFormat, text: string): BackupDocument | Rejection => {
    const contents = this.#known.get(archiveIn(text));
    return openDocument(format, contents === undefined ? '' : sealDocument(format, new Date(0), contents));
  };

  async #run(script: string, argument = ''): Promise<string> {
    this.runs += 1;
    const { user, password = '' } = this.#address;
    const container = this.#runtime.dockerode.getContainer(this.#id);
    const failing = `set -e; export PGUSER=${user} PGPASSWORD=${password}; ${script}`;
    const { output, stderr, exitCode } = await this.#runtime.exec(container, ['sh', '-c', failing, 'sh', argument]);
    if (exitCode !== 0) throw new ToolError((stderr || output).trim());
    return output.trim();
  }
}

function archiveIn(text: string): string {
  try {
    return String(JSON.parse(text).archive);
  } catch {
    return '';
  }
}

function remembered<T>(known: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const made = known.get(key) ?? make();
  known.set(key, made);
  return made;
}
