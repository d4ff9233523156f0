import type { History, ViolationRecord } from '../history/history.js';
import type { Plan } from '../plan/plan.js';
import type { Scenario } from '../scenario.js';
import { readStatement, splitStatements, tokenize } from '../sql/text.js';
import { sentSteps } from './sent-steps.js';
import { SpecExportError, sqlBlock } from './sql-block.js';

/** A run to be written as a specification. */
export interface ExportedRun {
  readonly scenario: Scenario;
  readonly plan: Plan;
  /** Freed waiters go on at once in it: see {@link goesOnAtOnce}. */
  readonly history: History;
  /** Null for a run without violation. */
  readonly violation: { readonly invariant: string; readonly resource: string } | null;
}

const OBSERVER = 'observer';

/** Writes a run in isolationtester's format. Throws {@link SpecExportError} where it says something that the format cannot. */
export function exportSpecification({ scenario, plan, history, violation }: ExportedRun): string {
  if (plan.faults !== undefined) throw new SpecExportError('the plan has faults, or clock ticks, and the format has neither');
  const violated = violation === null ? null : find(history, violation);
  const steps = sentSteps(history);
  const names = namesOf(plan, steps);
  const seen = steps.filter((step) => violated === null || step.at <= violated.step).length;
  const victims = victimsOf(history);
  const home = homeOf(scenario, history);
  const seed = sqlBlock(scenario.seed({ capacity: plan.capacity }));
  const session = (actor: number) => [
    ...home.session,
    `SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL ${plan.isolation}`,
    // Whose check comes first is the victim.
    ...(victims.size === 0 ? [] : [`SET deadlock_timeout = '${victims.has(actor) ? '200ms' : '1000s'}'`]),
  ];
  return `${[
    ...comments(scenario, plan, violated),
    ...home.setup.map((sql) => `setup\n{\n${sql}\n}`),
    // An empty setup is an error.
    ...(seed === '' ? [] : [block('setup', [seed])]),
    block('teardown', home.teardown),
    ...plan.actors.flatMap((actor, index) => [
      '',
      `session ${nameOf(actor.name)}`,
      block('setup', session(index)),
      ...steps.flatMap((step, at) => (step.actor === index ? [block(`step ${names[at]}`, step.sql)] : [])),
      ...(leavesOpen(history, index) ? [block('teardown', ['ROLLBACK'])] : []),
    ]),
    '',
    `session ${OBSERVER}`,
    ...(home.session.length === 0 ? [] : [block('setup', home.session)]),
    block(`step ${OBSERVER}`, observation(scenario, violation?.invariant ?? null)),
    '',
    `permutation ${[...names.slice(0, seen), OBSERVER, ...names.slice(seen)].join(' ')}`,
  ].join('\n')}\n`;
}

const block = (head: string, statements: readonly string[]): string =>
  `${head} { ${statements.map((sql) => `${sql.replace(/\s*;\s*$/, '')};`).join(' ')} }`;

function find(history: History, violation: { readonly invariant: string; readonly resource: string }): ViolationRecord {
  if (violation.invariant === 'progress') throw new SpecExportError('somebody waits for ever in it, and so would isolationtester');
  const found = history.violations.find((item) => item.invariant === violation.invariant && item.resource === violation.resource);
  if (found === undefined) throw new SpecExportError(`this run does not violate ${violation.invariant}`);
  return found;
}

function victimsOf(history: History): ReadonlySet<number> {
  const victims = new Set(history.steps.flatMap((step) => (step.kind === 'deadlock' ? [step.actor] : [])));
  if (victims.size > 1)
    throw new SpecExportError('there are deadlocks with different victims in it, and who comes first is the server’s choice');
  return victims;
}

function comments(scenario: Scenario, plan: Plan, violated: ViolationRecord | null): string[] {
  const lines = [`${scenario.name}, ${plan.isolation}, capacity ${plan.capacity}, as lastseat has run it.`];
  if (violated === null) lines.push('It violates no invariant.');
  else lines.push(`When the observer looks, it has just violated "${violated.invariant}" of ${violated.resource}: ${violated.message}.`);
  return lines.map((line) => `# ${line.replace(/\s+/g, ' ')}`);
}

/** Where the tables live, and how they go. */
interface Home {
  readonly setup: readonly string[];
  readonly teardown: readonly string[];
  /** Of every session. */
  readonly session: readonly string[];
}

const SCHEMA = 'lastseat';
const SEARCH_PATH = `SET search_path = ${SCHEMA}, pg_catalog`;

/**
 * Tables and sequences are made where everybody makes them, and dropped by name. Anything else, and a clock of one's own, is made in a schema that
 * goes as a whole; there SQL's now() is found before PostgreSQL's.
 */
function homeOf(scenario: Scenario, history: History): Home {
  const schema = sqlBlock(scenario.schema, [], 'lines kept').trim();
  const made = splitStatements(scenario.schema).map(created);
  const usesClock = [scenario.schema, ...history.steps.map((step) => step.text)].some((text) => /\bnow\s*\(/i.test(text));
  const plain = made.every((object) => object !== null);
  if (plain && !usesClock) return { setup: [schema], teardown: [...dropped(made, 'table'), ...dropped(made, 'sequence')], session: [] };
  const now = new Date(history.steps[0]?.clockMs ?? 0).toISOString();
  const clock = `CREATE FUNCTION ${SCHEMA}.now() RETURNS timestamptz LANGUAGE sql STABLE AS $$ SELECT timestamptz '${now}' $$;`;
  return {
    setup: [[`CREATE SCHEMA ${SCHEMA};`, `${SEARCH_PATH};`, ...(usesClock ? [clock] : [])].join('\n'), schema],
    teardown: [`DROP SCHEMA ${SCHEMA} CASCADE`],
    session: [SEARCH_PATH],
  };
}

interface Made {
  readonly kind: 'table' | 'sequence' | 'index';
  readonly name: string;
}

/** What a statement of the schema makes, if it is one of these. */
function created(text: string): Made | null {
  const tokens = tokenize(text).filter((token) => token.text !== 'unique');
  const [create, kind, ...rest] = tokens;
  if (create?.text !== 'create' || (kind?.text !== 'table' && kind?.text !== 'sequence' && kind?.text !== 'index')) return null;
  const name = rest[rest[0]?.text === 'if' ? 3 : 0];
  return name === undefined ? null : { kind: kind.text, name: text.slice(name.start, name.end) };
}

function dropped(made: readonly (Made | null)[], kind: 'table' | 'sequence'): string[] {
  const names = made.flatMap((object) => (object?.kind === kind ? [object.name] : []));
  return names.length === 0 ? [] : [`DROP ${kind.toUpperCase()} ${names.join(', ')} CASCADE`];
}

/** The invariant's own query where it has one; else all tables. */
function observation(scenario: Scenario, invariant: string | null): string[] {
  const sql = scenario.invariants.find((item) => item.name === invariant)?.sql;
  if (sql !== undefined) return [sqlBlock(sql)];
  return splitStatements(scenario.schema).flatMap((text) => {
    const object = created(text);
    if (object?.kind !== 'table') return [];
    return [`SELECT '${object.name.replaceAll('"', '')}' AS "table", * FROM ${object.name} ORDER BY ${keyOf(text) ?? 2}`];
  });
}

/** The columns of a key that a CREATE TABLE has in a line of its own. Elsewhere it is the first column, the second of the output. */
const keyOf = (text: string): string | null => /\bprimary\s+key\s*\(([^)]*)\)/i.exec(text)?.[1] ?? null;

/** The actor's last word inside a transaction is not its end. */
function leavesOpen(history: History, actor: number): boolean {
  let open = false;
  for (const step of history.steps) {
    if (step.actor !== actor) continue;
    const kinds = [...step.prelude, step.text].map((text) => readStatement(text).kind);
    for (const kind of kinds) open = kind === 'begin' || (open && kind !== 'commit' && kind !== 'rollback');
  }
  return open;
}

const KEYWORDS = new Set(['setup', 'teardown', 'session', 'step', 'permutation', 'notices', OBSERVER]);

const nameOf = (name: string): string =>
  /^[A-Za-z_][\w$]*$/.test(name) && !KEYWORDS.has(name) ? name : `"${name.replaceAll('"', '""').replaceAll('\n', ' ')}"`;

/** `alice_1`, `alice_2`, ... */
function namesOf(plan: Plan, steps: readonly { readonly actor: number }[]): string[] {
  const counts = plan.actors.map(() => 0);
  return steps.map(({ actor }) => {
    counts[actor]! += 1;
    return nameOf(`${plan.actors[actor]!.name}_${counts[actor]}`);
  });
}
