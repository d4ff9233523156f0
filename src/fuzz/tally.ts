import type { Examined } from './examine.js';
import { divergenceFile } from './fixture.js';
import type { Fuzzed } from './fuzz.js';
import type { FuzzProgram } from './program.js';

/** What one program, or many, came to: plain JSON, and sums. */
export interface FuzzTally {
  readonly programs: number;
  /** Statements that were generated, and those of them that the model refused in some schedule, by reason. */
  readonly statements: number;
  readonly refused: Readonly<Record<string, number>>;
  /** Programs whose schema the model refuses, by reason. */
  readonly schemasRefused: Readonly<Record<string, number>>;
  /** Run on both engines. */
  readonly schedules: number;
  /** Schedules that came to a situation which the model refuses, by reason. */
  readonly schedulesRefused: Readonly<Record<string, number>>;
  readonly steps: number;
  /** Constructs by how many statements had them, and in how many of these the model refused the statement, or the schema. */
  readonly drawn: Readonly<Record<string, number>>;
  readonly drawnRefused: Readonly<Record<string, number>>;
  /** Differences that did not come again. */
  readonly unsteady: number;
  /** Steps at which the server chose the other of two outcomes that are its to choose. */
  readonly parted: number;
  /** How often steps came to what: `waits`, `waits again`, an SQLSTATE, a command and its count. */
  readonly seen: Readonly<Record<string, number>>;
  readonly divergences: readonly FoundDivergence[];
  /** Programs that could not be compared to their end, and why. */
  readonly gaveUp: readonly { readonly index: number; readonly reason: string }[];
}

/** A divergence, made small. */
export interface FoundDivergence {
  /** The program's number under its seed. */
  readonly index: number;
  /** What both engines showed, with the way that led there. */
  readonly difference: string;
  /** The content of the file to pin. */
  readonly file: string;
  readonly shrinks: number;
}

/** Nothing yet. */
export const NOTHING_FUZZED: FuzzTally = {
  programs: 0,
  statements: 0,
  refused: {},
  schemasRefused: {},
  schedules: 0,
  schedulesRefused: {},
  steps: 0,
  drawn: {},
  drawnRefused: {},
  unsteady: 0,
  parted: 0,
  seen: {},
  divergences: [],
  gaveUp: [],
};

/** What one program came to. `where` is told in the file: seed, version of PostgreSQL. */
export function tallyOf({ program, examined, gaveUp, divergence, shrinks }: Fuzzed, index: number, where: string): FuzzTally {
  const statements = program.actors.reduce((sum, all) => sum + all.length, 0);
  if (examined === null) return { ...NOTHING_FUZZED, programs: 1, statements, gaveUp: [{ index, reason: gaveUp! }] };
  const { refused, schemaRefused, schedules, schedulesRefused, steps, unsteady, parted, seen } = examined;
  const reasons: Record<string, number> = {};
  for (const reason of refused.values()) reasons[reason] = (reasons[reason] ?? 0) + 1;
  return {
    programs: 1,
    statements,
    refused: reasons,
    schemasRefused: schemaRefused === null ? {} : { [schemaRefused]: 1 },
    schedules,
    schedulesRefused: Object.fromEntries(schedulesRefused),
    steps,
    ...constructsOf(program, examined),
    unsteady,
    parted,
    seen: Object.fromEntries(seen),
    divergences:
      divergence === null ? [] : [{ index, difference: divergence.difference, file: divergenceFile(divergence, where), shrinks }],
    gaveUp: [],
  };
}

/** Of the schema where the model refuses that; else of the statements. */
function constructsOf({ uses, actors }: FuzzProgram, { refused, schemaRefused }: Examined): Pick<FuzzTally, 'drawn' | 'drawnRefused'> {
  const drawn: Record<string, number> = {};
  const drawnRefused: Record<string, number> = {};
  const count = (text: string, isRefused: boolean) => {
    for (const construct of uses?.[text] ?? []) {
      drawn[construct] = (drawn[construct] ?? 0) + 1;
      if (isRefused) drawnRefused[construct] = (drawnRefused[construct] ?? 0) + 1;
    }
  };
  count('', schemaRefused !== null);
  if (schemaRefused === null)
    for (const [actor, statements] of actors.entries()) for (const text of statements) count(text, refused.has(`${actor}: ${text}`));
  return { drawn, drawnRefused };
}

/** Both together, in whatever order they came. */
export function addTallies(left: FuzzTally, right: FuzzTally): FuzzTally {
  return {
    programs: left.programs + right.programs,
    statements: left.statements + right.statements,
    refused: addCounts(left.refused, right.refused),
    schemasRefused: addCounts(left.schemasRefused, right.schemasRefused),
    schedules: left.schedules + right.schedules,
    schedulesRefused: addCounts(left.schedulesRefused, right.schedulesRefused),
    steps: left.steps + right.steps,
    drawn: addCounts(left.drawn, right.drawn),
    drawnRefused: addCounts(left.drawnRefused, right.drawnRefused),
    unsteady: left.unsteady + right.unsteady,
    parted: left.parted + right.parted,
    seen: addCounts(left.seen, right.seen),
    divergences: [...left.divergences, ...right.divergences].sort((one, other) => one.index - other.index),
    gaveUp: [...left.gaveUp, ...right.gaveUp].sort((one, other) => one.index - other.index),
  };
}

type Counts = Readonly<Record<string, number>>;

function addCounts(left: Counts, right: Counts): Counts {
  const sum: Record<string, number> = { ...left };
  for (const [name, count] of Object.entries(right)) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}
