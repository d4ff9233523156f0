import { mayBeDrawn } from '../../drawn-values.js';
import type { Noted } from '../../engine/contract.js';
import type { Access, RowSet } from '../../engine/footprint.js';
import type { Configuration, Machine, Step } from '../../machine.js';
import { chain, type MaybePromise } from '../../maybe-promise.js';
import type { CommittedState, IsolationLevel } from '../../scenario.js';
import { isOwn } from '../../schedule/choice.js';
import { readStatement, splitStatements } from '../../sql/text.js';

export type CommittedRow = CommittedState['tables'][string][number];

/** One thing that a step does to what others may see or want. Which two of them may not change places is said in `conflicts.ts`. */
export type Effect =
  | Access
  /** Reads from the snapshot that its transaction took before: commits since do not matter to it. */
  | { readonly kind: 'rereads'; readonly relation: string; readonly rows: RowSet }
  /** Takes the snapshot that all statements of its transaction read from. */
  | { readonly kind: 'snapshot' }
  /** A commit shows rows to others, or takes them away: their old and their new versions. */
  | { readonly kind: 'publishes'; readonly relation: string; readonly rows: readonly CommittedRow[] }
  /** A commit makes the versions that its transaction has written the newest ones, whether or not any row is another for it. */
  | { readonly kind: 'renews'; readonly relation: string; readonly rows: RowSet }
  /** A transaction gives back what it held, at its end or with an error. */
  | { readonly kind: 'releases'; readonly held: Access }
  /** The end of a transaction at SERIALIZABLE: who is to fail depends on who has committed first. */
  | { readonly kind: 'serializable-end' }
  | { readonly kind: 'serializable' }
  /** What a statement at SERIALIZABLE reads is remembered, and held against what others write. */
  | { readonly kind: 'remembers'; readonly relation: string }
  | { readonly kind: 'store' | 'cache'; readonly name: string | null; readonly writes: boolean }
  /** Monitors have seen something: they know the order of such steps. */
  | { readonly kind: 'seen' };

/** A step of a run, as far as its order matters. */
export interface Told {
  readonly effects: Effects;
  /** Which of its actor's transactions it belongs to, from 0. */
  readonly transaction: number;
  /** It is a statement that begins to wait. */
  readonly waits: boolean;
  /**
   * Where its statement has to wait for a lock, that comes to the same as if it had come later: at READ COMMITTED, with one row that its key names, or one
   * advisory lock, and nothing else, while its session holds nothing that others may wait for.
   */
  readonly delays: boolean;
}

/** All that a step does; null: it cannot be told, and the step may change places with no other. */
export type Effects = readonly Effect[] | null;

/** How an actor's transaction stands in the course of a run. */
interface Standing {
  readonly transaction: number;
  /** What it has locked, written and drawn since it began; null where it cannot be told. */
  readonly held: readonly Access[] | null;
  readonly level: IsolationLevel | null;
  /** It has the snapshot that all its statements read from. */
  readonly hasSnapshot: boolean;
}

const AT_REST: Standing = { transaction: 0, held: [], level: null, hasSnapshot: false };
const NOTHING: Effects = [];
const NO_ACCESS: readonly Access[] = [];

const PUTS_OFF = /(?<!not\s+)\bdeferrable\b|\bconstraint\s+trigger\b/i;
/** Does not wait for a lock, but does something else. */
const LOOKS_AT_LOCKS = /\bnowait\b|\bskip\s+locked\b|\bpg_try_advisory|\block_timeout\b/i;
/** A level that is set in a way that is not looked into. */
const SETS_LEVEL = /transaction_isolation|transaction_deferrable|\bdeferrable\b|session\s+characteristics/i;

/** Statements that run without a snapshot (pquery.c, PlannedStmtRequiresSnapshot). Any other takes one, whatever it reads. */
const NEEDS_NO_SNAPSHOT: ReadonlySet<string> = new Set([
  'lock',
  'set',
  'reset',
  'show',
  'fetch',
  'move',
  'close',
  'listen',
  'unlisten',
  'notify',
  'checkpoint',
  'deallocate',
  'discard',
]);

const takesSnapshot = (text: string): boolean => !NEEDS_NO_SNAPSHOT.has(readStatement(text).verb) || splitStatements(text).length > 1;

/** Follows one run, and tells the effects of each step. */
export class EffectsReader<S> {
  readonly #machine: Machine<S>;
  readonly #standings: Standing[];
  /** By actor: its sessions have a level that cannot be told. */
  readonly #unclear: boolean[];
  /** By actor: it may hold locks that outlive its transactions, as advisory locks of a session do. */
  readonly #keepsLocks: boolean[];
  /** Checks may be put off to the end of a transaction, where the engine is not asked what they read. */
  readonly #checksAtCommit: boolean;

  /** Leaves drawn values out; null: the server draws none of its own. */
  readonly #withoutDrawn: WithoutDrawn | null;

  /** `drawn`: the server may draw values of its own. Rows are then not told by these, which are others in each run. */
  constructor(machine: Machine<S>, { drawn = false }: { readonly drawn?: boolean } = {}) {
    this.#machine = machine;
    this.#withoutDrawn = drawn ? new WithoutDrawn(`${machine.scenario.schema} ${JSON.stringify(machine.plan)}`) : null;
    this.#checksAtCommit = PUTS_OFF.test(machine.scenario.schema);
    this.#standings = machine.actorNames.map(() => AT_REST);
    this.#unclear = machine.actorNames.map(() => false);
    this.#keepsLocks = machine.actorNames.map(() => false);
  }

  /** Has to be asked right after each step, before the next one. `noted`: what was written down of the step, where the same run has come to it before. */
  read(step: Step<S>, noted?: Noted): MaybePromise<Told> {
    const { choice, before, after, outcome } = step;
    if (!isOwn(choice)) {
      for (const actor of this.#standings.keys()) this.#rest(after, actor);
      return { effects: null, transaction: 0, waits: false, delays: false };
    }
    const { actor } = choice;
    this.#withoutDrawn?.begin(before.committed);
    return chain(this.#accesses(step, noted), (all) => {
      const accesses = all === null || this.#withoutDrawn === null ? all : this.#withoutDrawn.accesses(all);
      const standing = this.#standings[actor]!;
      const effects = this.#effectsOf(step, accesses, standing);
      const { transaction, level } = this.#standings[actor]!;
      const delays =
        effects !== null &&
        accesses !== null &&
        level === 'READ COMMITTED' &&
        !LOOKS_AT_LOCKS.test(step.text) &&
        !this.#keepsLocks[actor] &&
        isAlone(accesses, standing.held);
      if (mayKeepLocks(accesses, step.text)) this.#keepsLocks[actor] = true;
      this.#rest(after, actor);
      const told = { transaction, waits: step.kind === 'statement' && outcome.kind === 'blocked', delays };
      if (effects === null) return { effects, ...told };
      const shown = publishedBetween(before.committed, after.committed);
      const published = this.#withoutDrawn?.published(shown) ?? shown;
      const seen = (this.#machine.scenario.monitors ?? []).length > 0 && isSeen(step);
      return { effects: [...effects, ...published, ...(seen ? [{ kind: 'seen' } as const] : [])], ...told };
    });
  }

  /** What the engine tells of the step; nothing where it neither sends a statement nor goes on with one. */
  #accesses(step: Step<S>, noted: Noted | undefined): MaybePromise<readonly Access[] | null> {
    const { kind, after, text } = step;
    const works = kind === 'resume' || (kind === 'statement' && readStatement(text).kind === 'other');
    if (!works || !isSql(step)) return NO_ACCESS;
    const { engine } = this.#machine;
    return engine.footprint === undefined ? null : engine.footprint(after.engine, noted);
  }

  #effectsOf(step: Step<S>, accesses: readonly Access[] | null, standing: Standing): Effects {
    const { choice, kind, text } = step;
    const { actor } = choice;
    switch (kind) {
      case 'start':
      case 'connect':
        return NOTHING;
      case 'store':
      case 'cache':
        return [worldEffect(step)];
      case 'statement':
      case 'resume':
      case 'commit':
      case 'deadlock':
        break;
      default:
        return null;
    }
    if (SETS_LEVEL.test(text) || step.prelude.some((item) => SETS_LEVEL.test(item))) this.#unclear[actor] = true;
    const level = levelOf(step) ?? standing.level ?? this.#machine.plan.isolation;
    const control = isSql(step) ? readStatement(text).kind : 'other';
    const keepsSnapshot = level !== 'READ COMMITTED';
    const works = kind !== 'commit' && control === 'other' && takesSnapshot(text);
    const takes = keepsSnapshot && works && !standing.hasSnapshot;
    const held = standing.held === null || accesses === null ? null : [...standing.held, ...accesses];
    this.#standings[actor] = { ...standing, held, level, hasSnapshot: standing.hasSnapshot || takes };
    if (accesses === null || this.#unclear[actor]) return null;
    const effects: Effect[] = [];
    for (const access of accesses) {
      if (keepsSnapshot && access.kind === 'reads' && access.newest !== true)
        effects.push({ kind: 'rereads', relation: access.relation, rows: access.rows });
      else effects.push(access);
      if (level === 'SERIALIZABLE' && access.kind === 'reads') effects.push({ kind: 'remembers', relation: access.relation });
    }
    if (takes) effects.push({ kind: 'snapshot' });
    if (level === 'SERIALIZABLE' && works) effects.push({ kind: 'serializable' });
    if (this.#givesBack(step, control)) {
      if (held === null || (this.#checksAtCommit && held.length > 0)) return null;
      for (const access of held) effects.push({ kind: 'releases', held: access });
      if (isCommit(step, control))
        for (const access of held)
          if (access.kind === 'writes') effects.push({ kind: 'renews', relation: access.relation, rows: access.rows });
      if (level === 'SERIALIZABLE') effects.push({ kind: 'serializable-end' });
    }
    return effects;
  }

  /** Whether the step ends the transaction or a part of it, or spoils it: an error gives back at once what was locked since the last savepoint. */
  #givesBack(step: Step<S>, control: string): boolean {
    const { outcome, after, choice } = step;
    // Who waits for a part of a transaction is woken when that part ends, and waits for the whole.
    if (control === 'release' || control === 'rollback-to' || control === 'commit' || control === 'rollback')
      return outcome.kind !== 'blocked';
    if (outcome.kind !== 'blocked' && outcome.reply.kind === 'error') return true;
    return isOver(this.#machine, after, choice.actor);
  }

  #rest(after: Configuration<S>, actor: number): void {
    if (isOver(this.#machine, after, actor)) this.#standings[actor] = { ...AT_REST, transaction: this.#standings[actor]!.transaction + 1 };
  }
}

type Published = Extract<Effect, { readonly kind: 'publishes' }>;

/** Rows are told by values that are the same in each run, and by no others. */
class WithoutDrawn {
  /** Text with all values that a run begins with. */
  #known: string;
  #begun = false;

  constructor(known: string) {
    this.#known = known;
  }

  /** Called with the committed rows before each step: those before the first belong to what is known. */
  begin({ tables }: CommittedState): void {
    if (!this.#begun) this.#known += JSON.stringify(tables);
    this.#begun = true;
  }

  accesses(all: readonly Access[]): readonly Access[] {
    return all.map((access) => {
      if (access.kind === 'inserts') return { ...access, keys: access.keys?.map((key) => this.#told(key)) ?? null };
      if (!('rows' in access)) return access;
      const rows = this.#told(access.rows);
      if (Object.keys(rows).length === Object.keys(access.rows).length) return access;
      const { one: _, ...rest } = { one: undefined, ...access };
      return { ...rest, rows };
    });
  }

  published(all: readonly Published[]): readonly Published[] {
    return all.map((effect) => ({ ...effect, rows: effect.rows.map((row) => this.#told(row)) }));
  }

  #told<V>(row: Readonly<Record<string, V>>): Record<string, V> {
    return Object.fromEntries(Object.entries(row).filter(([, value]) => !mayBeDrawn(value, this.#known)));
  }
}

const isSql = <S>({ before, choice }: Step<S>): boolean => before.actors[choice.actor]?.node.request?.kind === 'query';

/** Whether a statement touches one row by its key, or one advisory lock, and nothing else, and its transaction holds nothing that others may wait for. */
function isAlone(accesses: readonly Access[], held: readonly Access[] | null): boolean {
  if (held?.every(({ kind }) => kind === 'reads') !== true) return false;
  const [first] = accesses;
  if (first?.kind === 'advisory') return accesses.length === 1 && first.key !== ANY_KEY;
  const rows = accesses.flatMap((access) => ('rows' in access ? [access] : []));
  if (rows.length !== accesses.length || !rows.some(({ kind }) => kind !== 'reads')) return false;
  const same = (one: { relation: string; rows: RowSet }) => one.relation === rows[0]!.relation && isSameSet(one.rows, rows[0]!.rows);
  return rows.every((access) => same(access) && (access.kind === 'reads' || access.one === true));
}

/** Whether a statement may leave its session a lock that outlives the transaction. */
const mayKeepLocks = (accesses: readonly Access[] | null, text: string): boolean =>
  accesses === null || (accesses.some(({ kind }) => kind === 'advisory') && !/advisory_xact_lock/i.test(text));

/** For an advisory lock whose key is not known. */
export const ANY_KEY = '*';

function isSameSet(one: RowSet, other: RowSet): boolean {
  const columns = Object.entries(one);
  return columns.length === Object.keys(other).length && columns.every(([column, value]) => other[column] === value);
}

/** Whether a transaction, or a statement outside one, is committed. */
const isCommit = <S>({ kind, outcome }: Step<S>, control: string): boolean =>
  outcome.kind === 'done' && outcome.reply.kind !== 'error' && (kind === 'commit' || control === 'commit');

/** No transaction of the actor's is open, and none of its statements is under way. */
function isOver<S>({ engine }: Machine<S>, configuration: Configuration<S>, actor: number): boolean {
  const { phase, inTransaction } = engine.status(configuration.engine, actor);
  return phase === 'idle' && !inTransaction;
}

/** The level that a step gives its transaction; null where it names none. */
function levelOf<S>({ prelude, text, kind }: Step<S>): IsolationLevel | null {
  let level: IsolationLevel | null = null;
  for (const item of kind === 'statement' ? [...prelude, text] : prelude) level = readStatement(item).modes.isolation ?? level;
  return level;
}

/** A file or a key of the cache that is read or written; all of them where several are. */
function worldEffect<S>({ before, choice }: Step<S>): Effect {
  const request = before.actors[choice.actor]!.node.request!;
  if (request.kind !== 'store' && request.kind !== 'cache') return { kind: 'store', name: null, writes: true };
  const { kind, call } = request;
  const name = 'name' in call ? call.name : 'key' in call ? call.key : null;
  return { kind, name, writes: call.op !== 'read' && call.op !== 'get' && call.op !== 'list' };
}

/** Whether monitors may take notice of the step, and so of its place among others. */
const isSeen = <S>({ before, after, finished, events }: Step<S>): boolean =>
  finished !== null ||
  events.length > 0 ||
  after.committed.tables !== before.committed.tables ||
  JSON.stringify(before.monitors) !== JSON.stringify(after.monitors);

/** Rows that one committed state has and the other has not. */
function publishedBetween(before: CommittedState, after: CommittedState): Published[] {
  if (before.tables === after.tables) return [];
  const effects: Published[] = [];
  for (const relation of new Set([...Object.keys(before.tables), ...Object.keys(after.tables)])) {
    const rows = differing(before.tables[relation] ?? [], after.tables[relation] ?? []);
    if (rows.length > 0) effects.push({ kind: 'publishes', relation: relation.includes('.') ? relation : `public.${relation}`, rows });
  }
  return effects;
}

function differing(before: readonly CommittedRow[], after: readonly CommittedRow[]): CommittedRow[] {
  if (before === after) return [];
  const old = new Map<string, CommittedRow[]>();
  for (const row of before) {
    const text = JSON.stringify(row);
    const same = old.get(text);
    if (same === undefined) old.set(text, [row]);
    else same.push(row);
  }
  const found: CommittedRow[] = [];
  for (const row of after) {
    const same = old.get(JSON.stringify(row));
    if (same === undefined || same.pop() === undefined) found.push(row);
  }
  for (const rest of old.values()) found.push(...rest);
  return found;
}
