/**
 * PostgreSQL's own schedule runner (src/test/isolation of its source), as it comes with the embedded server's package. It takes a
 * specification on standard input, and runs its permutations one after the other in one process.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { findNatives } from '../src/engine/postgres/providers/natives.js';
import type { Connection } from '../src/engine/postgres/providers/server.js';
import { RESET, type Schedule, type Specification } from './specification.js';

/** Null where the package does not bring it. */
export function findIsolationTester(): string | null {
  const path = join(findNatives().directory, 'lib/postgresql/pgxs/src/test/isolation/isolationtester');
  try {
    accessSync(path, constants.X_OK);
    return path;
  } catch {
    return null;
  }
}

const stepName = (session: number, step: number): string => `s${session + 1}step${step + 1}`;

/** The specification in isolationtester's language. */
export function toSpecText({ steps }: Specification, schedules: readonly Schedule[]): string {
  const sessions = steps.map((texts, session) => {
    const lines = texts.map((text, step) => `step ${stepName(session, step)} { ${text}; }`);
    return `session s${session + 1}\n${lines.join('\n')}\n`;
  });
  return `setup { ${RESET} }\n${sessions.join('')}${schedules.map(toPermutation).join('\n')}\n`;
}

function toPermutation({ sent }: Schedule): string {
  const next = new Map<number, number>();
  const names = sent.map((session) => {
    const step = next.get(session) ?? 0;
    next.set(session, step + 1);
    return stepName(session, step);
  });
  return `permutation ${names.join(' ')}`;
}

export interface TesterRun {
  readonly ms: number;
  readonly permutations: number;
  /** Steps that were reported as waiting. */
  readonly waits: number;
}

/** Runs a specification from start to end of the process. Throws where it fails. */
export async function runIsolationTester(tester: string, specText: string, { host, port, user, database }: Connection): Promise<TesterRun> {
  const since = performance.now();
  const child = spawn(tester, [`host=${host} port=${port} user=${user} dbname=${database}`], {
    env: { ...process.env, LD_LIBRARY_PATH: join(findNatives().directory, 'lib') },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let output = '';
  let complaints = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
  });
  child.stdin.end(specText);
  const [exitCode] = (await once(child, 'close')) as [number | null];
  const ms = performance.now() - since;
  if (exitCode !== 0 || /^(?:ERROR|step .*: ERROR)|invalid permutation/m.test(output + complaints))
    throw new Error(`isolationtester ended with ${exitCode}: ${(complaints || output).slice(-1000)}`);
  return { ms, permutations: countOf(output, /^starting permutation:/gm), waits: countOf(output, /<waiting \.\.\.>$/gm) };
}

const countOf = (text: string, pattern: RegExp): number => text.match(pattern)?.length ?? 0;
