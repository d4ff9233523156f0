import type { EmittedEvent, Operation } from '../context.js';
import { type Reply, replyKey } from '../reply.js';
import { endlessness } from './circle.js';
import type { Ending, Finished } from './finished.js';
import { LiveActor, type Segment } from './live.js';
import { describeInFull, type Request } from './request.js';

/** Where an actor stands after a sequence of replies. Two actors' histories of replies are equal where the nodes are the same. */
export interface ProgramNode {
  readonly id: number;
  readonly parent: ProgramNode | null;
  /** The reply that led here, and the clock at that moment. */
  readonly reply: Reply | null;
  readonly clockMs: number;
  readonly request: Request | null;
  readonly finished: Finished | null;
  readonly ending: Ending | null;
  readonly events: readonly EmittedEvent[];
  /** Calls that were answered on the way here. */
  readonly calls: number;
  /** The first error of class 42 that a statement met on the way here, with the statement. */
  readonly slip: string | null;
  /** The operation has ended, here or before, while this call of its was under way. */
  readonly leftBehind: string | null;
  /** The operation goes on for ever: how. It takes no more steps. */
  readonly endless: string | null;
  /** The actor read the clock on the way here: another time may lead elsewhere. */
  readonly readClock: boolean;
  readonly children: Map<string, ProgramNode>;
  /** The operation itself, parked here, until a reply takes it on. */
  live: LiveActor | null;
}

/** An actor that did something else when it was run again from the same replies. */
export class NondeterminismError extends Error {
  override readonly name = 'NondeterminismError';
  readonly actor: string;

  constructor(actor: string, step: number, before: string, now: string) {
    super(
      `${actor} did something else when it was run again from the same replies: at its step ${step} it came to ${now}, and to ${before} the first time`,
    );
    this.actor = actor;
  }
}

/**
 * An actor's code as a tree: a node for every sequence of replies it has been given. An operation depends on its input and its
 * replies only, so it is run once for each node, from the start with recorded replies where its coroutine has moved on; that
 * second run is compared with the first.
 */
export class ActorProgram {
  readonly name: string;
  readonly #operation: Operation;
  readonly #input: unknown;
  readonly #options: { seed: string; sites: boolean };
  #nodes = 0;
  #comparedWhole = false;
  /** By the clock at the start, where the operation read it before its first call; else under no clock. */
  readonly #roots = new Map<number | null, ProgramNode>();

  constructor(name: string, operation: Operation, input: unknown, options: { seed: string; sites: boolean }) {
    this.name = name;
    this.#operation = operation;
    this.#input = input;
    this.#options = options;
  }

  /** Where the operation stands before its first call, begun at this time. */
  root(clockMs: number): ProgramNode | Promise<ProgramNode> {
    return this.#roots.get(null) ?? this.#roots.get(clockMs) ?? this.#begin(clockMs);
  }

  async #begin(clockMs: number): Promise<ProgramNode> {
    const live = this.#start(clockMs);
    const root = this.#node(null, null, clockMs, await live.next(), live);
    this.#roots.set(root.readClock ? clockMs : null, root);
    await this.#compareWhole(root);
    return root;
  }

  /** The node after a reply: at once where it is known, a promise where the code has to run. */
  child(node: ProgramNode, reply: Reply, clockMs: number): ProgramNode | Promise<ProgramNode> {
    const key = replyKey(reply);
    const known = node.children.get(key) ?? node.children.get(`${key}@${clockMs}`);
    return known ?? this.#grow(node, reply, key, clockMs);
  }

  async #grow(node: ProgramNode, reply: Reply, key: string, clockMs: number): Promise<ProgramNode> {
    const live = node.live ?? (await this.#rerun(node));
    node.live = null;
    live.answer(reply, clockMs);
    const segment = await live.next();
    const child = this.#node(node, reply, clockMs, segment, live);
    node.children.set(segment.readClock ? `${key}@${clockMs}` : key, child);
    await this.#compareWhole(child);
    return child;
  }

  /** The first time that the operation comes to its end it is run once more: what nobody asks for again, its result, is compared too. */
  async #compareWhole(end: ProgramNode): Promise<void> {
    if (end.finished === null || this.#comparedWhole) return;
    this.#comparedWhole = true;
    await this.#rerun(end);
  }

  #start(clockMs: number): LiveActor {
    return new LiveActor(this.#operation, this.#input, { ...this.#options, name: this.name, clockMs });
  }

  /** Runs the operation again up to a node. */
  async #rerun(target: ProgramNode): Promise<LiveActor> {
    const path: ProgramNode[] = [];
    for (let node: ProgramNode | null = target; node !== null; node = node.parent) path.unshift(node);
    const live = this.#start(path[0]!.clockMs);
    for (const [step, node] of path.entries()) {
      if (node.reply !== null) live.answer(node.reply, node.clockMs);
      this.#compare(node, await live.next(), step);
    }
    return live;
  }

  #compare(node: ProgramNode, segment: Segment, step: number): void {
    const before = deedsOf(node);
    const now = deedsOf(segment);
    const first = before.findIndex((deed, index) => deed !== now[index]);
    if (first >= 0) throw new NondeterminismError(this.name, step + 1, before[first]!, now[first] ?? 'nothing');
  }

  #node(parent: ProgramNode | null, reply: Reply | null, clockMs: number, segment: Segment, live: LiveActor): ProgramNode {
    this.#nodes += 1;
    const calls = (parent?.calls ?? -1) + 1;
    const { finished, ending } = segment;
    const slip = parent?.slip ?? slipIn(parent, reply);
    return {
      id: this.#nodes,
      parent,
      reply,
      clockMs,
      ...segment,
      ending: ending === null ? null : { ...ending, slip: slip ?? ending.slip, silent: calls === 0 },
      calls,
      slip,
      leftBehind: parent?.leftBehind ?? segment.leftBehind,
      endless: finished === null ? endlessness({ parent, reply, request: segment.request, calls }) : null,
      children: new Map(),
      live: finished === null ? live : null,
    };
  }
}

function slipIn(parent: ProgramNode | null, reply: Reply | null): string | null {
  if (parent?.request?.kind !== 'query' || reply?.kind !== 'error' || !reply.code.startsWith('42')) return null;
  return `${reply.code} ${reply.message}, in: ${parent.request.text}`;
}

/** What an operation did between two scheduling points, in order; the last says what it asked for, or how it ended. */
function deedsOf({ events, request, finished }: Segment | ProgramNode): string[] {
  return [
    ...events.map((event) => `the event ${JSON.stringify(event)}`),
    request === null ? `its end, ${JSON.stringify(finished)}` : describeInFull(request),
  ];
}
