/**
 * Runs a command in cold processes, by default the suite under seed 42, and prints how long each took and how much memory it had at most:
 * the proportional set sizes (Linux, /proc) of the process, its workers and their servers, summed, looked at five times a second.
 *
 *   npx tsx bench/suite.ts [--times 5] [-- arguments of npm run sim ...]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { median } from './figure.js';

const LOOK_MS = 200;
const MEGABYTE = 1024;

const { values, positionals } = parseArgs({ options: { times: { type: 'string', default: '5' } }, allowPositionals: true });
const main = fileURLToPath(new URL('../sim/main.ts', import.meta.url));
const seconds: number[] = [];
const megabytes: number[] = [];
for (let time = 1; time <= Number(values.times); time += 1) {
  const since = performance.now();
  const child = spawn(process.execPath, ['--import', 'tsx', main, ...(positionals.length > 0 ? positionals : ['--seed', '42'])], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  let most = 0;
  const timer = setInterval(() => {
    most = Math.max(most, memoryOf(child.pid!) / MEGABYTE);
  }, LOOK_MS);
  const [exitCode] = (await once(child, 'exit')) as [number | null];
  clearInterval(timer);
  seconds.push((performance.now() - since) / 1000);
  megabytes.push(most);
  console.log(`${time}: ${seconds.at(-1)!.toFixed(1)} s, ${most.toFixed(0)} MB, exit code ${exitCode}`);
}
console.log(`median: ${median(seconds).toFixed(1)} s, ${median(megabytes).toFixed(0)} MB`);

/** Of a process and all below it, in kilobytes. */
function memoryOf(root: number): number {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    // The name, in parentheses, may hold anything; the parent is the second field behind it.
    const parent = Number(read(`/proc/${entry}/stat`).split(') ').at(-1)!.split(' ')[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  let sum = 0;
  for (const open = [root]; open.length > 0; ) {
    const pid = open.pop()!;
    sum += Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0);
    open.push(...(children.get(pid) ?? []));
  }
  return sum;
}

/** Empty where the process has gone meanwhile. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
