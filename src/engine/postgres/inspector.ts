import type { Client } from 'pg';
import type { Row } from '../../context.js';
import type { CommittedState } from '../../scenario.js';
import { committedColumn } from '../committed-column.js';
import { byAllColumns, isInKeyOrder } from '../committed-order.js';
import { LOCKS } from './observer.js';
import { connect } from './providers/client.js';
import type { Connection } from './providers/server.js';
import { Questions, type TextRows } from './question.js';
import {
  literal,
  nameOf,
  qualified,
  quote,
  type Relation,
  type Relations,
  readRelations,
  type StoredTable,
  type TableColumn,
} from './relations.js';
import { SESSION_SETTINGS } from './session-settings.js';

/** Who waits for whom, by process id; those that wait for nobody are left out. */
export type Blocking = ReadonlyMap<number, readonly number[]>;

export interface Inspection {
  readonly blocking: Blocking;
  /** Null where a table could not be read without waiting. */
  readonly committed: CommittedState | null;
}

/** The connection that looks on: who waits for whom, what is committed. It takes part in nothing, and never waits for a lock. */
export class Inspector {
  #client: Client;
  #questions: Questions;
  /** Without a primary key. */
  #keyless: readonly StoredTable[] = [];
  #stateQuery = '';
  #last = '';
  #state: CommittedState | null = null;
  #generation = 0;
  readonly #firstStates = new Map<string, { readonly text: string; readonly state: CommittedState }>();

  private constructor(client: Client) {
    this.#client = client;
    this.#questions = new Questions(client);
  }

  static async connect(connection: Connection): Promise<Inspector> {
    return new Inspector(await connect(connection, { name: 'lastseat inspector', settings: SESSION_SETTINGS }));
  }

  /** To the same database, on a server that has crashed and is back. */
  async reconnect(connection: Connection): Promise<void> {
    this.#client = await connect(connection, { name: 'lastseat inspector', settings: SESSION_SETTINGS });
    this.#questions = new Questions(this.#client);
  }

  async script(sql: string): Promise<void> {
    await this.#client.query(sql);
  }

  async query(sql: string): Promise<Row[]> {
    return (await this.#client.query(sql)).rows;
  }

  /** What there is to be read of committed states. */
  learn({ tables, sequences }: Relations): void {
    const shown = tables.filter((table) => !table.partition);
    this.#keyless = shown.filter((table) => !isInKeyOrder(keyOf(table)));
    this.#generation += 1;
    this.#firstStates.clear();
    this.#stateQuery = `SELECT '{"tables":{' || ${jsonMembers(shown, rowsOf)} || '},"sequences":{' || ${jsonMembers(sequences, positionOf)} || '}}' AS state`;
  }

  async blocking(pids: readonly number[]): Promise<Blocking> {
    return waits(await this.#questions.ask('blocking', BLOCKING, [arrayText(pids)]));
  }

  /** What a backend has locked or waits for. */
  async locks(pid: number): Promise<TextRows> {
    return this.#questions.ask('locks', LOCKS, [String(pid)]);
  }

  /** Who waits for whom, and what is committed, in one message. With `careful`, tables under ACCESS EXCLUSIVE are not read. */
  async inspect(pids: readonly number[], careful: boolean): Promise<Inspection> {
    if (careful && !(await this.#readable())) return { blocking: await this.blocking(pids), committed: null };
    if (pids.length === 0) return { blocking: new Map(), committed: await this.committed() };
    const rows = await this.#asState(() =>
      this.#questions.ask(
        `all${this.#generation}`,
        `SELECT b.pid, b.blockers, s.state FROM (${BLOCKING}) AS b, (${this.#stateQuery}) AS s`,
        [arrayText(pids)],
      ),
    );
    return { blocking: waits(rows), committed: this.#remember(rows[0]![2]!) };
  }

  async #readable(): Promise<boolean> {
    return (await this.#questions.ask('exclusive', EXCLUSIVE)).length === 0;
  }

  /** Where a run has dropped a table, or a column, the others are read. */
  async #asState(ask: () => Promise<TextRows>): Promise<TextRows> {
    try {
      return await ask();
    } catch (error) {
      if (!GONE.has((error as { code?: string }).code ?? '')) throw error;
      this.learn(await readRelations(this));
      return ask();
    }
  }

  /** The same object as long as nothing has changed. */
  async committed(): Promise<CommittedState> {
    const rows = await this.#asState(() => this.#questions.ask(`state${this.#generation}`, this.#stateQuery));
    return this.#remember(rows[0]![0]!);
  }

  /** What is committed after a reset. It is read once for each seed: whether a reset has brought it back, the first look of a run shows. */
  async firstState(seed: string): Promise<CommittedState> {
    const known = this.#firstStates.get(seed);
    if (known === undefined) {
      const state = await this.committed();
      this.#firstStates.set(seed, { text: this.#last, state });
      return state;
    }
    this.#last = known.text;
    this.#state = known.state;
    return known.state;
  }

  #remember(text: string): CommittedState {
    if (this.#state === null || text !== this.#last) {
      const next = this.#inOrder(JSON.parse(text) as CommittedState);
      const same = this.#state !== null && JSON.stringify(this.#state.tables) === JSON.stringify(next.tables);
      this.#state = same ? { tables: this.#state!.tables, sequences: next.sequences } : next;
      this.#last = text;
    }
    return this.#state;
  }

  /** Rows that have a key come in its order. */
  #inOrder(state: CommittedState): CommittedState {
    if (this.#keyless.length === 0) return state;
    const sorted = this.#keyless.map(
      (table) => [nameOf(table), state.tables[nameOf(table)]!.toSorted(byAllColumns([...keyOf(table), ...table.columns]))] as const,
    );
    return { ...state, tables: { ...state.tables, ...Object.fromEntries(sorted) } };
  }

  /** Whether there still is a backend. */
  async isListed(pid: number): Promise<boolean> {
    const { rows } = await this.#client.query({ name: 'listed', text: 'SELECT FROM pg_stat_activity WHERE pid = $1', values: [pid] });
    return rows.length > 0;
  }

  /** Tells backends to go, and does not wait for it: PostgreSQL's own waiting for it looks every 100 ms only. */
  async terminate(pids: readonly number[]): Promise<void> {
    await this.#client.query('SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) AS pid', [pids]);
  }

  /** Ends statements that are under way, not their sessions. */
  async cancel(pid: number): Promise<void> {
    await this.#client.query('SELECT pg_cancel_backend($1)', [pid]);
  }

  /**
   * Sees to it that all that has been logged so far is written: a commit that writes waits for that, and for all before it. Answers with the
   * server's processes.
   */
  async flushLog(): Promise<number[]> {
    await this.#client.query("SELECT pg_logical_emit_message(true, 'lastseat', '')");
    return (await this.#client.query<{ pid: number }>('SELECT pid FROM pg_stat_activity')).rows.map(({ pid }) => pid);
  }

  async end(): Promise<void> {
    await this.#client.end();
  }
}

/** Of rows that begin with a process id and the ids of its blockers, as text. */
function waits(rows: TextRows): Blocking {
  const blocking = new Map<number, readonly number[]>();
  for (const [pid, blockers] of rows) if (blockers !== '{}') blocking.set(Number(pid), blockers!.slice(1, -1).split(',').map(Number));
  return blocking;
}

/** undefined_table, undefined_column. */
const GONE: ReadonlySet<string> = new Set(['42P01', '42703']);

const arrayText = (numbers: readonly number[]) => `{${numbers.join()}}`;

/** The members of an object, as text. What builds objects takes 100 arguments at most, and a list of rows takes longer to plan. */
const jsonMembers = <T extends Relation>(relations: readonly T[], value: (relation: T) => string): string =>
  relations.map((relation) => `${literal(`${JSON.stringify(nameOf(relation))}:`)} || ${value(relation)}`).join(" || ',' || ") || "''";

/** A table's rows, by key. */
function rowsOf(table: StoredTable): string {
  const columns = table.columns.map(committedColumn).join(', ');
  const order = table.key.length === 0 ? '' : ` ORDER BY ${table.key.map((name) => `t.${quote(name)}`).join(', ')}`;
  return `(SELECT coalesce(json_agg(ls_row)::text, '[]') FROM (SELECT ${columns} FROM ${qualified(table)} AS t${order}) AS ls_row)`;
}

const keyOf = ({ key, columns }: StoredTable): readonly TableColumn[] => key.map((name) => columns.find((column) => column.name === name)!);

const positionOf = (sequence: Relation): string =>
  `(SELECT json_build_object('lastValue', last_value, 'isCalled', is_called)::text FROM ${qualified(sequence)})`;

/** A READ ONLY DEFERRABLE transaction waits without a lock: only the second function shows for whom (FACTS of the project, section 3). */
const BLOCKING = `
SELECT pid, ARRAY(SELECT DISTINCT b FROM unnest(pg_blocking_pids(pid) || pg_safe_snapshot_blocking_pids(pid)) AS b ORDER BY b) AS blockers
  FROM unnest($1::int[]) AS pid`;

const EXCLUSIVE = `
SELECT 1 FROM pg_locks
 WHERE locktype = 'relation' AND mode = 'AccessExclusiveLock' AND pid <> pg_backend_pid()
   AND database = (SELECT oid FROM pg_database WHERE datname = pg_catalog.current_database()) LIMIT 1`;
