import { ACTOR_LIMITS } from '../limits.js';
import { type Reply, replyKey } from '../reply.js';
import type { Request } from './request.js';
import { describeInFull } from './request.js';

/** One call of an operation, and its answer: a link of the chain that led to where it stands. */
export interface Answered {
  readonly request: Request | null;
  readonly reply: Reply | null;
  readonly parent: Answered | null;
  /** Calls that were answered up to here. */
  readonly calls: number;
}

/**
 * Says how an operation goes on for ever, where it does; else null. It goes round in a circle when it has made the same calls with the same
 * answers again and again, and written nothing: an operation depends on its replies only. Or it has made more calls than one may.
 */
export function endlessness(at: Answered): string | null {
  const { calls, rounds, roundCalls } = ACTOR_LIMITS;
  if (at.calls >= calls) return `it has made ${calls} calls, which is the limit of one operation (src/limits.ts)`;
  if (at.calls < rounds) return null;
  for (let length = 1; length <= roundCalls && length * rounds <= at.calls; length += 1) {
    const round = lastRound(at, length, rounds);
    if (round !== null) return `it goes round in a circle, ${rounds} times the same with the same answers: ${round.join('; ')}`;
  }
  return null;
}

/** The calls of the last round, as text; null where the last calls are no such rounds. */
function lastRound(at: Answered, length: number, rounds: number): string[] | null {
  const keys: string[] = [];
  let node = at;
  for (let back = 0; back < length * rounds; back += 1) {
    const key = keyOf(node);
    if (back < length) keys.push(key);
    else if (keys[back % length] !== key) return null;
    node = node.parent!;
  }
  const round: Answered[] = [];
  for (node = at; round.length < length; node = node.parent!) round.unshift(node);
  return leavesNoTrace(round) ? round.map(shown) : null;
}

/** What was asked, and what came of it. */
const keyOf = ({ parent, reply }: Answered): string => `${describeInFull(parent!.request!)} -> ${replyKey(reply!)}`;

/** Nothing was written in the round, or all of it was rolled back. */
function leavesNoTrace(round: readonly Answered[]): boolean {
  const isRolledBack = round.some(({ reply }) => reply?.kind === 'result' && reply.command === 'ROLLBACK');
  return (
    isRolledBack ||
    round.every(({ parent, reply }) => {
      const { request } = parent!;
      if (request?.kind === 'store' || request?.kind === 'cache') return ['read', 'list', 'get'].includes(request.call.op);
      return reply?.kind !== 'result' || !/^(INSERT|UPDATE|DELETE|MERGE)/.test(reply.command) || reply.rowCount === 0;
    })
  );
}

function shown({ parent, reply }: Answered): string {
  const asked = describeInFull(parent!.request!);
  if (reply!.kind === 'error') return `${asked} -> ${reply!.code} ${reply!.message}`;
  if (reply!.kind === 'value') return `${asked} -> ${JSON.stringify(reply!.value)}`;
  const { rowCount, rows } = reply as Extract<Reply, { kind: 'result' }>;
  const [row] = rows;
  return `${asked}${row !== undefined ? ` -> ${JSON.stringify(row)}` : rowCount === null ? '' : ` -> ${rowCount} rows`}`;
}
