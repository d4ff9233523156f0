/** Which cores this process, and what it starts, may run on (Linux with `taskset`; elsewhere nothing is pinned). */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** The cores of this process, as `0-3,6`; null where they cannot be had or set. */
function allowedCores(): string | null {
  try {
    const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? null;
    return list !== null && spawnSync('taskset', ['--version']).status === 0 ? list : null;
  } catch {
    return null;
  }
}

/** The last core that we may use, or null where nothing can be pinned. */
export function lastCore(): number | null {
  const last = allowedCores()?.match(/(\d+)$/)?.[1];
  return last === undefined ? null : Number(last);
}

/** Pins all threads of this process, and whatever it starts from now on, for as long as `work` takes. */
export async function onCore<T>(core: number | null, work: () => Promise<T>): Promise<T> {
  const before = allowedCores();
  if (core === null || before === null) return work();
  pin(String(core));
  try {
    return await work();
  } finally {
    pin(before);
  }
}

function pin(cores: string): void {
  const { status, stderr } = spawnSync('taskset', ['--all-tasks', '--cpu-list', '--pid', cores, String(process.pid)], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`taskset: ${stderr.trim()}`);
}
