import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  explainFailure,
  type IsolationLevel,
  type PostgresServer,
  parseSpecification,
  runSpecification,
  SPEC_DEFAULTS,
  type SpecOutcome,
  SpecSyntaxError,
  UnmodelledError,
} from '../../src/index.js';
import { EXIT } from '../exit-codes.js';
import { show } from '../screen.js';

/** What came of one specification of a folder. */
interface Row {
  readonly name: string;
  readonly outcome: SpecOutcome | null;
  /** Why nothing could be run, in a line; null where it could. */
  readonly obstacle: { readonly kind: 'unmodelled' | 'specification' | 'defect'; readonly reason: string } | null;
}

/** Runs every specification of a folder, and prints a line for each and a summary. What isolationtester would print of each is left out. */
export async function specFolder(
  folder: string,
  server: PostgresServer | null,
  isolation: IsolationLevel,
  withModel: boolean,
): Promise<number> {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.spec'))
    .sort();
  const rows: Row[] = [];
  for (const file of files) {
    const row = await one(join(folder, file), file.slice(0, -'.spec'.length), server, isolation, withModel);
    show(`${line(row)}\n`);
    rows.push(row);
  }
  show(`\n${summary(rows).join('\n')}\n`);
  return exitCode(rows);
}

export const specificationsIn = (folder: string): number => readdirSync(folder).filter((name) => name.endsWith('.spec')).length;

async function one(path: string, name: string, server: PostgresServer | null, isolation: IsolationLevel, withModel: boolean): Promise<Row> {
  try {
    const specification = parseSpecification(readFileSync(path, 'utf8'));
    const outcome = await runSpecification(specification, { ...SPEC_DEFAULTS, isolation, server, withModel, show: () => undefined });
    return { name, outcome, obstacle: null };
  } catch (error) {
    if (error instanceof UnmodelledError) return { name, outcome: null, obstacle: { kind: 'unmodelled', reason: error.message } };
    if (error instanceof SpecSyntaxError)
      return { name, outcome: null, obstacle: { kind: 'specification', reason: `line ${error.position.line}: ${error.message}` } };
    const { message, trace } = await explainFailure(error, name, server);
    return { name, outcome: null, obstacle: { kind: 'defect', reason: [message, ...trace.slice(0, 1)].join(' ') } };
  }
}

/** What a specification comes to, worst first. */
type Result = 'defect' | 'differs' | 'stopped' | 'undecided' | 'unmodelled' | 'infeasible' | 'agrees' | 'run';

function resultOf({ outcome, obstacle }: Row): Result {
  if (obstacle !== null) return obstacle.kind === 'specification' ? 'stopped' : obstacle.kind;
  const { judgements, failure, infeasible, exhaustive, complete } = outcome!;
  const has = (kind: string) => judgements.some((judgement) => judgement.kind === kind);
  if (has('differs')) return 'differs';
  if (failure !== null) return 'stopped';
  if (has('undecided')) return 'undecided';
  if (has('unmodelled')) return 'unmodelled';
  if (infeasible > 0n && !exhaustive && complete === 0n) return 'infeasible';
  return has('agrees') ? 'agrees' : 'run';
}

const NAME_WIDTH = 34;

function line(row: Row): string {
  const result = resultOf(row);
  const judgements = row.outcome?.judgements ?? [];
  const agreed = judgements.filter(({ kind }) => kind === 'agrees').length;
  const counts = judgements.length === 0 ? '' : `${agreed} of ${judgements.length}`;
  return [row.name.padEnd(NAME_WIDTH), result.padEnd(11), counts.padEnd(10), remark(row, result)].join(' ').trimEnd();
}

function remark({ outcome, obstacle }: Row, result: Result): string {
  if (obstacle !== null) return oneLine(obstacle.reason);
  const { judgements, failure } = outcome!;
  if (result === 'stopped') return oneLine(failure!.message);
  const first = judgements.find(({ kind }) => kind === result);
  if (first?.kind === 'unmodelled') return oneLine(first.reason);
  if (first?.kind === 'differs') return oneLine(`${first.permutation}: server ${first.server}; model ${first.model}`);
  return first?.kind === 'undecided' ? first.permutation : '';
}

const LONGEST_REMARK = 160;

function oneLine(text: string): string {
  const line = text.replace(/\s+/g, ' ');
  return line.length > LONGEST_REMARK ? `${line.slice(0, LONGEST_REMARK - 1)}…` : line;
}

function summary(rows: readonly Row[]): string[] {
  const results = rows.map(resultOf);
  const counts = new Map<Result, number>();
  for (const result of results) counts.set(result, (counts.get(result) ?? 0) + 1);
  const order: readonly Result[] = ['agrees', 'run', 'unmodelled', 'undecided', 'infeasible', 'stopped', 'differs', 'defect'];
  return [
    `specs       ${rows.length}: ${order.flatMap((result) => (counts.has(result) ? [`${counts.get(result)} ${WORDS[result]}`] : [])).join(', ')}`,
    ...refusals(rows),
  ];
}

const WORDS: Readonly<Record<Result, string>> = {
  agrees: 'agree in every permutation',
  run: 'run',
  unmodelled: 'refused in part or whole',
  undecided: 'undecided',
  infeasible: 'infeasible',
  stopped: 'stopped for a reason of their own',
  differs: 'differ',
  defect: 'ended by a defect',
};

/** Why the model refuses, the commonest reason first, with the specifications and permutations that it concerns. */
function refusals(rows: readonly Row[]): string[] {
  const reasons = new Map<string, { specs: Set<string>; permutations: number }>();
  const add = (reason: string, name: string) => {
    const key = oneLine(reason.replace(/: .*/s, ''));
    const entry = reasons.get(key) ?? { specs: new Set<string>(), permutations: 0 };
    entry.specs.add(name);
    entry.permutations += 1;
    reasons.set(key, entry);
  };
  for (const { name, outcome, obstacle } of rows) {
    if (obstacle?.kind === 'unmodelled') add(obstacle.reason, name);
    for (const judgement of outcome?.judgements ?? []) if (judgement.kind === 'unmodelled') add(judgement.reason, name);
  }
  return [...reasons]
    .sort(
      ([one, left], [other, right]) =>
        right.specs.size - left.specs.size || right.permutations - left.permutations || (one < other ? -1 : 1),
    )
    .map(([reason, { specs, permutations }]) => `unmodelled  ${specs.size} specs, ${permutations} permutations: ${reason}`);
}

/** Where several apply, the worst counts. */
function exitCode(rows: readonly Row[]): number {
  const results = new Set(rows.map(resultOf));
  if (results.has('defect')) return EXIT.internal;
  if (results.has('stopped')) return EXIT.usage;
  if (results.has('differs')) return EXIT.mismatch;
  return results.has('unmodelled') || results.has('undecided') || results.has('infeasible') ? EXIT.inconclusive : EXIT.fine;
}
