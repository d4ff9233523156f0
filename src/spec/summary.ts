import type { Judgement } from './judge.js';
import type { SpecOutcome } from './run.js';

/** What the summary says of the run as a whole. */
export interface SummaryOptions {
  /** `18.4 (embedded)`; null without a server. */
  readonly postgres: string | null;
  readonly isolation: string;
}

/** What was run, and where model and server differ or cannot be compared. */
export function specSummary(outcome: SpecOutcome, { postgres, isolation }: SummaryOptions): string[] {
  const { complete, infeasible, exhaustive, failure } = outcome;
  const ran = exhaustive
    ? `${complete} of ${complete + infeasible} orders run; ${infeasible} infeasible, since they schedule a session that waits`
    : `${complete} ${complete === 1n ? 'permutation' : 'permutations'} run${infeasible === 0n ? '' : `; ${infeasible} infeasible`}`;
  const where = postgres === null ? 'the model alone' : `PostgreSQL ${postgres}`;
  return [
    `${label('spec')}${where} · ${isolation} · ${ran}`,
    ...(failure === null ? [] : [`${label('stopped')}${failure.message}`]),
    ...(postgres === null || outcome.judgements.length === 0 ? [] : [agreement(outcome.judgements)]),
    ...judgementLines(outcome.judgements),
  ];
}

const WIDTH = 12;
const label = (text: string) => text.padEnd(WIDTH);
const indent = ' '.repeat(WIDTH);

function agreement(judgements: readonly Judgement[]): string {
  const agreed = judgements.filter(({ kind }) => kind === 'agrees').length;
  return `${label('model')}shows the same in ${agreed} of ${judgements.length} permutations that were tried`;
}

function judgementLines(judgements: readonly Judgement[]): string[] {
  const lines: string[] = [];
  for (const judgement of judgements) {
    if (judgement.kind !== 'differs') continue;
    lines.push(
      `${label('differs')}${judgement.permutation}`,
      ...(judgement.after === null ? [] : [`${indent}after:  ${judgement.after}`]),
      `${indent}server: ${judgement.server}`,
      `${indent}model:  ${judgement.model}`,
    );
  }
  for (const judgement of judgements)
    if (judgement.kind === 'undecided')
      lines.push(`${label('undecided')}${judgement.permutation}: none of ${judgement.ways} ways on the model, and there are more`);
  return [...lines, ...unmodelled(judgements)];
}

/** Each reason once, with the permutations that it concerns. */
function unmodelled(judgements: readonly Judgement[]): string[] {
  const counts = new Map<string, number>();
  for (const judgement of judgements)
    if (judgement.kind === 'unmodelled') counts.set(judgement.reason, (counts.get(judgement.reason) ?? 0) + 1);
  return [...counts].map(
    ([reason, count]) => `${label('unmodelled')}${count} ${count === 1 ? 'permutation' : 'permutations'}: ${reason.replace(/\s+/g, ' ')}`,
  );
}
