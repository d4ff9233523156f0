import type { FuzzTally } from './tally.js';

/** A construct that was drawn: in how many statements, and in how many of these the model answered. */
export interface Construct {
  /** What kind of construct it is: `node`, `statement`, `schema`, `function`, `operator`, `cast` or `aggregate`. */
  readonly kind: string;
  readonly name: string;
  readonly drawn: number;
  readonly modelled: number;
}

/** Constructs by kind and name. */
export const constructsOf = ({ drawn, drawnRefused }: Pick<FuzzTally, 'drawn' | 'drawnRefused'>): Construct[] =>
  Object.entries(drawn)
    .map(([text, count]) => {
      const space = text.indexOf(' ');
      return {
        kind: text.slice(0, space),
        name: text.slice(space + 1),
        drawn: count,
        modelled: count - (drawnRefused[text] ?? 0),
      };
    })
    .sort((one, other) => compare(one.kind, other.kind) || compare(one.name, other.name));

const compare = (one: string, other: string): number => (one === other ? 0 : one < other ? -1 : 1);

/**
 * A line for each kind, and one for each construct that the model refused at least once, the rarest modelled first. A statement holds several
 * constructs, so that one is also refused for another's sake.
 */
export function constructLines(constructs: readonly Construct[]): string[] {
  const kinds = [...new Set(constructs.map(({ kind }) => kind))];
  const refused = constructs.filter(({ drawn, modelled }) => modelled < drawn);
  const worst = [...refused].sort((one, other) => one.modelled / one.drawn - other.modelled / other.drawn || other.drawn - one.drawn);
  return [
    ...kinds.map((kind) => {
      const all = constructs.filter((construct) => construct.kind === kind);
      const answered = all.filter(({ modelled }) => modelled > 0).length;
      const [drawn, modelled] = [sum(all.map((item) => item.drawn)), sum(all.map((item) => item.modelled))];
      return `${kind.padEnd(12)} ${answered} of ${all.length} modelled somewhere; in ${share(modelled, drawn)} of their ${drawn} places`;
    }),
    ...worst
      .slice(0, MOST_LINES)
      .map(({ kind, name, drawn, modelled }) => `  ${share(modelled, drawn).padStart(9)}  of ${drawn}: ${kind} ${name}`),
    ...(worst.length > MOST_LINES ? [`  and ${worst.length - MOST_LINES} more: --json has them all`] : []),
  ];
}

const MOST_LINES = 40;

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

const share = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(1)} %`;
