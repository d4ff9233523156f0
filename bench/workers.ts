/** Processes like lastseat's workers, one on each core, that run batches of schedules at the same time. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { childPath } from './process.js';

export interface Workers {
  readonly count: number;
  /** Every worker runs a batch; the time until the last of them is done. */
  batchMs(): Promise<number>;
  stop(): Promise<void>;
}

/** Starts them and waits until all are warm. */
export async function startWorkers(blockedSteps: number, batch: number, quick: boolean): Promise<Workers> {
  const count = cpus().length;
  const children = Array.from({ length: count }, (_, core) =>
    fork(childPath('schedules-on-a-core'), [core, blockedSteps, batch, quick ? 1 : 0].map(String)),
  );
  await Promise.all(children.map(answerOf));
  return {
    count,
    batchMs: async () => {
      const answers = children.map(answerOf);
      for (const child of children) child.send('run');
      return Math.max(...((await Promise.all(answers)) as number[]));
    },
    stop: async () => {
      const ended = children.map((child) => once(child, 'exit'));
      for (const child of children) child.send('stop');
      await Promise.all(ended);
    },
  };
}

async function answerOf(child: ChildProcess): Promise<unknown> {
  const died = once(child, 'exit').then(() => {
    throw new Error('a worker of the benchmark has died');
  });
  const [message] = (await Promise.race([once(child, 'message'), died])) as [unknown];
  // Its end after the answer is as it should be.
  died.catch(() => undefined);
  return message;
}
