import type { SpecEvent } from './events.js';
import type { Answer, Inbox } from './inbox.js';
import type { Permutation, PermutationStep, Specification } from './specification.js';
import { CONTROL, type SessionIndex, type Stage } from './stage.js';

/** Nothing more of a specification can be run, for a reason of its own: isolationtester stops there too. */
export class SpecRunError extends Error {
  override readonly name = 'SpecRunError';
  /** A `script` has failed, and its session can go on; it is `stuck`; or a `limit` of ours was hit. */
  readonly kind: 'script' | 'stuck' | 'limit';

  constructor(message: string, kind: SpecRunError['kind']) {
    super(message);
    this.kind = kind;
  }
}

/** How a permutation ended: `infeasible` after so many of its steps, counting the one that could not be taken. */
export type Ending =
  | { readonly kind: 'complete' }
  | { readonly kind: 'infeasible'; readonly steps: number }
  | { readonly kind: 'unmodelled' };

/** A step marked `(*)` counts as waiting at once; this is its start before the next one is sent, so that both arrive in order. */
const HEAD_START_MS = 100;

/** Plays one permutation in isolationtester's order, and hands out what is to be seen. */
export function conduct(
  specification: Specification,
  permutation: Permutation,
  stage: Stage,
  emit: (event: SpecEvent) => void,
): Promise<Ending> {
  return new Conductor(specification, permutation, stage, emit).run();
}

class Conductor {
  readonly #specification: Specification;
  readonly #permutation: Permutation;
  readonly #stage: Stage;
  readonly #emit: (event: SpecEvent) => void;
  /** By session: the step that is under way, reported as complete or not. */
  readonly #active = new Map<SessionIndex, PermutationStep>();
  /** Notices that a marker waits for, in the session of its step. */
  readonly #wanted = new Map<PermutationStep, readonly { readonly session: SessionIndex; readonly notices: number }[]>();
  #waiting: PermutationStep[] = [];

  constructor(specification: Specification, permutation: Permutation, stage: Stage, emit: (event: SpecEvent) => void) {
    this.#specification = specification;
    this.#permutation = permutation;
    this.#stage = stage;
    this.#emit = emit;
  }

  async run(): Promise<Ending> {
    this.#emit({ kind: 'starting', steps: this.#permutation.map(({ step }) => step.name) });
    await this.#prepare();
    for (const [index, item] of this.#permutation.entries()) {
      const earlier = this.#active.get(item.step.session);
      if (earlier !== undefined && !(await this.#finish(earlier)))
        return this.#infeasible(index + 1, `step ${item.step.name} comes next, but ${await this.#obstacle(earlier)}`);
      await this.#take(item);
    }
    while (this.#waiting.length > 0) {
      const first = this.#waiting[0]!;
      if (!(await this.#finish(first)))
        return this.#infeasible(this.#permutation.length, `all steps are taken, but ${await this.#obstacle(first)}`);
    }
    await this.clear();
    return { kind: 'complete' };
  }

  async #prepare(): Promise<void> {
    for (const sql of this.#specification.setups) await this.#script(CONTROL, sql, 'setup failed');
    for (const [session, { setup, name }] of this.#specification.sessions.entries())
      if (setup !== null) await this.#script(session, setup, `setup of session ${name} failed`);
  }

  /** A teardown that fails is complained about, and the rest goes on. */
  async clear(): Promise<void> {
    const failed = (error: unknown) => {
      if (!(error instanceof SpecRunError) || error.kind !== 'script') throw error;
      this.#emit({ kind: 'complaint', text: error.message });
    };
    for (const [session, { teardown, name }] of this.#specification.sessions.entries())
      if (teardown !== null) await this.#script(session, teardown, `teardown of session ${name} failed`).catch(failed);
    if (this.#specification.teardown !== null) await this.#script(CONTROL, this.#specification.teardown, 'teardown failed').catch(failed);
  }

  /** A setup or a teardown: of several results only the last is shown, as PQexec has it. */
  async #script(session: SessionIndex, sql: string, failure: string): Promise<void> {
    const inbox = this.#stage.inbox(session);
    if (inbox.closed) throw new SpecRunError(`${failure}: the connection is lost`, 'script');
    inbox.begin();
    this.#stage.send(session, sql);
    for (await this.#settle(session, failure); !inbox.finished; await this.#settle(session, failure))
      if (!(await this.#stage.idle()))
        throw new SpecRunError(
          `${failure}: it waits for ${await this.#blockers(session)}, which nobody ends: is there a teardown for it?`,
          'stuck',
        );
    const onNotice = this.#onNotice(session);
    let last: Answer | null = null;
    for (let answer = inbox.take(onNotice); answer !== null; answer = inbox.take(onNotice)) last = answer;
    if (last?.kind === 'error')
      throw new SpecRunError(`${failure}: ${[`${last.severity}:  ${last.message}`, ...last.details].join('\n')}`, 'script');
    if (last?.kind === 'closed') throw new SpecRunError(`${failure}: the connection is lost`, 'script');
    // An empty query is no success in isolationtester's eyes.
    if (last?.tag === '') throw new SpecRunError(`${failure}: it is empty`, 'script');
    if (last !== null && last.fields !== null) this.#emit({ kind: 'answer', answer: last });
  }

  async #settle(session: SessionIndex, what: string): Promise<void> {
    if (!(await this.#stage.settle(session))) throw new SpecRunError(`${what}: it neither ends nor waits for anybody`, 'limit');
  }

  /** What the control session is told is not shown. */
  #onNotice(session: SessionIndex): (text: string) => void {
    if (session === CONTROL) return () => undefined;
    const { name } = this.#specification.sessions[session]!;
    return (text) => this.#emit({ kind: 'notice', session: name, text });
  }

  async #take(item: PermutationStep): Promise<void> {
    const { step, markers } = item;
    const inbox = this.#stage.inbox(step.session);
    if (inbox.closed) throw new SpecRunError(`step ${step.name} cannot be sent: the connection of its session is lost`, 'stuck');
    inbox.begin();
    this.#stage.send(step.session, step.sql);
    this.#active.set(step.session, item);
    this.#wanted.set(
      item,
      markers.flatMap((marker) => {
        if (marker.kind !== 'after-notices') return [];
        const { session } = marker.step;
        return [{ session, notices: this.#stage.inbox(session).notices + marker.count }];
      }),
    );
    const completed = markers.some((marker) => marker.kind === 'waiting-at-first')
      ? await this.#pass(item)
      : await this.#try(item, 'first');
    await this.#tryWaiting();
    if (!completed) this.#waiting.push(item);
  }

  /** Counts as waiting, whatever it does. */
  async #pass({ step }: PermutationStep): Promise<false> {
    await this.#stage.settle(step.session, HEAD_START_MS);
    this.#emit({ kind: 'step', step, how: 'waiting' });
    return false;
  }

  /** Reports the step if it is complete and no marker holds it back; says whether it was. */
  async #try(item: PermutationStep, attempt: 'first' | 'again'): Promise<boolean> {
    const { step } = item;
    const inbox = this.#stage.inbox(step.session);
    await this.#settle(step.session, `step ${step.name}`);
    inbox.read(this.#onNotice(step.session));
    if (!inbox.finished || this.#heldBack(item)) {
      if (attempt === 'first') this.#emit({ kind: 'step', step, how: 'waiting' });
      return false;
    }
    this.#emit({ kind: 'step', step, how: attempt === 'first' ? 'done' : 'completed' });
    this.#report(step.session, inbox);
    this.#active.delete(step.session);
    return true;
  }

  #report(session: SessionIndex, inbox: Inbox): void {
    const onNotice = this.#onNotice(session);
    for (let answer = inbox.take(onNotice); answer !== null; answer = inbox.take(onNotice)) this.#emit({ kind: 'answer', answer });
    const { name } = this.#specification.sessions[session]!;
    for (const notification of inbox.takeNotifications())
      this.#emit({ kind: 'notification', session: name, notification, sender: this.#stage.senderOf(notification.pid) });
  }

  #heldBack(item: PermutationStep): boolean {
    const steps = item.markers.some(
      (marker) => marker.kind === 'after-step' && this.#active.get(marker.step.session)?.step === marker.step,
    );
    return steps || this.#wanted.get(item)!.some(({ session, notices }) => this.#stage.inbox(session).notices < notices);
  }

  /** Again and again as long as one report may let another go. */
  async #tryWaiting(): Promise<void> {
    for (;;) {
      const notices = this.#noticesRead();
      const still: PermutationStep[] = [];
      for (const item of this.#waiting) if (!(await this.#try(item, 'again'))) still.push(item);
      const before = this.#waiting.length;
      this.#waiting = still;
      const marked = still.some((item) => item.markers.length > 0);
      if (!marked || (still.length === before && this.#noticesRead() === notices)) return;
    }
  }

  #noticesRead(): number {
    return this.#specification.sessions.reduce((sum, _, session) => sum + this.#stage.inbox(session).notices, 0);
  }

  #messagesHeard(): number {
    return this.#specification.sessions.reduce((sum, _, session) => sum + this.#stage.inbox(session).received, 0);
  }

  /** Until a step is reported as complete; false where it never will be. It is reported before others that it lets go. */
  async #finish(item: PermutationStep): Promise<boolean> {
    const inbox = this.#stage.inbox(item.step.session);
    while (this.#waiting.includes(item)) {
      while (!inbox.finished) if (!(await this.#stage.idle())) return false;
      const waited = this.#waiting.length;
      const heard = this.#messagesHeard();
      if (await this.#try(item, 'again')) this.#waiting = this.#waiting.filter((other) => other !== item);
      await this.#tryWaiting();
      const moved = this.#waiting.length < waited || this.#messagesHeard() > heard;
      if (!moved && !(await this.#stage.idle())) return false;
    }
    return true;
  }

  async #blockers(session: SessionIndex): Promise<string> {
    const names = await this.#stage.waitsFor(session);
    return names.length === 0 ? 'somebody' : names.join(' and ');
  }

  async #obstacle({ step }: PermutationStep): Promise<string> {
    const who = `step ${step.name} of session ${this.#specification.sessions[step.session]!.name}`;
    if (this.#stage.inbox(step.session).finished) return `${who} is held back by its markers`;
    return `${who} still waits for ${await this.#blockers(step.session)}`;
  }

  #infeasible(steps: number, reason: string): Ending {
    this.#emit({ kind: 'infeasible', reason });
    return { kind: 'infeasible', steps };
  }
}

/** After a permutation that was given up, on fresh sessions: the teardowns, so that the next one finds what it expects. What they say is not shown. */
export async function tidyUp(specification: Specification, stage: Stage): Promise<void> {
  await new Conductor(specification, [], stage, () => undefined).clear();
}
