import type { MutationData } from './data.js';
import type { MutationResult } from './mutations.js';
import { tableOf } from './table.js';
import { explanationOf } from './unnoticed.js';

/** What became of the safe variants without each of their safeguards. */
export function mutationSection({ seed, isolation, results }: MutationData): string {
  const judged = results.map((result) => ({ result, ...judgement(result) }));
  const count = (kind: Judgement['kind']) => judged.filter((item) => item.kind === kind).length;
  const rows = judged.map(({ result, kind, why }) => [
    `\`${result.variant}\``,
    result.operation === null ? 'schema' : `\`${result.operation}\``,
    result.what,
    kind,
    why,
  ]);
  return [
    '## Safe for a reason',
    [
      `From every safe variant each safeguard that a machine can find is taken out, one at a time, and the suite's plans under seed ${seed} are explored anew on the`,
      `model at ${isolation} (\`npm run zoo -- --mutations\`). Locking clauses, table and advisory locks, isolation levels that are named in \`BEGIN\`, guards in the`,
      'WHERE of an UPDATE, row counts, re-reads under a lock, and the retry after 40001 and 40P01 are taken out of the statements between an operation and its client;',
      'constraints are taken out of the schema (a primary key of several columns is widened to all that are NOT NULL). What never changes anything in any plan is no mutation, and is left out.',
      'Not tried: the order of locks, a second attempt that an operation asks for by itself, and what is no statement, such as the rename of a backup file.',
    ].join('\n'),
    tableOf(
      ['verdict', 'mutations', ''],
      [
        ['found', String(count('found')), 'an invariant or a monitor is violated'],
        [
          'vacuous',
          String(count('vacuous')),
          'none is violated, and the suite fails all the same: what the variant must show is not seen any more',
        ],
        [
          'doubled',
          String(count('doubled')),
          'not noticed alone, and found together with the others that are named, none of which is noticed alone either: each stands in for the other',
        ],
        [
          'elsewhere',
          String(count('elsewhere')),
          'not noticed here, where no workload asks for it, and found in another variant that has the same',
        ],
        ['needless', String(count('needless')), 'not noticed, since nothing that is checked rests on it'],
        ['hole', String(count('hole')), 'not noticed, and no workload, invariant or monitor of the variant asks'],
      ],
    ),
    tableOf(['variant', 'of', 'without', 'verdict', ''], rows),
  ].join('\n\n');
}

interface Judgement {
  readonly kind: 'found' | 'vacuous' | 'doubled' | 'elsewhere' | 'needless' | 'hole' | 'unexplained';
  readonly why: string;
}

/** What is to be said of a mutation. */
export function judgement(result: MutationResult): Judgement {
  const { verdict, violates, reason, backedBy, noticedIn } = result;
  if (verdict === 'violated') return { kind: 'found', why: violates.join(', ') };
  if (verdict !== 'explored') return { kind: verdict === 'vacuous' ? 'vacuous' : 'unexplained', why: reason ?? '' };
  if (backedBy !== null) return { kind: 'doubled', why: `with ${backedBy.others.join(' and ')}: ${backedBy.violates.join(', ')}` };
  const known = explanationOf(result);
  if (noticedIn !== null && known?.kind !== 'needless') return { kind: 'elsewhere', why: `\`${noticedIn}\`` };
  return known ?? { kind: 'unexplained', why: '' };
}
