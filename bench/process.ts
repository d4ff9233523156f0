/** Node processes of our own, started cold and timed from outside. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface TimedLine {
  readonly text: string;
  /** Since the process was started. */
  readonly ms: number;
}

export interface TimedProcess {
  readonly lines: readonly TimedLine[];
  readonly exitCode: number | null;
  /** From its start to its end. */
  readonly ms: number;
}

export const childPath = (name: string): string => fileURLToPath(new URL(`./children/${name}.ts`, import.meta.url));

/** Runs a TypeScript file with tsx and notes when it says what. */
export async function runTypeScript(file: string, args: readonly string[] = []): Promise<TimedProcess> {
  const since = performance.now();
  const child = spawn(process.execPath, ['--import', 'tsx', file, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: TimedLine[] = [];
  let complaints = '';
  createInterface({ input: child.stdout }).on('line', (text) => lines.push({ text, ms: performance.now() - since }));
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
  });
  const [exitCode] = (await once(child, 'close')) as [number | null];
  if (exitCode !== 0 && lines.length === 0) throw new Error(`${file} failed with ${exitCode}: ${complaints.slice(-2000)}`);
  return { lines, exitCode, ms: performance.now() - since };
}
