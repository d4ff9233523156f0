import type { Extensions } from '@electric-sql/pglite';
import { UnmodelledError } from '../../contract.js';
import { Suspended } from '../../suspended.js';
import { SqlError } from '../sql-error.js';
import { keepDirectory, keptDirectory } from './data-directory.js';

export interface FieldDescription {
  readonly name: string;
  readonly dataTypeID: number;
}

/** A message of the server's, as far as it is read here. */
interface ServerMessage {
  readonly name: string;
  readonly fields?: readonly (string | null)[] | readonly FieldDescription[];
  readonly dataTypeIDs?: readonly number[];
  readonly message?: string;
  readonly code?: string;
  readonly constraint?: string;
  readonly table?: string;
}

/** What PostgreSQL answered up to one ReadyForQuery: of each command in turn its rows, and the error that ended it, if one did. */
export interface Answer {
  readonly results: readonly (readonly (readonly (string | null)[])[])[];
  readonly error: SqlError | null;
  readonly fields: readonly FieldDescription[];
  readonly parameterTypes: readonly number[];
}

/** Messages to PostgreSQL, written in its protocol. */
export interface Wire {
  query(text: string): Uint8Array;
  parse(message: { name: string; text: string; types: number[] }): Uint8Array;
  bind(message: { statement: string; values: (string | null)[] }): Uint8Array;
  describe(message: { type: 'S' | 'P'; name: string }): Uint8Array;
  execute(message: { portal: string }): Uint8Array;
  sync(): Uint8Array;
}

interface Protocol {
  readonly serialize: unknown;
  readonly Parser: new () => { parse(buffer: Uint8Array, callback: (message: unknown) => void): void };
}

/**
 * PostgreSQL compiled to WebAssembly, one for the process: it takes seconds and hundreds of megabytes to start, so nobody starts it who does
 * not need it. Once it runs, it answers synchronously.
 */
export class Instance {
  readonly wire: Wire;
  /** The schema that it holds now; who finds another there sets up its own. */
  holds: object | null = null;
  readonly #run: (messages: Uint8Array) => Uint8Array;
  readonly #protocol: Protocol;

  constructor(run: (messages: Uint8Array) => Uint8Array, protocol: Protocol) {
    this.#run = run;
    this.#protocol = protocol;
    this.wire = protocol.serialize as Wire;
  }

  /** Sends messages, and reads one answer for each Sync and each simple query among them. */
  send(messages: readonly Uint8Array[]): Answer[] {
    const answers: Answer[] = [];
    let results: (readonly (string | null)[])[][] = [];
    let rows: (readonly (string | null)[])[] = [];
    let error: SqlError | null = null;
    let fields: readonly FieldDescription[] = [];
    let parameterTypes: readonly number[] = [];
    new this.#protocol.Parser().parse(this.#run(joined(messages)), (item) => {
      const message = item as ServerMessage;
      switch (message.name) {
        case 'rowDescription':
          fields = message.fields as readonly FieldDescription[];
          break;
        case 'parameterDescription':
          parameterTypes = message.dataTypeIDs!;
          break;
        case 'dataRow':
          rows.push(message.fields as readonly (string | null)[]);
          break;
        case 'commandComplete':
          results.push(rows);
          rows = [];
          break;
        case 'error':
          error = toError(message);
          break;
        case 'readyForQuery':
          answers.push({ results, error, fields, parameterTypes });
          [results, rows, error, fields, parameterTypes] = [[], [], null, [], []];
      }
    });
    return answers;
  }

  /** Runs a script of our own, which must succeed, and gives the rows of its commands. */
  script(text: string): Answer['results'] {
    const [answer] = this.send([this.wire.query(text)]);
    if (answer!.error !== null) throw answer!.error;
    return answer!.results;
  }
}

function toError(message: ServerMessage): SqlError {
  const where = {
    ...(message.constraint === undefined ? {} : { constraint: message.constraint }),
    ...(message.table === undefined ? {} : { table: message.table }),
  };
  return new SqlError(message.code ?? 'XX000', message.message ?? '', where);
}

function joined(messages: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(messages.reduce((sum, message) => sum + message.length, 0));
  let at = 0;
  for (const message of messages) {
    all.set(message, at);
    at += message.length;
  }
  return all;
}

/**
 * Settings besides PGlite's own. Rows come in the order in which they lie, so that changing that order shows whether an answer depends on it.
 * The start-up progress timer would keep the process alive for ever.
 */
const SETTINGS = [
  'log_startup_progress_interval=0',
  'shared_buffers=4MB',
  'autovacuum=off',
  'jit=off',
  'enable_indexscan=off',
  'enable_indexonlyscan=off',
  'enable_bitmapscan=off',
  'TimeZone=UTC',
  'DateStyle=ISO, MDY',
  'IntervalStyle=postgres',
  'extra_float_digits=1',
];

let instance: Instance | null = null;
let starting: Promise<void> | null = null;
/** Extensions that the running PostgreSQL can create, those that it can do without apart. */
const loaded = new Set<string>();

export const isRunning = (): boolean => instance !== null;

/** The running PostgreSQL; throws {@link Suspended} until there is one. An extension that it lacks takes another start. */
export function running(extensions: readonly string[] = []): Instance {
  const missing = extensions.filter((name) => CONTRIB[name] !== undefined && !loaded.has(name));
  if (instance !== null && missing.length === 0) return instance;
  if (starting === null || instance !== null) {
    instance = null;
    for (const name of missing) loaded.add(name);
    starting = start();
  }
  throw new Suspended(starting);
}

/** What has come to a state in which its answers cannot be trusted is not asked again: another one starts. */
export function abandon(): void {
  instance = null;
  starting = null;
}

/** Extensions that PGlite comes with, by the names under which CREATE EXTENSION knows them. Each module exports one by its own name. */
const CONTRIB: Readonly<Record<string, () => Promise<Extensions>>> = {
  btree_gin: () => import('@electric-sql/pglite/contrib/btree_gin'),
  btree_gist: () => import('@electric-sql/pglite/contrib/btree_gist'),
  citext: () => import('@electric-sql/pglite/contrib/citext'),
  cube: () => import('@electric-sql/pglite/contrib/cube'),
  earthdistance: () => import('@electric-sql/pglite/contrib/earthdistance'),
  fuzzystrmatch: () => import('@electric-sql/pglite/contrib/fuzzystrmatch'),
  hstore: () => import('@electric-sql/pglite/contrib/hstore'),
  intarray: () => import('@electric-sql/pglite/contrib/intarray'),
  isn: () => import('@electric-sql/pglite/contrib/isn'),
  ltree: () => import('@electric-sql/pglite/contrib/ltree'),
  pg_trgm: () => import('@electric-sql/pglite/contrib/pg_trgm'),
  pgcrypto: () => import('@electric-sql/pglite/contrib/pgcrypto'),
  seg: () => import('@electric-sql/pglite/contrib/seg'),
  tablefunc: () => import('@electric-sql/pglite/contrib/tablefunc'),
  tcn: () => import('@electric-sql/pglite/contrib/tcn'),
  unaccent: () => import('@electric-sql/pglite/contrib/unaccent'),
  'uuid-ossp': () => import('@electric-sql/pglite/contrib/uuid_ossp'),
};

/** Loads the modules of the extensions that are asked for. */
async function extensionsLoaded(): Promise<Extensions> {
  const found = await Promise.all([...loaded].map((name) => CONTRIB[name]!()));
  return Object.assign({}, ...found) as Extensions;
}

/** An empty data directory whose databases have the locale that our servers have, where only the letters of ASCII have two cases. */
async function firstDirectory(PGlite: typeof import('@electric-sql/pglite').PGlite): Promise<Blob> {
  const database = await PGlite.create();
  await database.exec("UPDATE pg_database SET datcollate = 'C', datctype = 'C'");
  const directory = await database.dumpDataDir('none');
  await database.close();
  await keepDirectory(directory);
  return directory;
}

async function start(): Promise<void> {
  const load = () => Promise.all([import('@electric-sql/pglite'), extensionsLoaded()]);
  const [{ PGlite, protocol }, extensions] = await load().catch(() => {
    throw new UnmodelledError('this SQL needs the package @electric-sql/pglite, which is not installed');
  });
  const startParams = [...PGlite.defaultStartParams, ...SETTINGS.flatMap((setting) => ['-c', setting])];
  const loadDataDir = (await keptDirectory()) ?? (await firstDirectory(PGlite));
  const database = await PGlite.create({ startParams, extensions, loadDataDir });
  instance = new Instance((messages) => database.execProtocolRawSync(messages), protocol as unknown as Protocol);
}
