import type { Cache, Client, EmittedEvent, Operation, OperationContext, QueryResult, Store } from '../context.js';
import { ACTOR_LIMITS } from '../limits.js';
import { plainParameters } from '../parameters.js';
import { type Reply, toError, toQueryResult } from '../reply.js';
import { ScenarioError } from '../scenario-error.js';
import randomStream from '../schedule/random.js';
import { noteCall } from './called.js';
import { type End, type Finished, returned, threw } from './finished.js';
import { placeOf } from './place.js';
import { type QueryCall, readQueryCall } from './query-call.js';
import { type CacheCall, describeRequest, type Request, type StoreCall } from './request.js';
import { runningBegins, runningEnds } from './running.js';
import { turnOfEventLoop, withPatience } from './turn.js';

/** What an actor did between two scheduling points. */
export interface Segment {
  /** What it waits for now; null where it has finished. */
  readonly request: Request | null;
  readonly finished: Finished | null;
  readonly ending: End['ending'] | null;
  readonly events: readonly EmittedEvent[];
  readonly readClock: boolean;
  /** The operation has ended, and this call of its is still under way: with its place. */
  readonly leftBehind: string | null;
}

interface Pending {
  readonly request: Request;
  /** Made at the call. Its stack is formatted where it is asked for only: that takes long. */
  readonly called: Error;
  readonly settle: (reply: Reply) => void;
}

/**
 * An operation under way. Its client, store and cache park every call; `next` waits for the call and `answer` lets it go on. Calls that it makes
 * at once (`Promise.all` over one client) queue up, as they do in `pg`.
 */
export class LiveActor {
  readonly #pending: Pending[] = [];
  readonly #name: string;
  #end: End | null = null;
  /** What no reply can come of: the exploration ends with it. */
  #failure: Error | null = null;
  #events: EmittedEvent[] = [];
  #readClock = false;
  #clockMs: number;
  #wake: (() => void) | null = null;
  /** The call that was answered last, and how many have been. */
  #answered: Pending | null = null;
  #answers = 0;
  readonly #sites: boolean;

  constructor(operation: Operation, input: unknown, options: { name: string; seed: string; clockMs: number; sites: boolean }) {
    this.#name = options.name;
    this.#clockMs = options.clockMs;
    this.#sites = options.sites;
    const context = this.#context(options.seed);
    runningBegins(() => this.#whose());
    // The first segment runs from a clean stack, like every later one.
    Promise.resolve()
      .then(() => operation(context, structuredClone(input)))
      .then(
        (value) => this.#finish(() => returned(value)),
        (error: unknown) => this.#finish(() => threw(error)),
      );
  }

  /** Waits until the actor has a call parked or has finished. */
  async next(): Promise<Segment> {
    // It may end without waiting for a call that it has just made: only then is that known.
    await turnOfEventLoop();
    await this.#somethingToTell();
    runningEnds();
    if (this.#failure !== null) throw this.#failure;
    const [first] = this.#pending;
    const segment: Segment = {
      request: first?.request ?? null,
      finished: first === undefined ? this.#end!.finished : null,
      ending: first === undefined ? this.#end!.ending : null,
      events: this.#events,
      readClock: this.#readClock,
      leftBehind: first === undefined || this.#end === null ? null : describeCall(first),
    };
    this.#events = [];
    this.#readClock = false;
    return segment;
  }

  async #somethingToTell(): Promise<void> {
    if (this.#hasSomething()) return;
    const { silentMs } = ACTOR_LIMITS;
    const told = new Promise<void>((resolve) => {
      this.#wake = () => {
        if (this.#hasSomething()) resolve();
      };
    });
    await withPatience(silentMs, told, () =>
      this.#fail(
        new ScenarioError(
          `the operation of ${this.#name} has neither called anything nor ended for ${silentMs / 1000} s ${this.#since()}: it waits for something that lastseat does not know, such as a connection or a timer of its own`,
        ),
      ),
    );
    await turnOfEventLoop();
  }

  #whose(): string {
    const since =
      this.#answered === null
        ? 'since it began'
        : `since its call number ${this.#answers}, ${describeRequest(this.#answered.request)}, was answered`;
    return `the operation of ${this.#name} ${since}`;
  }

  /** After which step that was. */
  #since(): string {
    return this.#answered === null
      ? 'since it began'
      : `since its call number ${this.#answers}, ${describeCall(this.#answered)}, was answered`;
  }

  #hasSomething(): boolean {
    return this.#pending.length > 0 || this.#end !== null || this.#failure !== null;
  }

  /** Answers the parked call; the clock stands at `clockMs` from here on. */
  answer(reply: Reply, clockMs: number): void {
    const parked = this.#pending.shift();
    if (parked === undefined) throw new Error('nothing is parked');
    this.#answered = parked;
    this.#answers += 1;
    runningBegins(() => this.#whose());
    this.#clockMs = clockMs;
    parked.settle(reply);
  }

  #finish(read: () => End): void {
    try {
      this.#end = read();
      this.#wake?.();
    } catch (error) {
      this.#fail(error instanceof ScenarioError ? new ScenarioError(`${this.#name}: ${error.message}`, error.cause) : (error as Error));
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wake?.();
  }

  #park<T>(request: Request, read: (reply: Reply) => T): Promise<T> {
    const called = new Error('called here');
    noteCall(request, called);
    const answered = new Promise<T>((resolve, reject) => {
      const settle = (reply: Reply) => {
        if (reply.kind === 'error') reject(toError(reply));
        else resolve(read(reply));
      };
      this.#pending.push({ request, called, settle });
      this.#wake?.();
    });
    // Nobody may be waiting for it any more, and its failure then is nobody's.
    answered.catch(() => undefined);
    return answered;
  }

  #context(seed: string): OperationContext {
    const site = () => (this.#sites ? placeOf(new Error('called here')) : null);
    const clientOf = (session: number): Client => {
      const query = (...given: readonly unknown[]) => {
        let call: QueryCall;
        try {
          call = readQueryCall(given);
        } catch (error) {
          // What lastseat does not know is not the operation's to catch.
          const place = placeOf(new Error());
          this.#fail(
            error instanceof ScenarioError && place !== null
              ? new ScenarioError(`${this.#name}: ${error.message}, at ${place}`)
              : (error as Error),
          );
          return new Promise<never>(() => undefined);
        }
        let sent: readonly unknown[];
        try {
          sent = plainParameters(call.values);
        } catch (error) {
          return Promise.reject(error);
        }
        const request: Request = { kind: 'query', text: call.text, values: sent, session, site: site() };
        return this.#park(
          request,
          (reply) => toQueryResult(reply as Extract<Reply, { kind: 'result' }>, call.asArrays) as QueryResult<never>,
        );
      };
      return Object.defineProperties({ query }, ABSENT) as Client;
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

/** `its call at book.ts:7, UPDATE seats ...`. */
function describeCall({ request, called }: Pending): string {
  const place = placeOf(called);
  return `${place === null ? '' : `at ${place}, `}${describeRequest(request)}`;
}

/** What `pg`'s clients have, and ours do not: they are taken from a pool, and given back, outside of the operation. */
const ABSENT = Object.fromEntries(
  ['connect', 'release', 'end', 'on', 'once'].map((name) => [
    name,
    {
      value: () => {
        throw new TypeError(
          `client.${name} is not there: the client that lastseat gives to an operation has query() only. Connect and release outside of the operation`,
        );
      },
    },
  ]),
);
