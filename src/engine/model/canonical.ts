import { replyKey } from '../../reply.js';
import type { Machinery } from './machinery.js';
import { NEW_SESSION, NOTHING_SET } from './settings-state.js';
import type { Committed, Execution, Item, ItemProgress, JoinedRow, Level, ModelState, RowLock, Transaction, Version } from './state.js';
import { versionsOf } from './view.js';

/** Parts of the canonical state that a test may leave out, to see that exploration without them is wrong. */
export type KeyPart =
  | 'rows'
  | 'sequences'
  | 'draws'
  | 'transactions'
  | 'savepoints'
  | 'snapshots'
  | 'writes'
  | 'deferred'
  | 'row locks'
  | 'heavy locks'
  | 'executions'
  | 'serializable'
  | 'order';

/**
 * Everything that the future of a state depends on, as text: two states with the same text, and actors that have seen the same
 * replies, go on alike. Numbers that only tell things apart (slots, versions, transactions) are replaced by what they stand for.
 */
export function canonical(state: ModelState, machinery: Machinery, without: ReadonlySet<KeyPart> = new Set()): string {
  const names = new Names(state, machinery);
  const ids = new Ids(state);
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
      .map(
        ([slot, { locks, shows }]) =>
          `${names.slot(slot)}:${locks.map((lock) => `${lock.actor}${lock.mode}${ids.within(lock)}`).sort()}${stale(locks, shows)}`,
      )
      .sort()
      .join(),
  );
  add('heavy locks', () =>
    [...state.heavy]
      .map(([resource, lock]) => {
        const granted = lock.granted
          .map(({ actor, mode, level, session }) => `${actor}${mode}${level === 0 ? '' : `^${level}`}${session === 0 ? '' : `*${session}`}`)
          .sort();
        return `${names.resource(resource)}:${granted}/${lock.queue.map((request) => `${request.actor}${request.mode}`)}`;
      })
      .sort()
      .join(),
  );
  state.transactions.forEach((item, actor) => {
    if (item === null) return;
    add('transactions', () => `T${actor}${transactionText(item)}${rivals(item, state)},${ids.rank(item.levels[0]!.xid)}`);
    const nested = ids.nested(actor);
    if (nested) add('savepoints', () => savepoints(item, names, ids));
    add('writes', () => writes(item.writes, names, nested ? ids : null));
    add('deferred', () => deferred(item, names));
    add('snapshots', () => difference(item.snapshot, state, names));
  });
  state.executions.forEach((item, actor) => {
    if (item !== null) add('executions', () => `E${actor}${execution(item, actor, state, names, ids)}`);
  });
  if (state.serializable.length > 0) add('serializable', () => serializable(state, names));
  if (machinery.drawing.size > 0) add('draws', () => state.draws.map(({ count, session }) => `${count}/${session}`).join());
  parts.push(settings(state));
  parts.push(String(state.clockMs));
  return parts.join(';');
}

/** What sessions have set, and transactions in them; with savepoints, what a partial rollback goes back to. */
function settings({ sessions, transactions }: ModelState): string {
  if (sessions.every((session) => session === NEW_SESSION) && transactions.every((item) => item === null || item.settings === NOTHING_SET))
    return '';
  const text = (values: ReadonlyMap<string, string | null>) => (values.size === 0 ? '' : JSON.stringify([...values].sort()));
  return sessions
    .map((session, actor) => {
      const item = transactions[actor];
      const pending = item === null || item === undefined ? [] : [item, ...item.levels.slice(1)];
      const own = pending.map(({ settings: { set, local } }) => `${text(set)}${text(local)}`).join('^');
      return `${text(session.values)}${session.named.size === 0 ? '' : [...session.named].sort()}${own}`;
    })
    .join('/');
}

/** What a row shows, where it is more than what it has. */
const stale = (locks: readonly RowLock[], shows: number | null): string =>
  shows !== null && shows > 1 && locks.every((lock) => lock.mode < shows) ? `!${shows}` : '';

const NO_LEVELS: readonly Level[] = [];

/** Transaction ids by their rank among those that still count. */
class Ids {
  readonly #state: ModelState;

  constructor(state: ModelState) {
    this.#state = state;
  }

  /** 0 for none, and for one whose work is done or undone. */
  rank(xid: number): number {
    let rank = 1;
    let counts = false;
    for (const transaction of this.#state.transactions)
      for (const level of transaction?.levels ?? NO_LEVELS) {
        if (level.xid > 0 && level.xid < xid) rank += 1;
        for (const released of level.released) if (released < xid) rank += 1;
        counts ||= xid > 0 && (level.xid === xid || level.released.includes(xid));
      }
    return counts ? rank : 0;
  }

  /** Whether a transaction has more than one id, or may come to have. */
  nested(actor: number): boolean {
    const levels = this.#state.transactions[actor]?.levels ?? [];
    return levels.length > 1 || (levels[0]?.released.length ?? 0) > 0;
  }

  /** Under which of its transaction's ids something was done, where there are several. */
  within({ actor, xid }: { readonly actor: number; readonly xid: number }): string {
    return this.nested(actor) ? `^${this.rank(xid)}` : '';
  }
}

/** Names for slots that do not depend on the way on which they came about. */
class Names {
  readonly #state: ModelState;
  readonly #pending = new Map<number, string>();
  /** Which of the rows with the same content one is, where it is not the first of them. */
  readonly #twins = new Map<number, number>();

  constructor(state: ModelState, machinery: Machinery) {
    this.#state = state;
    this.#numberTwins(state, machinery);
    state.transactions.forEach((transaction, actor) => {
      if (transaction === null) return;
      for (const writes of transaction.levels.length > 1 ? [...transaction.levels, transaction] : [transaction])
        for (const [slot, write] of writes.writes)
          if (write.base === null && write.next !== null) this.#pending.set(slot, `a${actor}.${write.next.content}`);
    });
    this.#numberPending();
  }

  /** Only in a table without a key can two committed rows be alike. They are told apart by where they lie. */
  #numberTwins(state: ModelState, { catalog, contents }: Machinery): void {
    for (const { index, key } of catalog.tables) {
      if (key.length > 0) continue;
      const versions = versionsOf(state.committed, contents, catalog.tables.length)[index]!;
      let at = 0;
      versions
        .toSorted((left, right) => left.content - right.content || left.position - right.position)
        .forEach(({ slot, content }, place, sorted) => {
          at = content === sorted[place - 1]?.content ? at + 1 : 0;
          if (at > 0) this.#twins.set(slot, at);
        });
    }
  }

  /** A transaction may have inserted the same row twice. */
  #numberPending(): void {
    const seen = new Map<string, number>();
    for (const [slot, name] of [...this.#pending].sort(([left], [right]) => left - right)) {
      const before = seen.get(name) ?? 0;
      seen.set(name, before + 1);
      if (before > 0) this.#pending.set(slot, `${name}#${before}`);
    }
  }

  slot(slot: number, seen: Version | null = null): string {
    const current = this.#state.committed.rows.get(slot);
    if (current === undefined) return this.#pending.get(slot) ?? `dead${seen?.content ?? ''}`;
    const twin = this.#twins.get(slot) ?? 0;
    return twin === 0 ? `${current.content}` : `${current.content}#${twin}`;
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
  const pending = state.transactions.flatMap((transaction) =>
    transaction === null ? [] : [...transaction.levels, transaction].flatMap((level) => [...level.writes]),
  );
  return [...machinery.ordered]
    .sort()
    .map((table) => {
      const committed = versionsOf(state.committed, machinery.contents, machinery.catalog.tables.length)[table]!;
      const ofTable = pending.filter(([, write]) => write.table === table);
      const written = ofTable.flatMap(([, { next }]) => (next === null ? [] : [next]));
      const all = [...committed, ...new Set(written)];
      const lying = inOrder(all).map((version) => `${names.slot(version.slot)}.${version.content}`);
      // The order of index entries matters, too; with an exclusion constraint versions that were replaced still have theirs.
      const excludes = machinery.catalog.tables[table]!.unique.some(({ exclusion }) => exclusion !== null);
      const past = excludes ? ofTable.flatMap(([slot, write]) => write.past.map((old) => ({ ...old, slot }))) : [];
      const entries = [...all, ...past].sort((left, right) => left.entered - right.entered);
      const entered = entries.map(({ slot, content }) => `${names.slot(slot)}.${content}`).join();
      return entered === lying.join() ? entered : `${lying.join()}(${entered})`;
    })
    .join('/');
}

function transactionText(transaction: Transaction): string {
  const { isolation, readOnly, explicit, aborted, queried, nowMs } = transaction;
  return `${isolation.charAt(5)}${readOnly ? 'r' : ''}${explicit ? 'x' : ''}${aborted ? '!' : ''}${queried ? 'q' : ''}${transaction.snapshot === null ? '' : 's'}${nowMs}${emptied(transaction)}`;
}

/** Whom a snapshot waits for, and who of those that still matter had committed before it. */
function rivals({ deferrable, rivals: actors, began }: Transaction, { serializable: all }: ModelState): string {
  const before = all.filter(({ committed }) => committed !== null && committed <= began).length;
  return `${deferrable ? 'd' : ''}${actors.length === 0 ? '' : `${actors}>${before}`}`;
}

/** The levels of a transaction: their ids, and what a partial rollback goes back to. */
function savepoints(transaction: Transaction, names: Names, ids: Ids): string {
  return transaction.levels
    .map((level, depth) => {
      const { name, xid, released, writes: saved, truncated } = level;
      const back = depth === 0 ? '' : `(${writes(saved, names, ids)}${emptied({ truncated })}${deferred(level, names)})`;
      return `${JSON.stringify(name)}${ids.rank(xid)}${released.map((id) => `+${ids.rank(id)}`).join('')}${back}`;
    })
    .join();
}

/** What has been put off, and what SET CONSTRAINTS has said. */
function deferred({ deferred: items, timing, writes: own }: Pick<Transaction, 'deferred' | 'timing' | 'writes'>, names: Names): string {
  const said = [...timing.named].map(([name, later]) => `${JSON.stringify(name)}${later}`).sort();
  if (items.length === 0 && timing.all === null && said.length === 0) return '';
  return `D${timing.all ?? ''}${said}(${items.map((item) => owed(item, own, names)).join('+')})`;
}

/** A check that a row owes, and whether the row is as it was then. */
function owed({ kind, table, foreignKey, index, values, key, owner, version }: Item, own: Transaction['writes'], names: Names): string {
  const row = owner ?? version;
  const next = row === null ? null : own.get(row.slot)?.next;
  const stands = next?.id === row?.id ? '=' : next?.entered === row?.entered ? '~' : '';
  return `${kind}${table}${foreignKey ?? index ?? ''}${row === null ? '' : names.slot(row.slot)}${stands}${JSON.stringify([values, key])}`;
}

/** Serializable transactions that still matter: in which order they began and committed, what they have seen and done. */
function serializable(state: ModelState, names: Names): string {
  const times = [
    ...new Set(state.serializable.flatMap(({ began, committed }) => (committed === null ? [began] : [began, committed]))),
  ].sort((left, right) => left - right);
  const numbers = (set: ReadonlySet<number>) => [...set].sort((left, right) => left - right).join();
  return state.serializable
    .map((item) => {
      const { actor, readOnly, snapshot, began, committed, doomed, changes, told } = item;
      const seen = item.observations.map(
        ({ query, own, answer }) => `${query.id}${answer}${writes(own.writes, names, null)}${emptied(own)}`,
      );
      const times2 = `${times.indexOf(began)}${committed === null ? '' : `-${times.indexOf(committed)}`}`;
      return `S${committed === null ? actor : ''}${readOnly ? 'r' : ''}${doomed ? '!' : ''}${times2}r${numbers(item.reads)}w${numbers(item.writes)}(${difference(snapshot, state, names)})(${seen.join('&')}${told < seen.length ? `<${told}` : ''})(${writes(changes, names, null)})`;
    })
    .sort()
    .join();
}

const emptied = ({ truncated }: { readonly truncated: ReadonlySet<number> }): string =>
  [...truncated]
    .sort()
    .map((table) => `t${table}`)
    .join('');

function writes(all: Transaction['writes'], names: Names, ids: Ids | null): string {
  return [...all]
    .map(
      ([slot, write]) =>
        `${names.slot(slot, write.base)}>${write.next?.content ?? '-'}@${write.indexed}${(write.next?.parent ?? write.deleted) === (write.base?.id ?? 0) ? '' : '+'}${write.next !== null && write.base !== null && write.next.sameKeySince > write.base.id ? '#' : ''}${write.keyShared ? 's' : ''}${write.past
          .map(({ content, keyedBy }) => `${content}${ids === null ? '' : `<${ids.rank(keyedBy)}`}`)
          .sort()
          .join('^')}${ids === null ? '' : `<${ids.rank(write.by)}<${ids.rank(write.keyedBy)}<${ids.rank(write.next?.madeBy ?? 0)}`}`,
    )
    .sort()
    .join();
}

/** What a version that was replaced has to do with what replaced it: its direct successor stands, or it was itself deleted; who shares its key still. */
function relation(state: ModelState, version: Version): string {
  const { committed, rowLocks } = state;
  const current = committed.rows.get(version.slot);
  if (current?.id === version.id) return '';
  const shared = (rowLocks.get(version.slot)?.locks ?? []).flatMap((lock) => (lock.since <= version.id ? [lock.actor] : [])).sort();
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

function execution(item: Execution, actor: number, state: ModelState, names: Names, ids: Ids): string {
  if (item.reply !== null) return replyKey(item.reply);
  const wait =
    item.wait === null
      ? ''
      : item.wait.on === 'transaction'
        ? `w${item.wait.actor}${ids.within(item.wait)}`
        : item.wait.on === 'heavy'
          ? names.resource(item.wait.resource)
          : 'snapshot';
  const rest =
    item.plan.kind === 'calls' || item.plan.kind === 'advisory'
      ? [String(item.cursor)]
      : [...item.items.slice(item.cursor), ...item.owed].map((row) => {
          const version = row.version === null ? '' : names.version(row.version) + relation(state, row.version);
          const joined = row.join === null ? '' : joinText(row.join, state, names);
          const returned = row.returned === null ? '' : `r${JSON.stringify(row.returned)}`;
          if (row.kind === 'recheck' || row.kind === 'parent') return owed(row, state.transactions[actor]!.writes, names);
          return `${row.kind}${row.hasSetDefault ? 'd' : ''}${row.foreignKey ?? ''}${row.table}${version}${JSON.stringify(row.values)}${joined}${returned}${row.key === undefined ? '' : JSON.stringify(row.key)}${row.error?.message ?? ''}`;
        });
  const progress = item.progress === null ? '' : progressText(item.progress, state, names, ids);
  return [
    item.stage,
    item.locked,
    `${item.freed ? 'f' : ''}${item.asked ? 'a' : ''}`,
    wait,
    difference(item.snapshot, state, names),
    rest.join('+'),
    progress,
    JSON.stringify(item.outputs),
    item.affected,
    item.given,
    changedSince(item, actor, state, names),
    item.touched
      .map((slot) => names.slot(slot))
      .sort()
      .join(),
  ].join('|');
}

/** What of its transaction's writes is the statement's own doing, and what was there before it. */
function changedSince({ before, stage }: Execution, actor: number, state: ModelState, names: Names): string {
  if (stage !== 'rows') return '';
  const { writes } = state.transactions[actor]!;
  return [...writes]
    .flatMap(([slot, write]) => {
      const old = before.get(slot);
      return old === write ? [] : [`${names.slot(slot, write.base)}<${old === undefined ? '' : (old.next?.content ?? '-')}`];
    })
    .sort()
    .join();
}

function joinText(join: JoinedRow, state: ModelState, names: Names): string {
  const versions = join.versions.map((version) => (version === null ? '' : `${names.version(version)}${relation(state, version)}`));
  return `j${versions.join('*')}${JSON.stringify(join.texts)}${join.target}${join.replaced ? 'n' : ''}`;
}

function progressText(progress: ItemProgress, state: ModelState, names: Names, ids: Ids): string {
  const { version, sleptFor } = progress;
  const parts: string[] = [];
  if (version !== null) parts.push(names.version(version), relation(state, version));
  if (sleptFor !== null) {
    const running = ids.rank(sleptFor.xid) > 0;
    const updated = version !== null && state.committed.rows.get(version.slot)?.madeBy === progress.sawUpdate;
    parts.push(`z${running ? `${sleptFor.actor}${ids.within(sleptFor)}r${ids.rank(progress.sawUpdate)}` : ''}${updated ? 'm' : ''}`);
  }
  if (progress.beyond !== null) {
    const newest = version !== null && state.committed.rows.get(version.slot)?.id === progress.beyond.newest;
    parts.push(`b${ids.rank(progress.beyond.xid) > 0 ? `${progress.beyond.actor}${ids.within(progress.beyond)}` : ''}${newest ? 'n' : ''}`);
  }
  const flags = { chasing: 'c', rechecked: 'k', sawUpdate: 'u', tableLock: 'l', written: 'w', drawn: 'd' } as const;
  for (const [flag, letter] of Object.entries(flags)) if (progress[flag as keyof typeof flags]) parts.push(letter);
  if (progress.tupleLock !== null) parts.push('t');
  if (progress.arbiter > 0) parts.push(`a${progress.arbiter}`);
  if (progress.rechecks.length > 0) parts.push(`x${progress.rechecks.join()}`);
  parts.push(JSON.stringify(progress.values));
  if (progress.returned !== null) parts.push(JSON.stringify(progress.returned));
  return parts.join('');
}
