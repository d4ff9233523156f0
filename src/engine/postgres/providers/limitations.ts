/** What cannot be done with a server, in words: for `doctor`, and for the head of every report that rests on it. */
import type { PostgresServer } from './server.js';

export function limitationsOf(server: Pick<PostgresServer, 'canFreeze' | 'canSetDeadlockTimeout'>, role: string): string[] {
  const limitations: string[] = [];
  if (!server.canFreeze)
    limitations.push(
      'waiters cannot be held back: whoever is freed goes on at once, and of several the server chooses. What needs another order is explored on the model, and counted as not forceable here',
    );
  if (!server.canSetDeadlockTimeout)
    limitations.push(
      `the server chooses a deadlock's victim: what follows a deadlock is not forceable here either. As a superuser: GRANT SET ON PARAMETER deadlock_timeout TO "${role}"`,
    );
  return limitations;
}
