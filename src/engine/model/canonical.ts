import { replyKey } from '../../reply.js';
import type { Machinery } from './execute.js';
import type { Committed, Execution, ItemProgress, ModelState, Transaction, Version } from './state.js';
import { versionsOf } from './view.js';

/** Parts of the canonical state that a test may leave out, to see that exploration without them is wrong. */
export type KeyPart = 'rows' | 'sequences' | 'transactions' | 'snapshots' | 'writes' | 'row locks' | 'heavy locks' | 'executions' | 'order';

/**
 * Everything that the future of a state depends on, as text: two states with the same text, and actors that have seen the same
 * replies, go on alike. Numbers that only tell things apart (slots, versions, transactions) are replaced by what they stand for.
 */
export function canonical(state: ModelState, machinery: Machinery, without: ReadonlySet<KeyPart> = new Set()): string {
  const names = new Names(state);
  const parts: string[] = [];
  const add = (part: KeyPart, text: () => string) => {
    if (!without.has(part)) parts.push(text());
  };
  add('rows', () => rows(state, machinery));
  add('order', () => order(state, machinery, names));
  add('sequences', () =>
    state.sequences.map((sequence) => `${sequence.lastValue}${sequence.isCalled ? `+${sequence.logged}` : ''}`).join(),
  );
  add('row locks', () =>
    [...state.rowLocks]
      .map(([slot, locks]) => `${names.slot(slot)}:${locks.map((lock) => `${lock.actor}${lock.mode}`).sort()}`)
      .sort()
      .join(),
  );
  add('heavy locks', () =>
    [...state.heavy]
      .map(([resource, lock]) => {
        const granted = lock.granted.map((request) => `${request.actor}${request.mode}`).sort();
        return `${names.resource(resource)}:${granted}/${lock.queue.map((request) => `${request.actor}${request.mode}`)}`;
      })
      .sort()
      .join(),
  );
  const orders = state.transactions.map((transaction) => transaction?.order ?? 0).sort((left, right) => left - right);
  state.transactions.forEach((item, actor) => {
    if (item === null) return;
    const place = item.order === 0 ? 0 : orders.indexOf(item.order) + 1;
    add('transactions', () => `T${actor}${transactionText(item)},${place}`);
    add('writes', () => writes(item, names));
    add('snapshots', () => difference(item.snapshot, state, names));
  });
  state.executions.forEach((item, actor) => {
    if (item !== null) add('executions', () => `E${actor}${execution(item, state, names)}`);
  });
  parts.push(String(state.clockMs));
  return parts.join(';');
}

/** Names for slots that do not depend on the way on which they came about. */
class Names {
  readonly #state: ModelState;
  readonly #pending = new Map<number, string>();

  constructor(state: ModelState) {
    this.#state = state;
    state.transactions.forEach((transaction, actor) => {
      for (const [slot, write] of transaction?.writes ?? [])
        if (write.base === null && write.next !== null) this.#pending.set(slot, `a${actor}.${write.next.content}`);
    });
  }

  slot(slot: number, seen: Version | null = null): string {
    const current = this.#state.committed.rows.get(slot);
    if (current !== undefined) return `${current.content}`;
    return this.#pending.get(slot) ?? `dead${seen?.content ?? ''}`;
  }

  /** A version: the newest of its row, or an older one by its content. */
  version(version: Version): string {
    const current = this.#state.committed.rows.get(version.slot);
    const own = this.#pending.get(version.slot);
    return current?.id === version.id || own !== undefined
      ? this.slot(version.slot)
      : `${this.slot(version.slot, version)}~${version.content}`;
  }

  resource(resource: string): string {
    if (!resource.startsWith('row ')) return resource;
    const [slot, id] = resource.slice(4).split('.').map(Number) as [number, number];
    return `row ${this.slot(slot)}${this.#state.committed.rows.get(slot)?.id === id ? '' : '~'}`;
  }
}

function rows(state: ModelState, machinery: Machinery): string {
  return versionsOf(state.committed, machinery.contents, machinery.catalog.tables.length)
    .map((versions) => versions.map((version) => version.content).join())
    .join('/');
}

/** Where the order of rows in a table has mattered: all versions, oldest first. */
function order(state: ModelState, machinery: Machinery, names: Names): string {
  if (machinery.ordered.size === 0) return '';
  const inOrder = (versions: readonly Version[]) => [...versions].sort((left, right) => left.position - right.position);
  const pending = state.transactions.flatMap((transaction) => [...(transaction?.writes.values() ?? [])]);
  return [...machinery.ordered]
    .sort()
    .map((table) => {
      const committed = versionsOf(state.committed, machinery.contents, machinery.catalog.tables.length)[table]!;
      const written = pending.flatMap((write) => (write.table === table && write.next !== null ? [write.next] : []));
      return inOrder([...committed, ...written])
        .map((version) => `${names.slot(version.slot)}.${version.content}`)
        .join();
    })
    .join('/');
}

function transactionText(transaction: Transaction): string {
  const { isolation, readOnly, explicit, aborted, nowMs } = transaction;
  return `${isolation.charAt(5)}${readOnly ? 'r' : ''}${explicit ? 'x' : ''}${aborted ? '!' : ''}${transaction.snapshot === null ? '' : 's'}${nowMs}`;
}

function writes(transaction: Transaction, names: Names): string {
  return [...transaction.writes]
    .map(
      ([slot, write]) =>
        `${names.slot(slot, write.base)}>${write.next?.content ?? '-'}@${write.indexed}${(write.next?.parent ?? write.deleted) === (write.base?.id ?? 0) ? '' : '+'}${write.next !== null && write.base !== null && write.next.sameKeySince > write.base.id ? '#' : ''}${write.keyShared ? 's' : ''}${[...write.past].sort().join('^')}`,
    )
    .sort()
    .join();
}

/** What a version that was replaced has to do with what replaced it: its direct successor stands, or it was itself deleted; who shares its key still. */
function relation(state: ModelState, version: Version): string {
  const { committed, rowLocks } = state;
  const current = committed.rows.get(version.slot);
  if (current?.id === version.id) return '';
  const shared = (rowLocks.get(version.slot) ?? []).flatMap((lock) => (lock.since <= version.id ? [lock.actor] : [])).sort();
  const next = current?.parent === version.id ? '>' : committed.dead.get(version.slot) === version.id ? 'x' : '';
  return `${next}${current !== undefined && current.sameKeySince <= version.id ? '=' : ''}${shared.length > 0 ? `k${shared.join('')}` : ''}`;
}

/** A snapshot, as the rows in which it differs from what is committed now. Rows are compared by version: an update that changed nothing counts. */
function difference(snapshot: Committed | null, state: ModelState, names: Names): string {
  const { committed } = state;
  if (snapshot === null || snapshot === committed) return '';
  const differing: string[] = [];
  for (const [slot, version] of snapshot.rows)
    if (committed.rows.get(slot)?.id !== version.id)
      differing.push(`${names.slot(slot, version)}=${version.content}${relation(state, version)}`);
  for (const [slot] of committed.rows) if (!snapshot.rows.has(slot)) differing.push(`${names.slot(slot)}=-`);
  return differing.sort().join();
}

function execution(item: Execution, state: ModelState, names: Names): string {
  if (item.reply !== null) return replyKey(item.reply);
  const wait = item.wait === null ? '' : item.wait.on === 'transaction' ? `w${item.wait.actor}` : names.resource(item.wait.resource);
  const rest = item.items.slice(item.cursor).map((row) => {
    const version = row.version === null ? '' : names.version(row.version) + relation(state, row.version);
    return `${row.kind}${row.foreignKey ?? ''}${row.table}${version}${JSON.stringify(row.values)}`;
  });
  const progress = item.progress === null ? '' : progressText(item.progress, state, names);
  return [
    item.stage,
    item.locked,
    item.freed ? 'f' : '',
    wait,
    difference(item.snapshot, state, names),
    rest.join('+'),
    progress,
    JSON.stringify(item.outputs),
    item.affected,
  ].join('|');
}

function progressText(progress: ItemProgress, state: ModelState, names: Names): string {
  const { version, sleptFor } = progress;
  const parts: string[] = [];
  if (version !== null) parts.push(names.version(version), relation(state, version));
  if (sleptFor !== null) {
    const running = state.transactions[sleptFor.actor]?.number === sleptFor.number;
    const updated = version !== null && state.committed.rows.get(version.slot)?.madeBy === sleptFor.number;
    parts.push(`z${sleptFor.actor}${running ? 'r' : ''}${updated ? 'm' : ''}`);
  }
  const flags = { chasing: 'c', rechecked: 'k', sawUpdate: 'u', tableLock: 'l', written: 'w' } as const;
  for (const [flag, letter] of Object.entries(flags)) if (progress[flag as keyof typeof flags]) parts.push(letter);
  if (progress.tupleLock !== null) parts.push('t');
  parts.push(JSON.stringify(progress.values));
  return parts.join('');
}
