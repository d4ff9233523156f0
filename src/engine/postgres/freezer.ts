/**
 * Holds waiting backends of a local server with SIGSTOP, so that they go on when a schedule says so. A backend that is frozen ignores SIGTERM:
 * everybody must be thawed on every way out.
 */
export class Freezer {
  readonly enabled: boolean;
  readonly #frozen = new Set<number>();
  #retired = false;

  constructor(enabled: boolean) {
    this.enabled = enabled;
  }

  freeze(pid: number): void {
    if (!this.enabled || this.#retired) return;
    process.kill(pid, 'SIGSTOP');
    this.#frozen.add(pid);
  }

  thaw(pid: number): void {
    if (!this.#frozen.delete(pid)) return;
    try {
      process.kill(pid, 'SIGCONT');
    } catch (error) {
      // Gone already, with its server.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  thawAll(): void {
    for (const pid of [...this.#frozen]) this.thaw(pid);
  }

  /** Those that were frozen are gone, killed. */
  forgetAll(): void {
    this.#frozen.clear();
  }

  /** Thaws everybody for good: a step that is still under way freezes nobody behind our back. */
  retire(): void {
    this.#retired = true;
    this.thawAll();
  }
}
