import type { Cache, Client, EmittedEvent, Operation, OperationContext, QueryConfig, QueryResult, Store } from '../context.js';
import { plainParameters } from '../parameters.js';
import { type Reply, toError, toQueryResult } from '../reply.js';
import randomStream from '../schedule/random.js';
import type { CacheCall, Finished, Request, StoreCall } from './request.js';

/** What an actor did between two scheduling points. */
export interface Segment {
  /** What it waits for now; null where it has finished. */
  readonly request: Request | null;
  readonly finished: Finished | null;
  readonly events: readonly EmittedEvent[];
  readonly readClock: boolean;
}

interface Pending {
  readonly request: Request;
  readonly settle: (reply: Reply) => void;
}

/**
 * An operation under way. Its client, store and cache park every call; `next` waits for the call and `answer` lets it go on. Calls that it makes
 * at once (`Promise.all` over one client) queue up, as they do in `pg`.
 */
export class LiveActor {
  readonly #pending: Pending[] = [];
  #finished: Finished | null = null;
  #events: EmittedEvent[] = [];
  #readClock = false;
  #clockMs: number;
  #wake: (() => void) | null = null;
  readonly #sites: boolean;

  constructor(operation: Operation, input: unknown, options: { seed: string; clockMs: number; sites: boolean }) {
    this.#clockMs = options.clockMs;
    this.#sites = options.sites;
    const context = this.#context(options.seed);
    // The first segment runs from a clean stack, like every later one.
    Promise.resolve()
      .then(() => operation(context, structuredClone(input)))
      .then(
        (value) => this.#finish({ value: value === undefined ? null : JSON.parse(JSON.stringify(value)) }),
        (error: unknown) => this.#finish({ error: describeError(error) }),
      );
  }

  /** Waits until the actor has a call parked or has finished. */
  async next(): Promise<Segment> {
    while (this.#pending.length === 0 && this.#finished === null) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const segment: Segment = {
      request: this.#pending[0]?.request ?? null,
      finished: this.#pending.length === 0 ? this.#finished : null,
      events: this.#events,
      readClock: this.#readClock,
    };
    this.#events = [];
    this.#readClock = false;
    return segment;
  }

  /** Answers the parked call; the clock stands at `clockMs` from here on. */
  answer(reply: Reply, clockMs: number): void {
    const parked = this.#pending.shift();
    if (parked === undefined) throw new Error('nothing is parked');
    this.#clockMs = clockMs;
    parked.settle(reply);
  }

  #finish(finished: Finished): void {
    this.#finished = finished;
    this.#wake?.();
  }

  #park<T>(request: Request, read: (reply: Reply) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const settle = (reply: Reply) => {
        if (reply.kind === 'error') reject(toError(reply));
        else resolve(read(reply));
      };
      this.#pending.push({ request, settle });
      this.#wake?.();
    });
  }

  #context(seed: string): OperationContext {
    const site = () => (this.#sites ? callSite() : null);
    const clientOf = (session: number): Client => {
      const query = (textOrConfig: string | QueryConfig, values?: readonly unknown[]) => {
        const { text, values: bound } = typeof textOrConfig === 'string' ? { text: textOrConfig, values } : textOrConfig;
        let sent: readonly unknown[];
        try {
          sent = plainParameters(bound ?? []);
        } catch (error) {
          return Promise.reject(error);
        }
        const request: Request = { kind: 'query', text, values: sent, session, site: site() };
        return this.#park(request, (reply) => toQueryResult(reply as Extract<Reply, { kind: 'result' }>) as QueryResult<never>);
      };
      return { query } as Client;
    };
    let sessions = 0;
    const connect = () => {
      sessions += 1;
      const session = sessions;
      return this.#park({ kind: 'connect', site: site() }, () => clientOf(session));
    };
    const answerOf = (reply: Reply) => structuredClone((reply as Extract<Reply, { kind: 'value' }>).value);
    const store = (call: StoreCall) => this.#park({ kind: 'store', call, site: site() }, answerOf);
    const cache = (call: CacheCall) => this.#park({ kind: 'cache', call, site: site() }, answerOf);
    return {
      client: clientOf(0),
      connect,
      clock: {
        now: () => {
          this.#readClock = true;
          return new Date(this.#clockMs);
        },
      },
      random: randomStream(seed),
      store: {
        read: (name) => store({ op: 'read', name }) as Promise<string | null>,
        write: (name, content) => store({ op: 'write', name, content }) as Promise<void>,
        rename: (from, to) => store({ op: 'rename', from, to }) as Promise<void>,
        remove: (name) => store({ op: 'remove', name }) as Promise<void>,
        list: () => store({ op: 'list' }) as Promise<string[]>,
      } satisfies Store,
      cache: {
        get: (key) => cache({ op: 'get', key }) as Promise<string | null>,
        set: (key, value, ttlMs) => cache({ op: 'set', key, value, ttlMs }) as Promise<void>,
        delete: (key) => cache({ op: 'delete', key }) as Promise<void>,
      } satisfies Cache,
      emit: (event) => {
        this.#events.push(event);
      },
    };
  }
}

function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? `${code} ${error.message}` : `${error.name}: ${error.message}`;
}

/** Where in the actor's code the call stands: the first frame that is not ours, relative to the working directory. */
function callSite(): string | null {
  const here = import.meta.url;
  for (const line of (new Error().stack ?? '').split('\n').slice(1)) {
    const match = /(?:\(|at )((?:file:\/\/)?\/[^():]+|[A-Za-z]:[^():]+):(\d+):\d+\)?$/.exec(line);
    if (match === null || line.includes(here)) continue;
    const file = match[1]!.replace('file://', '');
    if (here.endsWith(file)) continue;
    const root = `${process.cwd()}/`;
    return `${file.startsWith(root) ? file.slice(root.length) : file.split('/').at(-1)}:${match[2]}`;
  }
  return null;
}
