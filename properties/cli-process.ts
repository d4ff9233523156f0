/** For tests of the command line: the program as a process, or its commands within this one; and small scenarios written to files. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished, vi } from 'vitest';
import { commandLine } from '../sim/command-line.js';

const MAIN = fileURLToPath(new URL('../sim/main.ts', import.meta.url));
const LIBRARY = new URL('../src/index.ts', import.meta.url).href;

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process under way. It leads a process group of its own, as behind a terminal. */
export interface Running {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Waits until either stream has said a text. */
  says(text: string): Promise<void>;
  /** Sends a signal to the whole group, as Ctrl-C on a terminal does. */
  signalGroup(signal: NodeJS.Signals): void;
}

/** The command for a process: `[program, ...arguments]`. */
export const simCommand = (...args: string[]): string[] => [process.execPath, '--import', 'tsx', MAIN, ...args];

/** The environment without what would change what is printed, or where PostgreSQL comes from. */
export function plainEnvironment(): NodeJS.ProcessEnv {
  const { NO_COLOR: _no, FORCE_COLOR: _force, LASTSEAT_POSTGRES: _postgres, ...rest } = process.env;
  return rest;
}

export function start(...args: string[]): Running {
  const [program, ...rest] = simCommand(...args);
  const child = spawn(program!, rest, { detached: true, stdio: ['ignore', 'pipe', 'pipe'], env: plainEnvironment() });
  onTestFinished(() => void child.kill('SIGKILL'));
  const said = { stdout: '', stderr: '' };
  const listeners = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
      for (const listener of listeners) listener();
    });
  const ended = new Promise<Ended>((resolve) => child.once('close', (code, signal) => resolve({ code, signal, ...said })));
  return {
    process: child,
    ended,
    says: (text) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!`${said.stdout}${said.stderr}`.includes(text)) return;
          listeners.delete(look);
          resolve();
        };
        listeners.add(look);
        look();
        void ended.then(() => reject(new Error(`it ended without saying "${text}", but: ${said.stdout}${said.stderr}`)));
      }),
    signalGroup: (signal) => void process.kill(-child.pid!, signal),
  };
}

export const sim = (...args: string[]): Promise<Ended> => start(...args).ended;

/** The same within this process, which saves its start. Worker processes are processes still. */
export async function simHere(...args: string[]): Promise<Ended> {
  const said = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      said[name] += String(text);
      return true;
    }),
  );
  try {
    return { code: await withWorkers(() => commandLine(args)), signal: null, ...said };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

/** Worker processes are started as this process was; here as `npm run sim` is. */
export async function withWorkers<T>(work: () => Promise<T>): Promise<T> {
  const { execArgv } = process;
  process.execArgv = ['--import', 'tsx'];
  try {
    return await work();
  } finally {
    process.execArgv = execArgv;
  }
}

/** A directory of the test's own, gone after it. */
export function scratchDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'lastseat-test-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export const UNSAFE = `
    const { rows } = await client.query('SELECT count(*) AS n FROM bookings');
    if (Number(rows[0].n) >= 1) return 'full';
    await client.query('INSERT INTO bookings (slot) VALUES (1)');
    return 'booked';`;

export const SAFE = `
    await client.query('BEGIN');
    await client.query('SELECT id FROM slots WHERE id = 1 FOR UPDATE');
    const { rows } = await client.query('SELECT count(*) AS n FROM bookings');
    if (Number(rows[0].n) < 1) await client.query('INSERT INTO bookings (slot) VALUES (1)');
    await client.query('COMMIT');`;

export interface OwnScenario {
  /** The body of the operation `book`. */
  readonly book?: string;
  /** Properties in place of the ordinary ones, as code. */
  readonly instead?: string;
  /** Code before the scenario. */
  readonly before?: string;
}

/** Writes a scenario called `own/NAME`: two bookers of one slot, who may not both get it. Returns the file's path. */
export function writeScenario(directory: string, name: string, { book = SAFE, instead = '', before = '' }: OwnScenario = {}): string {
  const file = join(directory, `${name}.ts`);
  const text = `import { always, defineScenario, integer } from '${LIBRARY}';
${before}
export default defineScenario({
  name: 'own/${name}',
  description: 'A slot, and two who want it.',
  schema: \`CREATE TABLE slots (id integer PRIMARY KEY, capacity integer NOT NULL);
    CREATE TABLE bookings (id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, slot integer NOT NULL)\`,
  seed: ({ capacity }) => \`INSERT INTO slots VALUES (1, \${capacity})\`,
  operations: { book: async ({ client }) => {${book}
  } },
  workloads: [{ name: 'two', capacity: always(1), roles: [{ operation: 'book', input: always({}), min: 2, max: 2 }] }],
  invariants: [{
    name: 'capacity',
    check: ({ tables }) => tables.bookings.length > tables.slots[0].capacity ? [{ resource: 'slot 1', message: 'sold twice' }] : [],
  }],
  expect: { 'READ COMMITTED': 'holds' },
  ${instead}
});
`;
  writeFileSync(file, text);
  return file;
}
