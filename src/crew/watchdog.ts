/**
 * Ends this process where code of a scenario's keeps its thread for good, as an endless loop does, and tells whose code it was. A thread of its own looks on: it sees that the
 * event loop has not turned while that code was running.
 */
import { Worker } from 'node:worker_threads';
import { watchRunning } from '../actor/running.js';
import { ACTOR_LIMITS } from '../limits.js';

/** Where the parent reads what was to be told: the file descriptor behind that of its messages. */
export const LAST_WORDS = 4;

/** Longer than what an operation that waits is given, so that this one is told by itself. */
const STALLED_MS = ACTOR_LIMITS.silentMs + 1_000;
const BEAT_MS = 200;
const TEXT_BYTES = 1_000;

/** Places in the shared memory: turns of the event loop; odd while a scenario's code runs; the length of the text that says whose. */
const [BEAT, RUNNING, LENGTH] = [0, 1, 2];

/** Runs as it stands here, whether or not this file is compiled. */
const LOOK_ON = `
  const { workerData: { numbers, text, words, stalledMs, beatMs } } = require('node:worker_threads');
  const { writeSync } = require('node:fs');
  let [beat, running, sinceMs] = [-1, -1, 0];
  setInterval(() => {
    const now = [Atomics.load(numbers, 0), Atomics.load(numbers, 1)];
    if (now[0] !== beat || now[1] !== running || now[1] % 2 === 0) {
      [beat, running] = now;
      sinceMs = 0;
      return;
    }
    sinceMs += beatMs;
    if (sinceMs < stalledMs) return;
    writeSync(words, Buffer.from(text.slice(0, Atomics.load(numbers, 2))));
    process.kill(process.pid, 'SIGKILL');
  }, beatMs);
`;

export function startWatchdog(): void {
  const numbers = new Int32Array(new SharedArrayBuffer(3 * Int32Array.BYTES_PER_ELEMENT));
  const text = new Uint8Array(new SharedArrayBuffer(TEXT_BYTES));
  const encoder = new TextEncoder();
  const own = new Uint8Array(TEXT_BYTES);
  setInterval(() => Atomics.add(numbers, BEAT!, 1), BEAT_MS).unref();
  const thread = new Worker(LOOK_ON, {
    eval: true,
    execArgv: [],
    workerData: { numbers, text, words: LAST_WORDS, stalledMs: STALLED_MS, beatMs: BEAT_MS },
  });
  thread.unref();
  watchRunning({
    begin: (what) => {
      const { written } = encoder.encodeInto(what.slice(0, TEXT_BYTES / 4), own);
      text.set(own.subarray(0, written));
      Atomics.store(numbers, LENGTH!, written);
      Atomics.store(numbers, RUNNING!, Atomics.load(numbers, RUNNING!) | 1);
    },
    end: () => {
      const now = Atomics.load(numbers, RUNNING!);
      if (now % 2 === 1) Atomics.store(numbers, RUNNING!, now + 1);
    },
  });
}
