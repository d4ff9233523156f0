import type { ActorIndex } from '../contract.js';
import type { Draft } from './draft.js';
import type { Patience } from './heavy-locks.js';
import { SnapshotView } from './view.js';
import type { Works } from './works.js';

/** What the layer needs besides the state. */
export interface Machinery extends Works {
  /** Statements that locked or changed several rows: the verdict is at statement granularity there. */
  readonly coarse: Set<string>;
  /** Tables in which the order of rows has mattered: from then on it is part of the canonical state. */
  readonly ordered: Set<number>;
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
  );
}

/** Since 17 who holds a lock goes before those who wait for it also when he would not wait himself (lock.c, LockAcquireExtended). */
export const impatient = ({ isAtLeast }: Pick<Machinery, 'isAtLeast'>): Patience => ({ nowait: true, jumps: isAtLeast(17) });
