import { EngineError, onCycle } from '../contract.js';
import type { Message } from '../messages.js';
import { Inspector } from './inspector.js';
import type { Settings } from './providers/client.js';
import type { Connection } from './providers/server.js';
import { TextSession } from './text-session.js';
import { answeredWithin } from './waiting.js';

/** An answer that comes at once needs no question who blocks whom. */
const ASK_AFTER_MS = 2;
/** Between two questions, unless a session hears something before. */
const ASK_EVERY_MS = 2;
/** A session that waits for one that runs on is likely to be let go in a moment: so long this is not taken for a wait. */
const MOMENT_MS = 100;
/** The end of a session that is told to go. */
const TERMINATION_MS = 10_000;

export interface TextSessionsOptions {
  readonly connection: Connection;
  /** What each session is called at the server. */
  readonly names: readonly string[];
  readonly settings: Settings;
  readonly hear: (session: number, message: Message) => void;
  /** A wait may end by itself: a timeout has been set somewhere. */
  readonly mayTimeOut: boolean;
  /** A session may cancel or end another: what the lock table does not show before it has happened. */
  readonly mayBeSignalled: boolean;
  /** How long a session may run on, or wait for something that may end by itself. */
  readonly patienceMs: number;
}

interface Slot {
  readonly session: TextSession;
  underWay: boolean;
  /** It waited for a lock when the server was last asked. */
  blocked: boolean;
  closed: boolean;
}

/**
 * Sessions that run freely: nobody is frozen, deadlocks and timeouts are the server's. What is settled is known from the server's own word, never from
 * the time that something takes.
 */
export class TextSessions {
  readonly #options: TextSessionsOptions;
  readonly #inspector: Inspector;
  #slots: Slot[] = [];
  #heard = 0;
  #next = signal();

  private constructor(options: TextSessionsOptions, inspector: Inspector) {
    this.#options = options;
    this.#inspector = inspector;
  }

  static async open(options: TextSessionsOptions): Promise<TextSessions> {
    const sessions = new TextSessions(options, await Inspector.connect(options.connection));
    for (const [index] of options.names.entries()) sessions.#slots.push(await sessions.#connect(index));
    return sessions;
  }

  async #connect(index: number): Promise<Slot> {
    let slot: Slot | null = null;
    const hear = (message: Message) => {
      if (slot === null || this.#slots[index] !== slot) return;
      if (message.kind === 'ready' || message.kind === 'closed') slot.underWay = false;
      if (message.kind === 'closed') slot.closed = true;
      this.#heard += 1;
      this.#options.hear(index, message);
      const next = this.#next;
      this.#next = signal();
      next.give();
    };
    const { connection, names, settings } = this.#options;
    const session = await TextSession.connect(connection, { name: names[index]!, settings, hear });
    slot = { session, underWay: false, blocked: false, closed: false };
    return slot;
  }

  send(index: number, sql: string): void {
    const slot = this.#slots[index]!;
    slot.underWay = true;
    slot.blocked = false;
    slot.session.send(sql);
  }

  pid(index: number): number {
    return this.#slots[index]!.session.pid;
  }

  /**
   * Until the session's query is answered, or waits for a lock that nobody who is on the move will give back; false where it ran on past all
   * patience, or past so many milliseconds.
   */
  async settle(index: number, atMost = this.#options.patienceMs): Promise<boolean> {
    const slot = this.#slots[index]!;
    let waited = 0;
    let moments = 0;
    if (!slot.blocked) for (; slot.underWay && waited < ASK_AFTER_MS; waited += 1) await this.#hearWithin(1);
    for (; slot.underWay && waited <= atMost; waited += ASK_EVERY_MS) {
      const waits = await this.#ask();
      if (!slot.underWay) return true;
      if (slot.blocked) {
        const fleeting = this.#options.mayBeSignalled || this.#dependsOnMoving(index, waits);
        if (!fleeting || moments >= MOMENT_MS) return true;
        moments += ASK_EVERY_MS;
      }
      await this.#hearWithin(ASK_EVERY_MS);
    }
    return !slot.underWay;
  }

  /** Until a session hears something; false where none will: all that have something under way wait, and what they wait for does not end by itself. */
  async idle(): Promise<boolean> {
    const before = this.#heard;
    for (let waited = 0; waited <= this.#options.patienceMs; waited += ASK_EVERY_MS) {
      const waits = await this.#ask();
      if (this.#heard > before) return true;
      const underWay = this.#slots.filter((slot) => slot.underWay);
      if (underWay.length === 0) return false;
      const strangers = [...waits.values()].some((blockers) => blockers.includes(STRANGER));
      const inDeadlock = onCycle(this.#slots.map((_, index) => waits.get(index) ?? [])).length > 0;
      if (underWay.every((slot) => slot.blocked) && !strangers && !inDeadlock && !this.#options.mayTimeOut) return false;
      await this.#hearWithin(ASK_EVERY_MS);
      if (this.#heard > before) return true;
    }
    return false;
  }

  /** Sessions that it waits for; -1 for one that is none of these. */
  async waitsFor(index: number): Promise<readonly number[]> {
    return (await this.#ask()).get(index) ?? [];
  }

  /** Ends the given sessions, whatever they do, and puts fresh ones in their places. */
  async replace(indexes: readonly number[]): Promise<void> {
    await this.#terminate(indexes.map((index) => this.#slots[index]!));
    for (const index of indexes) this.#slots[index] = await this.#connect(index);
  }

  /** Asks nobody politely: a session that waits would not answer. */
  async close(): Promise<void> {
    try {
      await this.#terminate(this.#slots);
    } finally {
      await this.#inspector.end();
    }
  }

  /** A session's locks are gone when its connection is. */
  async #terminate(slots: readonly Slot[]): Promise<void> {
    const open = slots.filter((slot) => !slot.closed);
    await this.#inspector.query(
      `SELECT pg_terminate_backend(pid) FROM unnest(ARRAY[${open.map((slot) => slot.session.pid).join()}]::int[]) AS pid`,
    );
    for (let waited = 0; open.some((slot) => !slot.closed); waited += ASK_EVERY_MS) {
      if (waited > TERMINATION_MS) throw new EngineError('a session that was ended is still there');
      await this.#hearWithin(ASK_EVERY_MS);
    }
  }

  /** Who waits for whom among those that have something under way. */
  async #ask(): Promise<ReadonlyMap<number, readonly number[]>> {
    const pids = this.#slots.map((slot) => slot.session.pid);
    const asked = this.#slots.flatMap((slot, index) => (slot.underWay ? [index] : []));
    if (asked.length === 0) return new Map();
    const rows = (await this.#inspector.query(
      `SELECT pid, pg_isolation_test_session_is_blocked(pid, ARRAY[${pids.join()}]) AS blocked,
              ARRAY(SELECT DISTINCT b FROM unnest(pg_blocking_pids(pid) || pg_safe_snapshot_blocking_pids(pid)) AS b) AS blockers
         FROM unnest(ARRAY[${asked.map((index) => pids[index]).join()}]) AS pid`,
    )) as unknown as { pid: number; blocked: boolean; blockers: number[] }[];
    const waits = new Map<number, readonly number[]>();
    for (const { pid, blocked, blockers } of rows) {
      const index = pids.indexOf(pid);
      this.#slots[index]!.blocked = blocked;
      // A prepared transaction has the process id 0, and ends when a session ends it.
      if (blocked)
        waits.set(
          index,
          blockers.filter((blocker) => blocker !== 0).map((blocker) => pids.indexOf(blocker)),
        );
    }
    return waits;
  }

  /** Somebody on whom the session's wait depends is at work, and so the wait may be over in a moment. */
  #dependsOnMoving(index: number, waits: ReadonlyMap<number, readonly number[]>): boolean {
    const seen = new Set([index]);
    for (const waiter of seen)
      for (const blocker of waits.get(waiter) ?? []) {
        if (blocker === STRANGER || (this.#slots[blocker]!.underWay && !this.#slots[blocker]!.blocked)) return true;
        seen.add(blocker);
      }
    return false;
  }

  async #hearWithin(ms: number): Promise<void> {
    await answeredWithin(this.#next, ms);
  }
}

/** Index of a session that is none of ours: autovacuum, for one. */
const STRANGER = -1;

interface Signal {
  readonly reply: Promise<void>;
  readonly answered: boolean;
  give(): void;
}

function signal(): Signal {
  let give!: () => void;
  const reply = new Promise<void>((resolve) => {
    give = resolve;
  });
  return { reply, answered: false, give };
}
