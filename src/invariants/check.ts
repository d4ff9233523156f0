import type { Row } from '../context.js';
import { chain, type MaybePromise } from '../maybe-promise.js';
import type { CommittedState, Invariant, Violation } from '../scenario.js';
import { calling, querying, ScenarioError } from '../scenario-error.js';

/** A violation, and what it breaks: an invariant, a monitor, or `progress`. */
export interface FoundViolation extends Violation {
  readonly invariant: string;
  /** The invariant speaks of the end of a run only. */
  readonly atEnd?: true;
}

/** What is checked: committed rows, at a time, while somebody has still something to do or at the end of the run. */
interface Moment {
  readonly committed: CommittedState;
  readonly clockMs: number;
  readonly ended: boolean;
  readonly query: (sql: string) => MaybePromise<readonly Row[]>;
}

/** A scenario's invariants. The same committed rows are checked once for each time of the clock: SQL may read it. */
export class InvariantCheck {
  readonly #invariants: readonly Invariant[];
  readonly #someAtEnd: boolean;
  readonly #found = new WeakMap<CommittedState['tables'], Map<string, MaybePromise<readonly FoundViolation[]>>>();

  constructor(invariants: readonly Invariant[]) {
    this.#invariants = invariants;
    this.#someAtEnd = invariants.some(({ at }) => at === 'end');
  }

  /** Every invariant that is broken, in the order in which the scenario declares them. */
  broken(moment: Moment): MaybePromise<readonly FoundViolation[]> {
    const { committed, clockMs, ended } = moment;
    let known = this.#found.get(committed.tables);
    if (known === undefined) {
      known = new Map();
      this.#found.set(committed.tables, known);
    }
    const key = ended && this.#someAtEnd ? `${clockMs} end` : String(clockMs);
    let found = known.get(key);
    if (found === undefined) {
      found = this.#check(moment);
      known.set(key, found);
    }
    return found;
  }

  #check(moment: Moment): MaybePromise<readonly FoundViolation[]> {
    let all: MaybePromise<FoundViolation[]> = [];
    for (const invariant of this.#invariants) {
      const atEnd = invariant.at === 'end';
      if (atEnd && !moment.ended) continue;
      all = chain(all, (before) =>
        chain(violationsOf(invariant, moment), (found) => [
          ...before,
          ...found.map((violation): FoundViolation => ({ ...violation, invariant: invariant.name, ...(atEnd && { atEnd }) })),
        ]),
      );
    }
    return all;
  }
}

function violationsOf({ name, check, sql }: Invariant, { committed, query }: Moment): MaybePromise<readonly Violation[]> {
  const part = `the invariant "${name}"`;
  if (check !== undefined)
    return chain(
      calling(part, () => check(committed)),
      (found) => violationsIn(part, found),
    );
  if (sql === undefined) throw new ScenarioError(`${part} has neither "check" nor "sql"`);
  if (!/^[\s(]*(select|with|values|table)\b/i.test(withoutComments(sql)))
    throw new ScenarioError(`${part} must be a query that returns what is wrong, and is: ${sql}`);
  return chain(
    querying(part, sql, () => query(sql)),
    (rows) => inOneOrder(rows.map(violationOfRow)),
  );
}

/** A mistake that would pass for "nothing is wrong", or end as a defect of ours: a boolean, a text, nothing at all. */
function violationsIn(part: string, found: unknown): readonly Violation[] {
  if (!Array.isArray(found))
    throw new ScenarioError(
      `${part} must return a list of violations, empty where nothing is wrong: [{ resource, message }]. It returns ${described(found)}`,
    );
  for (const item of found as readonly unknown[])
    if (typeof item !== 'object' || item === null || !('resource' in item) || !('message' in item))
      throw new ScenarioError(`${part} must return violations with a resource and a message. One of them is ${described(item)}`);
  return found as readonly Violation[];
}

function described(value: unknown): string {
  if (value === null || value === undefined || typeof value === 'boolean' || typeof value === 'number') return String(value);
  if (typeof value === 'string') return `the text ${JSON.stringify(value.slice(0, 60))}`;
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

const withoutComments = (sql: string): string => sql.replace(/--[^\n]*|\/\*[\s\S]*?\*\//g, ' ');

/** PostgreSQL promises no order of rows without ORDER BY. Both engines must tell of the same violations in the same order. */
function inOneOrder(violations: readonly Violation[]): readonly Violation[] {
  if (violations.length < 2) return violations;
  return violations
    .map((violation) => [JSON.stringify(violation), violation] as const)
    .sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0))
    .map(([, violation]) => violation);
}

function violationOfRow(row: Row): Violation {
  const number = (value: unknown) => (value === null || value === undefined ? undefined : Number(value));
  const usage = number(row.usage);
  const capacity = number(row.capacity);
  return {
    resource: String(row.resource ?? 'database'),
    message: String(row.message ?? JSON.stringify(row)),
    ...(usage === undefined ? {} : { usage }),
    ...(capacity === undefined ? {} : { capacity }),
  };
}
