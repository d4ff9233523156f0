import { spawnSync } from 'node:child_process';

/**
 * Keeps this process on one core, where there is `taskset`: next to its server, since a wake-up across cores costs more than a round trip does.
 * Elsewhere nothing happens.
 */
export function pinTo(core: number): void {
  spawnSync('taskset', ['-a', '-c', '-p', String(core), String(process.pid)], { stdio: 'ignore' });
}
