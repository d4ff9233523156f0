import type { RowContents } from './contents.js';
import type { Committed, Transaction, Version } from './state.js';
import type { Drawing, SequenceState, View } from './visible.js';

/** A snapshot with a transaction's own changes on top. */
export class SnapshotView implements View {
  readonly sequences: readonly SequenceState[];
  readonly nowMs: number;
  readonly drawing?: Drawing;
  readonly #contents: RowContents;
  readonly #snapshot: Committed;
  readonly #transaction: Transaction;
  readonly #tables: number;
  readonly #versions: (readonly Version[])[] = [];

  constructor(
    contents: RowContents,
    snapshot: Committed,
    transaction: Transaction,
    sequences: readonly SequenceState[],
    tables: number,
    drawing?: Drawing,
  ) {
    this.#contents = contents;
    this.#snapshot = snapshot;
    this.#transaction = transaction;
    this.#tables = tables;
    this.sequences = sequences;
    this.nowMs = transaction.nowMs;
    if (drawing !== undefined) this.drawing = drawing;
  }

  contents(table: number): readonly number[] {
    return this.versions(table).map((version) => version.content);
  }

  /** Visible rows of a table, ascending by content. */
  versions(table: number): readonly Version[] {
    let versions = this.#versions[table];
    if (versions === undefined) {
      versions = this.#compute(table);
      this.#versions[table] = versions;
    }
    return versions;
  }

  #compute(table: number): readonly Version[] {
    const { writes, truncated } = this.#transaction;
    const base = truncated.has(table) ? [] : versionsOf(this.#snapshot, this.#contents, this.#tables)[table]!;
    if (writes.size === 0) return base;
    const own = [...writes.values()].flatMap((write) => (write.table === table && write.next !== null ? [write.next] : []));
    return [...base.filter((version) => !writes.has(version.slot)), ...own].sort(byContent);
  }
}

const byContent = (left: Version, right: Version) => left.content - right.content || left.slot - right.slot;

/** Committed versions by table, ascending by content; kept with the snapshot. */
export function versionsOf(committed: Committed, contents: RowContents, tables: number): readonly (readonly Version[])[] {
  if (committed.byTable === null) {
    const byTable: Version[][] = Array.from({ length: tables }, () => []);
    for (const version of committed.rows.values()) byTable[contents.get(version.content).table]!.push(version);
    committed.byTable = byTable.map((versions) => versions.sort(byContent));
  }
  return committed.byTable;
}
