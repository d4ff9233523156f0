import type { ActorIndex } from '../contract.js';
import type { Draft } from './draft.js';
import type { Patience } from './heavy-locks.js';
import { followSequences } from './sequences.js';
import { SnapshotView } from './view.js';
import type { Works } from './works.js';

/** What the layer needs besides the state. */
export interface Machinery extends Works {
  /** Statements that locked or changed several rows: the verdict is at statement granularity there. */
  readonly coarse: Set<string>;
  /** Tables in which the order of rows has mattered: from then on it is part of the canonical state. */
  readonly ordered: Set<number>;
  /** Actors that have drawn from chance: from then on the streams are part of the canonical state. */
  readonly drawing: Set<ActorIndex>;
  /** Whether the PostgreSQL that is modelled is of this major version, or a newer one. */
  readonly isAtLeast: (major: number) => boolean;
  /** Rows come as the text that PostgreSQL writes. */
  readonly textRows: boolean;
}

/** What a statement sees, from its beginning to its end. */
export function viewOf(draft: Draft, actor: ActorIndex, machinery: Machinery): SnapshotView {
  const { snapshot, before } = draft.execution(actor);
  return new SnapshotView(
    machinery.contents,
    snapshot ?? draft.committed,
    { ...draft.transaction(actor), writes: before },
    draft.sequences,
    machinery.catalog.tables.length,
    draft.drawing(actor),
  );
}

/** Asks something of what a statement sees, and keeps what it has drawn from chance and sequences. */
export function seeing<T>(draft: Draft, actor: ActorIndex, machinery: Machinery, ask: (view: SnapshotView) => T): T {
  const view = viewOf(draft, actor, machinery);
  const before = view.drawing!.count;
  const answer = ask(view);
  if (view.drawing!.count !== before) machinery.drawing.add(actor);
  draft.noteDraws(actor, view.drawing!.count);
  followSequences(draft, actor, view.drawing!.sequences, machinery.catalog.sequences);
  return answer;
}

/** Since 17 who holds a lock goes before those who wait for it also when he would not wait himself (lock.c, LockAcquireExtended). */
export const impatient = ({ isAtLeast }: Pick<Machinery, 'isAtLeast'>): Patience => ({ nowait: true, jumps: isAtLeast(17) });
