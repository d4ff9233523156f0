/** Each safe variant without one of its safeguards, on the model, with the plans of the suite. */
import { combine, DEFAULT_LIMITS, explorePlan, type IsolationLevel, type Scenario, suitePlans, type Verdict } from '../../src/index.js';
import { type Constraint, constraintsOf, STATEMENT_RULES, WITHOUT_RETRY, withoutConstraints } from './rules.js';
import { type Tampering, tampered } from './tampering.js';

/** The level of all of them. Every safe variant holds there. */
export const LEVEL: IsolationLevel = 'READ COMMITTED';

/** One safeguard of one variant, and how to take it out. */
export interface Mutation {
  readonly variant: string;
  /** What kind of safeguard. */
  readonly rule: string;
  /** Null where it is in the schema. */
  readonly operation: string | null;
  readonly what: string;
  readonly make: (scenario: Scenario) => Mutant;
}

interface Mutant {
  readonly scenario: Scenario;
  readonly touched: () => number;
}

/** What came of it. */
export interface MutationResult {
  readonly variant: string;
  readonly rule: string;
  readonly operation: string | null;
  readonly what: string;
  /** Of the mutant; `explored`: nobody has noticed. */
  readonly verdict: Verdict;
  /** Invariants and monitors that were violated. */
  readonly violates: readonly string[];
  /** Of a verdict that is neither `violated` nor `explored`. */
  readonly reason: string | null;
  /** Where nobody has noticed: the fewest others, none of them noticed either, with which together it is; null where there are none. */
  readonly backedBy: { readonly others: readonly string[]; readonly violates: readonly string[] } | null;
  /** Where nobody has noticed: another variant of the system in which the same one is. */
  readonly noticedIn: string | null;
}

/** Those that claim to be safe, and that others are told to become. */
export function safeVariants(shipped: readonly Scenario[]): Scenario[] {
  const fixes = new Set(shipped.map(({ zoo }) => zoo?.fix));
  return shipped.filter(({ name, zoo, expect }) => expect[LEVEL] === 'holds' && (zoo === undefined || fixes.has(name)));
}

/** What every operation of a variant sends in any of the plans, texts as they are. */
export async function statementsOf(scenario: Scenario, seed: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const sent = new Map<string, Set<string>>();
  let listening = scenario;
  for (const operation of Object.keys(scenario.operations)) {
    const texts = new Set<string>();
    sent.set(operation, texts);
    const noting: Tampering = {
      sent: (statement) => {
        texts.add(statement.text);
        return statement;
      },
    };
    listening = tampered(listening, operation, noting).scenario;
  }
  await judge(listening, seed);
  return new Map([...sent].map(([operation, texts]) => [operation, [...texts].sort()]));
}

/** All that the rules find in a variant. */
export function mutationsOf(scenario: Scenario, statements: ReadonlyMap<string, readonly string[]>): Mutation[] {
  const variant = scenario.name;
  const found: Mutation[] = [];
  for (const [operation, texts] of statements) {
    const add = (rule: string, what: string, tampering: Tampering | (() => Tampering)) =>
      found.push({ variant, rule, operation, what, make: (base) => tampered(base, operation, tampering) });
    for (const { name, mutate } of STATEMENT_RULES)
      for (const text of texts) for (const { what, tampering } of mutate(text)) add(name, what, tampering);
    add('retry', 'the retry after 40001 and 40P01', WITHOUT_RETRY);
  }
  const constraints = constraintsOf(scenario.schema);
  const groups: readonly (readonly Constraint[])[] = [
    ...constraints.filter(({ kind }) => kind === 'UNIQUE' || kind === 'PRIMARY KEY').map((constraint) => [constraint]),
    ...(['CHECK', 'FOREIGN KEY'] as const).map((kind) => constraints.filter((constraint) => constraint.kind === kind)),
  ];
  for (const group of groups.filter(({ length }) => length > 0)) {
    const [{ kind, name }] = group as [Constraint];
    const what = group.length === 1 ? `${kind} ${name}` : `${ALL_OF_A_KIND} ${kind}`;
    const make = (base: Scenario) => {
      const schema = withoutConstraints(base.schema, group);
      return { scenario: { ...base, schema }, touched: () => (schema === base.schema ? 0 : 1) };
    };
    found.push({ variant, rule: 'constraint', operation: null, what, make });
  }
  return found;
}

/** The verdict of a mutant; null where the mutation changed nothing in any plan, so that it is none. */
export async function tryOut(scenario: Scenario, mutations: readonly Mutation[], seed: string): Promise<Judged | null> {
  // Several may change one statement, which the first to change it finds as it stands; so the others come first.
  for (const order of mutations.length === 1 ? [mutations] : [mutations, mutations.toReversed()]) {
    const mutants: Mutant[] = [];
    for (const mutation of order) mutants.push(mutation.make(mutants.at(-1)?.scenario ?? scenario));
    const judged = await judge(mutants.at(-1)!.scenario, seed);
    if (mutants.every(({ touched }) => touched() > 0)) return judged;
  }
  return null;
}

/** All mutations of a variant, and for those that nobody notices what stands behind them. */
export async function mutate(scenario: Scenario, seed: string): Promise<MutationResult[]> {
  const results: { mutation: Mutation; judged: Judged }[] = [];
  for (const mutation of mutationsOf(scenario, await statementsOf(scenario, seed))) {
    const judged = await tryOut(scenario, [mutation], seed);
    if (judged !== null) results.push({ mutation, judged });
  }
  const unnoticed = results.filter(({ judged }) => judged.verdict === 'explored').map(({ mutation }) => mutation);
  const backing = await redundancies(scenario, unnoticed, seed);
  return results.map(({ mutation: { make: _make, ...mutation }, judged: { verdict, violates, reason } }) => ({
    ...mutation,
    verdict,
    violates,
    reason: verdict === 'violated' || verdict === 'explored' ? null : reason,
    backedBy: backing.get(nameOf(mutation)) ?? null,
    noticedIn: null,
  }));
}

/** Sets of two, and where one is in none of three, that are noticed together and in no part. */
async function redundancies(
  scenario: Scenario,
  unnoticed: readonly Mutation[],
  seed: string,
): Promise<Map<string, MutationResult['backedBy']>> {
  const backing = new Map<string, MutationResult['backedBy']>();
  const minimal: (readonly Mutation[])[] = [];
  for (const set of [...subsets(unnoticed, 2), ...subsets(unnoticed, 3)]) {
    if (minimal.some((smaller) => smaller.every((mutation) => set.includes(mutation)))) continue;
    if (set.length === 3 && set.every((mutation) => backing.has(nameOf(mutation)))) continue;
    const { violates = [] } = (await tryOut(scenario, set, seed)) ?? {};
    if (violates.length === 0) continue;
    minimal.push(set);
    for (const mutation of set) {
      const others = set.filter((other) => other !== mutation).map(nameOf);
      if (!backing.has(nameOf(mutation))) backing.set(nameOf(mutation), { others, violates });
    }
  }
  return backing;
}

function subsets<T>(items: readonly T[], size: number): T[][] {
  if (size === 0) return [[]];
  return items.flatMap((item, index) => subsets(items.slice(index + 1), size - 1).map((rest) => [item, ...rest]));
}

/** Where nobody has noticed: whether the same is noticed in another variant of the system. */
export function withOthers(results: readonly MutationResult[]): MutationResult[] {
  const same = (left: MutationResult, right: MutationResult) =>
    systemOf(left) === systemOf(right) && left.operation === right.operation && left.rule === right.rule && left.what === right.what;
  return results.map((result) => {
    // All constraints of a kind are others in another schema.
    if (result.verdict !== 'explored' || result.what.startsWith(ALL_OF_A_KIND)) return result;
    return { ...result, noticedIn: results.find((other) => other.verdict !== 'explored' && same(other, result))?.variant ?? null };
  });
}

const ALL_OF_A_KIND = 'all constraints of kind';

const systemOf = ({ variant }: MutationResult): string => variant.slice(0, variant.indexOf('/'));

/** `bookSeats: FOR UPDATE of events`. */
export const nameOf = ({ operation, what }: Pick<Mutation, 'operation' | 'what'>): string =>
  operation === null ? what : `${operation}: ${what}`;

type Judged = Pick<MutationResult, 'verdict' | 'violates' | 'reason'>;

async function judge(scenario: Scenario, seed: string): Promise<Judged> {
  const options = { strategy: 'auto', limits: DEFAULT_LIMITS, postgres: null, model: true } as const;
  const outcomes = [];
  try {
    for (const plan of suitePlans(scenario, LEVEL, seed)) outcomes.push(await explorePlan(scenario, plan, options));
  } catch (error) {
    return { verdict: 'error', violates: [], reason: (error as Error).message };
  }
  const { verdict, reason } = combine(scenario, LEVEL, outcomes);
  return { verdict, violates: [...new Set(outcomes.flatMap(({ failure }) => failure?.invariant ?? []))].sort(), reason };
}
