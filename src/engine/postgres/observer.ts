import utils from 'pg/lib/utils.js';
import { readStatement, signalCommand } from '../../sql/text.js';
import { withClock } from '../clock-functions.js';
import type { Outcome, Statement } from '../contract.js';
import type { Access, Footprint } from '../footprint.js';
import {
  CATALOGUE,
  type CalledFunction,
  type Catalogue,
  type CatalogueRelation,
  calledFunctions,
  FIRST_OWN_OID,
  LEAVES_NO_TRACE,
} from '../footprints/catalogue.js';
import { ANY_KEY } from '../footprints/functions.js';
import { functionsIn, HAS_TREE, type Read, type Said, Schema, sayOf, widened } from '../footprints/statement.js';
import { readNodeTree } from '../node-tree.js';
import { onServer } from '../session-functions.js';
import { settingStatements } from '../settings.js';
import type { TextRows } from './question.js';
import type { ScriptSession } from './script-session.js';

/** A lock of a backend's: what on, in which mode, and whether it has it. */
interface HeldLock {
  readonly type: string;
  readonly relation: string;
  /** Of an advisory lock. */
  readonly key: string;
  readonly mode: string;
}

/** The session that a step was of. */
export interface ObservedStep {
  readonly actor: number;
  readonly statement: Statement;
  readonly outcome: Outcome;
  /** It has waited, and goes on. */
  readonly resumed: boolean;
  /** Its locks show: it waits, or a transaction is open, or its commit is owed. */
  readonly holds: boolean;
}

/**
 * Tells footprints on the server. What a statement's tree says is held against the locks that its backend has: where something may stand behind it,
 * these say what its transaction has touched, table by table.
 */
export class Observer {
  readonly #session: ScriptSession;
  readonly #schema: Schema;
  readonly #major: number;
  readonly #read = new Map<string, Read | null>();
  readonly #said = new Map<string, Said>();
  /** Statements under which the server runs others, or that may lock several rows: inside them it has an order of its own. */
  readonly coarse = new Set<string>();
  /** By actor: locks that were seen before in its transaction. */
  #seen: Set<string>[] = [];
  /** By actor: what the trees of its transaction's statements have told. */
  #told: Access[][] = [];
  /** Said of statements, and borne out by what their backends had locked: nothing hides behind them, and nobody has to look again. */
  readonly #confirmed = new Set<Said>();
  /** Somebody has changed the schema, or his search path: trees say nothing any more in this run. */
  #altered = false;

  private constructor(session: ScriptSession, schema: Schema, major: number) {
    this.#session = session;
    this.#schema = schema;
    this.#major = major;
  }

  static async of(session: ScriptSession, major: number): Promise<Observer> {
    const [row] = await session.query(CATALOGUE);
    return new Observer(session, new Schema(JSON.parse(row!.catalogue as string) as Catalogue), major);
  }

  /** A run begins. */
  begin(actors: number): void {
    this.#altered = false;
    this.#seen = Array.from({ length: actors }, () => new Set());
    this.#told = Array.from({ length: actors }, () => []);
  }

  /** An actor's next statement begins a transaction. */
  beginTransaction(actor: number): void {
    this.#seen[actor] = new Set();
    this.#told[actor] = [];
  }

  /** `locks`: asks for the backend's. */
  async footprint({ actor, statement, outcome, resumed, holds }: ObservedStep, locks: () => Promise<TextRows>): Promise<Footprint> {
    if (settingStatements(statement.text) !== null) {
      this.#altered ||= SETS_NAMES.test(statement.text);
      return [];
    }
    if (signalCommand(statement.text) !== null) return [];
    // Says that its transaction has failed already.
    if (outcome.kind !== 'blocked' && outcome.reply.kind === 'error' && outcome.reply.code === '25P02') return [];
    const { verb } = readStatement(statement.text);
    this.#altered ||= !KEEPS_SCHEMA.has(verb) || SETS_NAMES.test(statement.text);
    const alone = this.#altered ? null : await this.#say(statement);
    if (alone === null || isCoarse(alone)) this.coarse.add(statement.text);
    const said = alone !== null && resumed ? widened(alone) : alone;
    if (said === null && NO_TRACE.test(statement.text)) return null;
    const failed = outcome.kind !== 'blocked' && outcome.reply.kind === 'error';
    if (!holds || failed) return said === null || said.hidden ? null : said.accesses;
    if (alone !== null) this.#told[actor]!.push(...alone.accesses);
    if (alone !== null && this.#confirmed.has(alone)) return said!.accesses;
    const footprint = this.#observed(actor, said, (await locks()).map(heldLock), !LETS_GO.test(statement.text));
    const isPlain = alone !== null && !alone.hidden && !alone.accesses.some(({ kind }) => kind === 'advisory');
    if (isPlain && outcome.kind !== 'blocked' && footprint?.length === said!.accesses.length) this.#confirmed.add(alone);
    return footprint;
  }

  #observed(actor: number, said: Said | null, held: readonly HeldLock[], keepsKeys: boolean): Footprint {
    const seen = this.#seen[actor]!;
    const isHidden = said === null || said.hidden;
    // What takes advisory locks and never lets go is seen to take them, whatever their keys were computed from.
    const accesses: Access[] = (said?.accesses ?? []).filter(
      (access) => !keepsKeys || access.kind !== 'advisory' || access.key !== ANY_KEY,
    );
    for (const lock of held) {
      const name = `${lock.type} ${lock.relation} ${lock.key} ${lock.mode}`;
      const isNew = !seen.has(name);
      seen.add(name);
      const shown = this.#accessesOf(lock);
      if (shown === null) {
        if (lock.mode !== 'AccessShareLock') this.#altered = true;
        return null;
      }
      if (!isNew && !isHidden) continue;
      for (const access of shown) if (isHidden || !(isIn(access, accesses) || isIn(access, this.#told[actor]!))) push(accesses, access);
    }
    if (isHidden && this.#schema.catalogue.leavesNoTrace) return null;
    return accesses;
  }

  /** Null: what it means is not known. */
  #accessesOf({ type, relation: oid, key, mode }: HeldLock): readonly Access[] | null {
    if (mode === 'SIReadLock' || OF_TRANSACTIONS.has(type)) return [];
    if (type === 'advisory') return [{ kind: 'advisory', key, shared: mode === 'ShareLock' }];
    if (type !== 'relation' && type !== 'tuple') return Number(oid) >= FIRST_OWN_OID ? [] : null;
    const found = this.#schema.relations.get(oid);
    const relation = found?.table == null ? found : this.#schema.relations.get(found.table);
    if (relation === undefined) return null;
    if (relation.temporary || relation.kind === 't' || type === 'tuple') return [];
    // What a view shows is locked besides.
    if (relation.kind === 'v' && WEAK.has(mode)) return [];
    if (relation.kind === 'S') return [{ kind: 'draws', sequence: relation.name }];
    return ofTable(relation, mode);
  }

  async #say(statement: Statement): Promise<Said | null> {
    const text = onServer(withClock(statement.text), this.#major);
    const values = statement.values.map((value) => {
      const prepared = utils.prepareValue(value);
      return prepared == null ? null : String(prepared);
    });
    const key = JSON.stringify([text, values]);
    const known = this.#said.get(key);
    if (known !== undefined) return known;
    const read = await this.#treeOf(text);
    if (read === null) return null;
    const said = sayOf(read.tree, read.functions, this.#schema, values);
    if (this.#said.size < MOST_REMEMBERED) this.#said.set(key, said);
    return said;
  }

  async #treeOf(text: string): Promise<Read | null> {
    const known = this.#read.get(text);
    if (known !== undefined) return known;
    if (!HAS_TREE.has(readStatement(text).verb)) return null;
    const read = await this.#analyse(text.trim().replace(/;$/, ''));
    // What stood in the way may be a lock, which is gone later.
    if (read !== null && this.#read.size < MOST_REMEMBERED) this.#read.set(text, read);
    return read;
  }

  /** PostgreSQL's own reading of a statement, as the body of a function that is rolled back. It does not wait for a table that somebody has locked. */
  async #analyse(text: string): Promise<Read | null> {
    let prepared = false;
    try {
      const types = await this.#session.lastValue(`BEGIN; SET LOCAL lock_timeout = '1ms'; PREPARE ls_read AS ${text}\n;
        SELECT pg_catalog.array_to_string(parameter_types, ', ') FROM pg_catalog.pg_prepared_statements WHERE name = 'ls_read'`);
      prepared = true;
      const body =
        await this.#session.lastValue(`CREATE FUNCTION pg_temp.ls_read(${String(types)}) RETURNS void BEGIN ATOMIC ${text}\n; END;
        SELECT prosqlbody FROM pg_catalog.pg_proc WHERE pronamespace = pg_catalog.pg_my_temp_schema() AND proname = 'ls_read'`);
      const tree = readNodeTree(String(body));
      const oids = functionsIn(tree, this.#schema);
      const functions = oids.length === 0 ? null : await this.#session.lastValue(calledFunctions(oids));
      return { tree, functions: functions === null ? [] : (JSON.parse(String(functions)) as CalledFunction[]) };
    } catch {
      return null;
    } finally {
      await this.#session.run(prepared ? 'ROLLBACK; DEALLOCATE ls_read' : 'ROLLBACK');
    }
  }
}

/** A backend's locks, fast path included: text for every value. */
export const LOCKS = `
SELECT locktype, coalesce(relation, 0)::text, classid::text || ' ' || objid::text || ' ' || objsubid::text, mode
  FROM pg_catalog.pg_locks WHERE pid = $1::int`;

const heldLock = ([type, relation, key, mode]: readonly (string | null)[]): HeldLock => ({
  type: type!,
  relation: relation!,
  key: key ?? '',
  mode: mode!,
});

/** What a lock on a table as a whole may mean. A foreign key's check, and all that a cascade does, see what is committed now. */
function ofTable({ name }: CatalogueRelation, mode: string): readonly Access[] {
  const relation = name;
  switch (mode) {
    case 'AccessShareLock':
      return [{ kind: 'reads', relation, rows: {} }];
    case 'RowShareLock':
      return [
        { kind: 'reads', relation, rows: {}, newest: true },
        { kind: 'locks', relation, rows: {}, lock: 'update' },
      ];
    case 'RowExclusiveLock':
      return [
        { kind: 'reads', relation, rows: {}, newest: true },
        { kind: 'writes', relation, rows: {}, lock: 'update' },
        { kind: 'inserts', relation, keys: null },
      ];
    default:
      return [{ kind: 'table', relation, mode }];
  }
}

/** Whether a statement's tree has told something of the kind. */
function isIn(access: Access, accesses: readonly Access[]): boolean {
  switch (access.kind) {
    case 'draws':
      return accesses.some((other) => other.kind === 'draws' && other.sequence === access.sequence);
    case 'advisory':
      return accesses.some((other) => other.kind === 'advisory' && (other.key === access.key || other.key === ANY_KEY));
    default:
      return accesses.some(
        (other) => 'relation' in other && other.relation === access.relation && COVERS[access.kind].includes(other.kind),
      );
  }
}

/** An index is locked as its table is: who inserts, and finds nothing to change, may well lock both so. */
const COVERS: Readonly<Record<'reads' | 'locks' | 'writes' | 'inserts' | 'table', readonly Access['kind'][]>> = {
  reads: ['reads', 'locks', 'writes', 'inserts'],
  locks: ['locks', 'writes', 'inserts'],
  writes: ['writes', 'inserts'],
  inserts: ['writes', 'inserts'],
  table: ['table'],
};

function push(accesses: Access[], access: Access): void {
  const text = JSON.stringify(access);
  if (!accesses.some((other) => JSON.stringify(other) === text)) accesses.push(access);
}

const isCoarse = ({ hidden, accesses }: Said): boolean =>
  hidden || accesses.some((access) => (access.kind === 'locks' || access.kind === 'writes') && access.one !== true);

const WEAK: ReadonlySet<string> = new Set(['AccessShareLock', 'RowShareLock', 'RowExclusiveLock']);
const OF_TRANSACTIONS: ReadonlySet<string> = new Set([
  'transactionid',
  'virtualxid',
  'extend',
  'page',
  'spectoken',
  'frozenid',
  'applytransaction',
]);
/** Statements that change no schema, but for the functions that they call: of those locks on the catalogue tell. */
const KEEPS_SCHEMA: ReadonlySet<string> = new Set([
  ...HAS_TREE,
  'lock',
  'truncate',
  'call',
  'do',
  'set',
  'notify',
  'listen',
  'unlisten',
  'fetch',
  'declare',
  'execute',
  'close',
  '',
]);
/** In the text of a block. */
const NO_TRACE = new RegExp(LEAVES_NO_TRACE, 'i');
/** Advisory locks that may be refused, or are given back. */
const LETS_GO = /try_advisory|advisory_unlock/i;
const SETS_NAMES = /search_path|\brole\b|session\s+authorization|row_security/i;
const MOST_REMEMBERED = 10_000;
