import type { Command } from 'commander';

const EXIT_CODES = `
Exit codes:
  0    as it should be: proved, explored or passed; in the suite, every verdict as its variant expects
  1    a violation; in the suite, a verdict that the variant does not expect
  2    bad usage or bad input, a damaged token or file
  3    the model and the server differ, a race, uncontrolled nondeterminism, or a replay of something else
  4    no PostgreSQL can be had, or it went away
  5    inconclusive (a limit was hit), vacuous (a required witness never came) or unmodelled
  70   error: a defect of lastseat, a scenario whose own code throws, a worker process that was killed
  130  interrupted
Where several apply, the first of 130, 70, 2, 4, 3, 1, 5.
`;

export const EXPLORE_HELP = `
Without --scenario the whole suite runs, and what counts is whether each verdict is as its variant expects. A scenario that is
named is judged as it is: a violation exits 1.

Examples:
  npm run sim -- --seed 42                                   the whole suite, on the model and on PostgreSQL
  npm run sim -- --scenario events/check-then-insert         one variant, with its counterexample
  npm run sim -- --scenario ./mine.ts --actors 3             your own code; see docs/your-own-code.md
  npm run sim -- --scenario "rental/*" --plans all           every plan of each workload; the shipped variants declare two
  npm run sim -- --engine model --strategy pct --actors 20   sampled, without a server
  npm run --silent sim -- --seed 42 --json - > outcome.json  for a program; npm's own banner would be in the way
${EXIT_CODES}`;

export const REPLAY_HELP = `
TOKEN begins with "ls1." and stands below every counterexample; FILE is the JSON beside its report, or one pinned with --save.

Examples:
  npm run sim -- replay .lastseat/events-check-then-insert-read-committed.json
  npm run sim -- replay ls1.... --engine model --times 100
  npm run sim -- replay --scenario ./mine.ts ls1....

Exit codes: 1 the recorded violation came again · 0 a recorded run without violation came again · 3 the run is not what was
recorded · 2 a damaged token or file · 4 no PostgreSQL · 5 the model does not know this SQL · 70 error · 130 interrupted
`;

export const SPEC_HELP = `
FILE has sessions, steps and permutations in the format of PostgreSQL's src/test/isolation; - is standard input. Without
permutations all orders of the steps are run. Standard output is what isolationtester would print; where the model shows
something else, or does not know what it is asked, goes to standard error. See docs/isolationtester.md.

Examples:
  npm run sim -- spec fixtures/hermitage/p4.spec --isolation "repeatable read"
  npm run sim -- --scenario events/check-then-insert --export-spec found.spec; npm run sim -- spec found.spec

Exit codes: 0 all of it was run, and the model shows the same · 2 no such file, a mistake in it, or a setup that fails · 3 model
and server differ · 4 no PostgreSQL · 5 unmodelled, undecided, an infeasible permutation, or a limit was hit · 130 interrupted
`;

export const FUZZ_HELP = `
A program is a schema, its first rows, and two to four actors; each runs under random schedules on the model and on the server, one
step at a time. What a step shows outside what the model allows is a divergence: it is made small, printed, and written to a
file, which npm test replays once it lies in fixtures/divergences. See docs/model.md.

Examples:
  npm run fuzz -- --seed 1 --runs 2000
  npm run fuzz -- --seed 1 --runs 200 --major 15

Exit codes: 0 no divergence · 2 bad usage · 3 a divergence · 4 no PostgreSQL · 70 error · 130 interrupted
`;

export const EXPLAIN_HELP = `
Examples:
  npm run sim -- explain vacuous       a verdict
  npm run sim -- explain coarse        a line of the output
  npm run sim -- explain 5             an exit code
  npm run sim -- explain 40001         an SQLSTATE

Exit codes: 0 explained · 2 nothing is known of the word
`;

export const COVERAGE_HELP = `
FILE exports scenarios, as for --scenario: their operations are run on the model, in few plans, and every statement that they
send is noted. Or it ends with .sql, or is a folder of such files: what defines a schema makes one, and the other statements are
asked for one by one, their parameters NULL. A refused statement has no rows here, so statements behind it may be others than
in earnest.

Examples:
  npm run sim -- coverage ./mine.ts
  npm run sim -- coverage ./migrations --json -

Exit codes: 0 all statements are answered · 2 no such file, or a mistake in it · 5 some are refused · 70 error
`;

export const BACKUP_HELP = `
All tables are read in one snapshot, and nobody is blocked. The file is written under a temporary name and renamed when it is
whole and on the disk; only then are older backups removed. A directory belongs to one database. A password is best left to
PGPASSWORD.

Examples:
  npm run sim -- backup --system rental --url postgres://app@db:5432/rental --dir ./backups
  npm run sim -- backup --system rental --url postgres://app@db:5432/rental --dir ./backups --keep 30 --json -

Exit codes: 0 the backup is there · 2 bad usage, another system's tables, or nowhere to write · 4 no such database, or it went
away · 5 gave up against others · 70 error · 130 interrupted
`;

export const RESTORE_HELP = `
The file is verified whole before the database is touched. Then everything is replaced in one transaction, under locks that keep
writers out and let readers in: whoever interrupts it has the old state or the new. What was booked after the backup is gone, and
is listed by id.

Examples:
  npm run sim -- restore --system rental --url postgres://app@db:5432/rental --dir ./backups --dry-run
  npm run sim -- restore --system rental --url postgres://app@db:5432/rental --dir ./backups --yes

Exit codes: 0 restored, or shown · 2 bad usage, a backup that is damaged or another system's, or another system's tables
4 no such database, or it went away · 5 gave up against others who write · 70 error · 130 interrupted
`;

export const DOCTOR_HELP = `
Exit codes: 0 there is a PostgreSQL to work with (the one that --postgres or LASTSEAT_POSTGRES names, else any) · 4 there is none
`;

/** The first page: what it is, the commands, and the options of the one that is run when none is named. */
export function overview(program: Command, explore: Command): string {
  const [, options = ''] = explore.helpInformation().split('\nOptions:\n');
  return `Usage: npm run sim -- [explore] [options]             explore scenarios (the default command)
       npm run sim -- replay TOKEN|FILE [options]     run one recorded schedule again
       npm run sim -- spec FILE [options]             run a specification of PostgreSQL's isolationtester
       npm run sim -- fuzz [options]                  hold the model against a server in random programs
       npm run sim -- backup [options]                write a booking system in a database of yours to a file
       npm run sim -- restore [options]               put it back to a backup, or look what that would do
       npm run sim -- coverage FILE [options]         which statements the model answers, and why it refuses others
       npm run sim -- list [--json FILE]              systems, variants, and the verdict expected of each
       npm run sim -- doctor                          what is here: Node, providers of PostgreSQL
       npm run sim -- COMMAND --help                  more about one of them

${program.description()}

Options of explore:
${options}  -V, --version        the version
${EXPLORE_HELP}`;
}
