/** The real isolationtester, to judge our printing by. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { findIsolationTester } from '../bench/isolationtester.js';
import { findNatives } from '../src/engine/postgres/providers/natives.js';
import type { PostgresServer } from '../src/engine/postgres/providers/server.js';

export interface TesterOutput {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a specification on a database of its own, with PostgreSQL's default `deadlock_timeout`, which our servers do not have. */
export async function isolationTester(
  server: PostgresServer,
  specification: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<TesterOutput> {
  const database = await server.createDatabase();
  const { host, port, user, database: name } = database.connection;
  const options = Object.entries({ deadlock_timeout: '1s', ...settings }).map(
    ([key, value]) => `-c ${key}=${value.replaceAll(' ', '\\ ')}`,
  );
  const output = await run(`host=${host} port=${port} user=${user} dbname=${name}`, specification, options.join(' '));
  await database.drop();
  return output;
}

/** What it says of a text without a server: it reads the whole text before it looks for one. */
export const isolationTesterReads = (specification: string): Promise<TesterOutput> =>
  run('host=/nowhere dbname=nothing', specification, '');

async function run(connection: string, specification: string, options: string): Promise<TesterOutput> {
  const tester = findIsolationTester();
  if (tester === null) throw new Error('the embedded package brings no isolationtester');
  const child = spawn(tester, [connection], {
    env: { ...process.env, LD_LIBRARY_PATH: join(findNatives().directory, 'lib'), PGOPTIONS: options },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdin.end(specification);
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { exitCode, stdout, stderr };
}
