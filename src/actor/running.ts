/**
 * Whose code is running, for somebody who watches from outside of this thread: code that never gives it back cannot be interrupted from within. Nobody watches
 * unless {@link watchRunning} says so.
 */
export interface RunningWatch {
  /** Code of the scenario's runs from here on; in words: `the operation of alice, since it began`. */
  readonly begin: (what: string) => void;
  readonly end: () => void;
}

let watch: RunningWatch | null = null;

export const watchRunning = (watcher: RunningWatch): void => {
  watch = watcher;
};

export const runningBegins = (what: () => string): void => watch?.begin(what());
export const runningEnds = (): void => watch?.end();
