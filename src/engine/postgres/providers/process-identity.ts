/**
 * Who owns a scratch directory, database or container: a process, told apart from a later one with the same number. Leftovers
 * are swept only where their owner is known to be dead.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

export interface ProcessIdentity {
  readonly host: string;
  /** Which process numbers are meant: a container has its own. Empty where the system has no such thing. */
  readonly namespace: string;
  /** Differs after a reboot. Empty where `start` is a date already. */
  readonly boot: string;
  readonly pid: number;
  /** When the process started, as the system tells it: Linux counts ticks since the boot, others give a date. */
  readonly start: string;
}

export type Liveness = 'alive' | 'dead' | 'elsewhere';

export function identifyProcess(pid: number): ProcessIdentity | null {
  const start = startOf(pid);
  return start === null ? null : { host: hostname(), namespace: namespace(), boot: boot(), pid, start };
}

/** This process. */
export function ownIdentity(): ProcessIdentity {
  return identifyProcess(process.pid) ?? { host: hostname(), namespace: namespace(), boot: boot(), pid: process.pid, start: '' };
}

/** `elsewhere`: on another host or in another container, where we cannot see whether it lives. */
export function livenessOf(owner: ProcessIdentity): Liveness {
  if (owner.host !== hostname() || owner.namespace !== namespace()) return 'elsewhere';
  if (owner.boot !== boot()) return 'dead';
  const start = startOf(owner.pid);
  if (start === null) return 'dead';
  return owner.start === '' || owner.start === start ? 'alive' : 'dead';
}

/** The identity in a marker that we wrote, or null where it is none. */
export function parseIdentity(value: unknown): ProcessIdentity | null {
  if (typeof value !== 'object' || value === null) return null;
  const { host, namespace, boot, pid, start } = value as Record<string, unknown>;
  if (typeof host !== 'string' || typeof namespace !== 'string' || typeof boot !== 'string') return null;
  if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0 || typeof start !== 'string') return null;
  return { host, namespace, boot, pid, start };
}

function startOf(pid: number): string | null {
  if (process.platform === 'linux') {
    const stat = readOrNull(`/proc/${pid}/stat`);
    // The name in parentheses may hold anything, so fields are counted from its end: state is the 3rd, the start the 22nd.
    const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields === undefined || fields[0] === 'Z' ? null : (fields[19] ?? null);
  }
  try {
    return (
      execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim() || null
    );
  } catch {
    return null;
  }
}

function boot(): string {
  return readOrNull('/proc/sys/kernel/random/boot_id')?.trim() ?? '';
}

function namespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
