/** Actors that are lists of SQL. */
import type { Operation } from '../context.js';
import type { Plan } from '../plan/plan.js';
import type { IsolationLevel, Scenario } from '../scenario.js';
import { splitStatements } from '../sql/text.js';

/** What one actor does: its statements, semicolons between them. A statement's parameters stand behind it, as JSON in a comment. */
export type Script = string;
/** The same as a list of queries, where a query is no single statement. */
export type Queries = readonly string[];

/** A statement, and its parameters: `SELECT $1 /* [7] *\/` is the one with the other. */
export function withoutParameters(statement: string): { readonly text: string; readonly values: readonly unknown[] } {
  const found = /\s*\/\* (\[.*\]) \*\/$/.exec(statement);
  if (found === null) return { text: statement, values: [] };
  return { text: statement.slice(0, found.index), values: JSON.parse(found[1]!) as unknown[] };
}

export interface ScriptedCase {
  readonly schema: string;
  readonly seed: string;
  readonly scripts: readonly (Script | Queries)[];
  readonly isolation: IsolationLevel;
  /** After an error go on with the next statement, not with the last. */
  readonly stubborn?: boolean;
  readonly invariants?: Scenario['invariants'];
  readonly witnesses?: Scenario['witnesses'];
  readonly faults?: Plan['faults'];
}

/** Runs the statements in order. After an error it goes on with the last one, which ends the transaction, or stubbornly with the next. */
function statementsInOrder(scripts: ScriptedCase['scripts']): Operation {
  const split = new Map(scripts.map((script) => [script, typeof script === 'string' ? splitStatements(script) : script]));
  return async ({ client }, input: { readonly script: Script | Queries; readonly stubborn: boolean }) => {
    const statements = split.get(input.script) ?? (input.script as Queries);
    for (let index = 0; index < statements.length; index += 1) {
      try {
        const { text, values } = withoutParameters(statements[index]!);
        await client.query(text, [...values]);
      } catch {
        const last = statements.length - 1;
        if (!input.stubborn && index < last && /^(commit|rollback)/i.test(statements[last]!)) index = last - 1;
      }
    }
  };
}

/** The case as a scenario, and the one plan of it. */
export function scenarioOf(scripted: ScriptedCase): { scenario: Scenario; plan: Plan } {
  const scenario: Scenario = {
    name: 'scripts/scripts',
    description: 'Actors that are lists of SQL.',
    schema: scripted.schema,
    seed: () => scripted.seed,
    operations: { script: statementsInOrder(scripted.scripts) },
    workloads: [],
    invariants: scripted.invariants ?? [],
    ...(scripted.witnesses === undefined ? {} : { witnesses: scripted.witnesses }),
    expect: {},
  };
  const plan: Plan = {
    scenario: scenario.name,
    workload: 'scripts',
    isolation: scripted.isolation,
    capacity: 1,
    actors: scripted.scripts.map((script, index) => ({
      name: 'abcdefgh'.charAt(index),
      operation: 'script',
      input: { script, stubborn: scripted.stubborn ?? false },
    })),
    seed: 'scripts',
    ...(scripted.faults === undefined ? {} : { faults: scripted.faults }),
  };
  return { scenario, plan };
}
