/**
 * Kills a command with SIGKILL at seeded random moments and looks for what it leaves: processes, directories, shared memory.
 *
 *   npx tsx bench/kill-leftovers.ts [--times 50] [--seed 1] [--span 1500] [-- command ...]
 *
 * `--span`: moments are drawn evenly from so many milliseconds after the start. Exits with 1 if anything is left after 10 s. Without a command it
 * kills kill-leftovers-victim.ts, which opens an embedded server and freezes a backend.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { leftoversAfter, leftoversSeen } from './leftovers-seen.js';

const LIMIT_MS = 10_000;

const { values, positionals } = parseArgs({
  options: { times: { type: 'string', default: '50' }, seed: { type: 'string', default: '1' }, span: { type: 'string', default: '1500' } },
  allowPositionals: true,
});
const victim = fileURLToPath(new URL('./kill-leftovers-victim.ts', import.meta.url));
const command = positionals.length > 0 ? positionals : [process.execPath, '--import', 'tsx', victim];

const before = leftoversSeen();
if (before.length > 0) console.error(`left by others, and not counted:\n${before.join('\n')}`);

let failures = 0;
let slowestMs = 0;
for (let index = 0; index < Number(values.times); index += 1) {
  const momentMs = Math.floor(fraction(`${values.seed}/${index}`) * Number(values.span));
  const stage = await killAfter(momentMs);
  const since = performance.now();
  const left = await leftoversAfter(LIMIT_MS, before);
  slowestMs = Math.max(slowestMs, performance.now() - since);
  if (left.length > 0) {
    failures += 1;
    console.log(`kill ${index} after ${momentMs} ms (${stage}) left:\n${left.join('\n')}`);
  }
}
console.log(`${values.times} kills, ${failures} left something; all gone ${Math.ceil(slowestMs)} ms after the kill at the latest`);
process.exitCode = failures > 0 ? 1 : 0;

/** Kills the command and what it started in its process group; returns the last line that it had said. */
async function killAfter(momentMs: number): Promise<string> {
  const [program = '', ...rest] = command;
  const child = spawn(program, rest, { detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const closed = new Promise((resolve) => child.once('close', resolve));
  await Promise.race([new Promise((resolve) => setTimeout(resolve, momentMs)), closed]);
  try {
    process.kill(-child.pid!, 'SIGKILL');
  } catch {
    // It had ended by itself.
  }
  await closed;
  return said.trim().split('\n').at(-1) || 'nothing said';
}

/** In [0, 1), a function of the text. */
function fraction(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE(0) / 2 ** 32;
}
