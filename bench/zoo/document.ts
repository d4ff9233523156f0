/** docs/zoo.md, from the scenarios, their pinned counterexamples and the data in fixtures/zoo. */
import { existsSync, readFileSync } from 'node:fs';
import { grouped } from '../../src/grouped.js';
import type { IsolationLevel, Scenario, ZooEntry } from '../../src/index.js';
import type { Measured, MutationData, StressData, SuiteData, SuiteVerdict } from './data.js';
import { mutationSection } from './mutation-section.js';
import { safeVariants } from './mutations.js';
import { REVIEW } from './review.js';
import { tableOf } from './table.js';

/** What a section is made of is null where nobody has run it: the section is then left out. */
export interface ZooData {
  readonly suite: SuiteData | null;
  readonly mutations: MutationData | null;
  readonly stress: StressData | null;
}

type Bug = Scenario & { readonly zoo: ZooEntry };

const SHORT: Readonly<Record<IsolationLevel, string>> = { 'READ COMMITTED': 'RC', 'REPEATABLE READ': 'RR', SERIALIZABLE: 'SER' };
const FIXTURES = new URL('../../fixtures/', import.meta.url);

/** The whole page. */
export function zooDocument(shipped: readonly Scenario[], { suite, mutations, stress }: ZooData): string {
  const bugs = shipped.filter((scenario): scenario is Bug => scenario.zoo !== undefined);
  const classes = [...new Set(bugs.map(({ zoo }) => zoo.class))];
  const sections = [
    introduction(bugs.length, classes.length),
    suite === null ? '' : scoreSection(suite, stress),
    suite === null ? '' : foundSection(suite, stress),
    suite === null ? '' : safeSection(shipped, suite, bugs),
    mutations === null ? '' : mutationSection(mutations),
    `## Classes\n\n${classes.map((name) => classSection(name, bugs, suite)).join('\n\n')}`,
  ];
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`;
}

const introduction = (variants: number, classes: number): string => `# The zoo

${variants} variants of the booking systems are broken on purpose, in ${classes} classes of bugs that were seen in public or are general knowledge; the
others are to be safe. This page is written by a script from the variants, their pinned counterexamples and the data in \`fixtures/zoo/\`, and
\`properties/zoo.test.ts\` holds it to them.

\`\`\`sh
npm run zoo                     # writes this page
npm run zoo -- --suite          # runs the suite under seed 42 first
npm run zoo -- --mutations      # takes each safeguard that a machine can find out of every safe variant, on the model: some minutes
npm run zoo -- --stress         # a plain stress test of all that is broken, on a real server: some minutes
\`\`\`

A variant is judged at each isolation level that it declares: READ COMMITTED (RC), REPEATABLE READ (RR), SERIALIZABLE (SER). One that breaks at
one of them may hold at another. Where something was seen: \`owner/repository#number\` is an issue or pull request on GitHub; \`(general
knowledge)\` has no reference yet.`;

const measuredText = ({ date, machine, node, postgres }: Measured): string =>
  `${date}, ${machine}, busy with other work, Node ${node}${postgres === null ? '' : `, PostgreSQL ${postgres}`}`;

const seconds = (elapsedMs: number): string => `${(elapsedMs / 1000).toFixed(1)} s`;

function scoreSection({ seed, score, measured }: SuiteData, stress: StressData | null): string {
  const { counterexamples, schedules } = score;
  const spread = (of: { median: number; most: number } | null | undefined) =>
    of == null ? ['', ''] : [String(of.median), String(of.most)];
  const sizes = tableOf(
    ['over all that was found', 'median', 'most'],
    [
      ['random schedules to the first violation', ...spread(schedules)],
      ['work to the first violation (measured)', seconds(score.medianToViolationMs ?? 0), seconds(score.mostToViolationMs ?? 0)],
      ['actors of the counterexample', ...spread(counterexamples?.actors)],
      ['steps of the counterexample', ...spread(counterexamples?.steps)],
      ['context switches of the counterexample', ...spread(counterexamples?.switches)],
    ],
  );
  const missed = stress?.results.filter(({ failed }) => failed === 0) ?? [];
  const rounds = stress?.results[0]?.rounds;
  return [
    '## Score',
    [
      `The suite under seed ${seed} (\`npm run sim -- --seed ${seed}\`): **found ${score.found} of ${score.buggy} buggy, proved ${score.proved} of ${score.safe} safe**. A count is of verdicts,`,
      `a variant at a level. ${counterexamples?.minimal ?? 0} of the ${score.found} counterexamples are minimal, and ${counterexamples?.confirmedOnPostgres ?? 0} were confirmed on PostgreSQL, ten replays out of ten.`,
      ...(stress === null
        ? []
        : [
            `A stress test of ${rounds} rounds each (\`npm run zoo -- --stress --rounds ${rounds}\`) finds ${stress.results.length - missed.length} of ${stress.results.length}. Of the`,
            `other ${missed.length}, ${missed.filter(({ inReach }) => !inReach).length} are out of its reach: see [below](#found).`,
          ]),
    ].join('\n'),
    sizes,
    [
      'The schedules are random ways through the state graph of the first plan that has a violation, each step alike, up to the first that violates and with',
      `it; ${score.notByRandomSchedules} of the ${score.found} violations came in none of 200, and the exhaustive search alone has them. The work is that on this plan until the`,
      `violation was known and that on the plans before it to their ends. Times were measured on ${measuredText(measured)}.`,
    ].join('\n'),
  ].join('\n\n');
}

function foundSection({ verdicts, measured }: SuiteData, stress: StressData | null): string {
  const rows = verdicts
    .filter(({ expect }) => expect === 'violated')
    .map((verdict) => {
      const { name, isolation, violating, interleavings, found, elapsedMs } = verdict;
      const stressed = stress?.results.find((result) => result.name === name && result.isolation === isolation);
      return [
        `\`${name}\``,
        SHORT[isolation],
        verdict.verdict,
        `${grouped(violating)} of ${grouped(interleavings)}`,
        String(found?.schedules ?? 'none of 200'),
        found === null ? '' : `${found.actors}, ${found.steps}, ${found.switches}`,
        seconds(elapsedMs),
        ...(stress === null
          ? []
          : [stressed === undefined ? '' : `${stressed.failed} of ${stressed.rounds}${stressed.inReach ? '' : ', out of reach'}`]),
      ];
    });
  const head = [
    'variant',
    'level',
    'verdict',
    'interleavings that violate',
    'random schedules',
    'actors, steps, switches',
    'time',
    ...(stress === null ? [] : ['stress test']),
  ];
  const stressText =
    stress === null
      ? []
      : [
          `The stress test runs the operations of the same plans at once, over connections of their own and in nobody's order, and looks at the invariants when all are through:
a column of rounds that violate. It has no clock ticks, no lost connections, and no monitors, which need to see every step: where no interleaving on the model violates an invariant without them, what is broken is
out of its reach. Deadlocks end after PostgreSQL's one second. What it finds is chance:
\`npm run zoo -- --stress --rounds ${stress.results[0]?.rounds}\` on ${measuredText(stress.measured)}.`,
        ];
  return [
    '## Found',
    `Exact, but for the time of the suite's workers, which was measured on ${measuredText(measured)}.`,
    ...stressText,
    tableOf(head, rows),
  ].join('\n\n');
}

function safeSection(shipped: readonly Scenario[], { verdicts }: SuiteData, bugs: readonly Bug[]): string {
  const rows = safeVariants(shipped).flatMap(({ name }) =>
    verdicts
      .filter((verdict) => verdict.name === name && verdict.expect === 'holds')
      .map((verdict, index) => [
        `\`${name}\``,
        SHORT[verdict.isolation],
        verdict.verdict,
        grouped(verdict.interleavings),
        transitionsText(verdict),
        index > 0
          ? ''
          : bugs
              .filter(({ zoo }) => zoo.fix === name)
              .map((bug) => `\`${bug.name}\``)
              .join(', '),
      ]),
  );
  return [
    '## Safe variants',
    'No interleaving of the plans violates, on the model; and the transitions that can be forced were seen on PostgreSQL. Where a level is missing, the variant breaks at it, or does not declare it.',
    tableOf(['variant', 'level', 'verdict', 'interleavings', 'transitions seen on PostgreSQL', 'repairs'], rows),
  ].join('\n\n');
}

const transitionsText = ({ transitions, transitionsConfirmed, transitionsUnforceable }: SuiteVerdict): string =>
  `${grouped(transitionsConfirmed)} of ${grouped(transitions)}${transitionsUnforceable === 0 ? '' : `, ${grouped(transitionsUnforceable)} cannot be forced`}`;

function classSection(name: string, bugs: readonly Bug[], suite: SuiteData | null): string {
  const ofClass = bugs.filter(({ zoo }) => zoo.class === name);
  return [`### ${capitalised(name)}`, REVIEW[name] ?? '', ...ofClass.map((bug) => bugSection(bug, suite))].join('\n\n');
}

const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function bugSection({ name, description, expect, zoo }: Bug, suite: SuiteData | null): string {
  const levels = Object.entries(expect) as [IsolationLevel, string][];
  const [first] = levels.filter(([, expected]) => expected === 'violated').map(([level]) => level);
  const pinned = `${name}-${first}`.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  const report = new URL(`reports/${pinned}.txt`, FIXTURES);
  const story = existsSync(report) ? readFileSync(report, 'utf8') : '';
  return [
    `#### \`${name}\``,
    description,
    [
      `- what is seen: ${zoo.anomaly}; with ${zoo.leastActors} ${zoo.leastActors === 1 ? 'actor' : 'actors'} at the least`,
      `- seen in: ${zoo.seenIn}`,
      `- expected: ${levels.map(([level, expected]) => `${expected} at ${level}`).join(', ')}`,
      `- fix: \`${zoo.fix}\`${suite === null ? '' : `, ${proofText(zoo.fix, suite)}`}`,
    ].join('\n'),
    `<details><summary>counterexample at ${first}</summary>`,
    `\`\`\`text\n${story}\`\`\``,
    `Pinned in [fixtures/counterexamples/${pinned}.json](../fixtures/counterexamples/${pinned}.json).\n\n</details>`,
  ].join('\n\n');
}

/** At the first level at which the fix holds. */
function proofText(fix: string, { verdicts }: SuiteData): string {
  const proof = verdicts.find(({ name, expect }) => name === fix && expect === 'holds');
  if (proof === undefined) return 'of which the suite says nothing';
  return `${proof.verdict} at ${proof.isolation}: ${grouped(proof.interleavings)} interleavings, ${transitionsText(proof)} transitions seen on PostgreSQL`;
}
