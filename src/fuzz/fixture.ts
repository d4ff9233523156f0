/** A program on which the engines went apart, as a file: to be read, replayed, and pinned. */
import type { IsolationLevel } from '../scenario.js';
import { type Choice, MARKS } from '../schedule/choice.js';
import type { Divergence } from './examine.js';
import type { FuzzProgram } from './program.js';

export const DIVERGENCE_FORMAT = 'lastseat.divergence.v1';

/** As it is written: one statement a line. */
interface DivergenceFile {
  readonly format: typeof DIVERGENCE_FORMAT;
  /** Where it was found: the seed and the version of PostgreSQL. */
  readonly found: string;
  readonly schema: readonly string[];
  readonly rows: readonly string[];
  readonly isolation: IsolationLevel;
  readonly stubborn: boolean;
  readonly actors: Readonly<Record<string, readonly string[]>>;
  readonly schedule: string;
  readonly difference: readonly string[];
}

const NAMES = 'abcdefgh';

export function divergenceFile({ program, schedule, difference }: Divergence, found: string): string {
  const { schema, rows, isolation, stubborn } = program;
  const file: DivergenceFile = {
    format: DIVERGENCE_FORMAT,
    found,
    schema,
    rows,
    isolation,
    stubborn,
    actors: Object.fromEntries(program.actors.map((statements, index) => [NAMES[index], statements])),
    schedule: schedule.map(({ actor, kind }) => `${NAMES[actor]}${MARKS[kind]}`).join(' '),
    difference: difference.split('\n'),
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

/** The program and the schedule of such a file. Throws where it is none. */
export function readDivergenceFile(text: string): { program: FuzzProgram; schedule: readonly Choice[] } {
  const file = JSON.parse(text) as DivergenceFile;
  if (file.format !== DIVERGENCE_FORMAT) throw new Error(`no divergence: its format is ${String(file.format)}, not ${DIVERGENCE_FORMAT}`);
  const { schema, rows, isolation, stubborn } = file;
  const marks = Object.entries(MARKS) as [Choice['kind'], string][];
  return {
    program: { schema, rows, isolation, stubborn, actors: Object.values(file.actors) },
    schedule: file.schedule
      .split(' ')
      .filter((entry) => entry !== '')
      .map((entry) => ({ actor: NAMES.indexOf(entry[0]!), kind: marks.find(([, mark]) => mark === entry.slice(1))![0] })),
  };
}
