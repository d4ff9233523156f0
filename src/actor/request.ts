/** What an actor waits for: a scheduling point. */
export type Request =
  | {
      readonly kind: 'query';
      readonly text: string;
      readonly values: readonly unknown[];
      /** Which of the actor's sessions, from 0: one more for every `connect`. */
      readonly session: number;
      readonly site: string | null;
    }
  | { readonly kind: 'connect'; readonly site: string | null }
  | { readonly kind: 'store'; readonly call: StoreCall; readonly site: string | null }
  | { readonly kind: 'cache'; readonly call: CacheCall; readonly site: string | null };

export type StoreCall =
  | { readonly op: 'read'; readonly name: string }
  | { readonly op: 'write'; readonly name: string; readonly content: string }
  | { readonly op: 'rename'; readonly from: string; readonly to: string }
  | { readonly op: 'remove'; readonly name: string }
  | { readonly op: 'list' };

export type CacheCall =
  | { readonly op: 'get'; readonly key: string }
  | { readonly op: 'set'; readonly key: string; readonly value: string; readonly ttlMs: number }
  | { readonly op: 'delete'; readonly key: string };

/** One line for a request, as histories show it. */
export function describeRequest(request: Request): string {
  if (request.kind === 'query') return request.text;
  if (request.kind === 'connect') return 'connect';
  const { call } = request;
  switch (call.op) {
    case 'rename':
      return `${request.kind} rename ${call.from} ${call.to}`;
    case 'list':
      return `${request.kind} list`;
    case 'get':
    case 'set':
    case 'delete':
      return `${request.kind} ${call.op} ${call.key}`;
    default:
      return `${request.kind} ${call.op} ${call.name}`;
  }
}

/** A request with all that it says: two are the same when these are. The call site may move, the call may not. */
export function describeInFull(request: Request): string {
  if (request.kind === 'connect') return 'connect';
  if (request.kind !== 'query') return `${describeRequest(request)} ${JSON.stringify(request.call)}`;
  return request.values.length === 0 ? request.text : `${request.text} with ${JSON.stringify(request.values)}`;
}
