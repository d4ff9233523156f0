/** Random programs of two to four actors who want the same few rows. */
import fc from 'fast-check';
import { numericSeed } from '../plan/draw.js';
import type { IsolationLevel } from '../scenario.js';
import { Draws, DrawsArbitrary } from './draws.js';
import { ListArbitrary } from './list-arbitrary.js';
import { drawRows } from './rows.js';
import { drawSchema, schemaStatements } from './schema.js';
import { CHANGES } from './statements/changes.js';
import { INSERTS } from './statements/inserts.js';
import { LOCKS } from './statements/locks.js';
import { PARTS } from './statements/parts.js';
import { READS } from './statements/reads.js';
import type { Catalogue } from './wide/catalogue.js';
import { wideProgramArbitrary } from './wide/program.js';
import { type StatementKind, Writer } from './writer.js';

/** A schema, its first rows, and what each actor says. */
export interface FuzzProgram {
  readonly schema: readonly string[];
  readonly rows: readonly string[];
  /** What a transaction has that names no level. */
  readonly isolation: IsolationLevel;
  /** After an error an actor goes on with its next statement, not with its last. */
  readonly stubborn: boolean;
  readonly actors: readonly (readonly string[])[];
  /** By statement, and for the schema under an empty text: the constructs in it, where they are known. */
  readonly uses?: Readonly<Record<string, readonly string[]>>;
}

/** The simplest kind first: that is where shrinking ends. */
const KINDS: readonly StatementKind[] = [...READS, ...CHANGES, ...LOCKS, ...INSERTS, ...PARTS];
/** How much of a draw each group has, whatever the number of its kinds. */
const SHARES: readonly (readonly [readonly StatementKind[], number])[] = [
  [READS, 14],
  [CHANGES, 38],
  [LOCKS, 28],
  [INSERTS, 24],
  [PARTS, 8],
];
/** Kinds by weight, for a draw to point into. */
const WHEEL: readonly StatementKind[] = SHARES.flatMap(([kinds, share]) => {
  const total = kinds.reduce((sum, { weight }) => sum + weight, 0);
  return kinds.flatMap((kind) => Array.from({ length: Math.max(1, Math.round((kind.weight * share * 4) / total)) }, () => kind));
});

/** A place on the wheel. It shrinks to the simplest kind of each group. */
class KindArbitrary extends fc.Arbitrary<number> {
  override generate(random: fc.Random): fc.Value<number> {
    return new fc.Value(random.nextInt(0, WHEEL.length - 1), undefined);
  }

  override canShrinkWithoutContext(value: unknown): value is number {
    return typeof value === 'number';
  }

  override shrink(value: number): fc.Stream<fc.Value<number>> {
    const simplest = SHARES.map(([kinds]) => WHEEL.indexOf(kinds[0]!)).filter((index) => index < value && WHEEL[index] !== WHEEL[value]);
    return new fc.Stream(simplest.values()).map((index) => new fc.Value(index, undefined));
  }
}

/** Choices of a statement; one more says whether its values are parameters. */
const STATEMENT_DRAWS = 10;
/** One statement: which kind, and its choices. */
const statement = fc.record({ kind: new KindArbitrary(), draws: new DrawsArbitrary(STATEMENT_DRAWS + 1) });

type DrawnStatement = { readonly kind: number; readonly draws: readonly number[] };

const BEGINS = [
  'BEGIN',
  'BEGIN',
  'BEGIN',
  'BEGIN',
  'BEGIN ISOLATION LEVEL REPEATABLE READ',
  'BEGIN ISOLATION LEVEL SERIALIZABLE',
  'BEGIN',
  '',
  'BEGIN',
  '',
  'BEGIN ISOLATION LEVEL READ COMMITTED',
  'BEGIN',
  'BEGIN READ ONLY',
  'BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE',
] as const;

const transaction = fc.record({
  begin: fc.noBias(fc.constantFrom(...BEGINS)),
  statements: new ListArbitrary(statement, [1, 2, 3]),
  /** Where a savepoint is opened and what becomes of it; none in half of them. */
  savepoint: new DrawsArbitrary(3),
  end: fc.noBias(fc.constantFrom('COMMIT', 'COMMIT', 'COMMIT', 'COMMIT', 'ROLLBACK', 'COMMIT AND CHAIN; COMMIT')),
});

type DrawnTransaction = {
  readonly begin: string;
  readonly statements: readonly DrawnStatement[];
  readonly savepoint: readonly number[];
  readonly end: string;
};

const actor = new ListArbitrary(transaction, [1, 1, 1, 1, 2]);
/** More of two and three than of four: with every actor a schedule gets rarer. */
const actors = new ListArbitrary(actor, [2, 2, 2, 3, 3, 4]);

/** So many programs have a schema in common: to set one up costs more than to run a program. */
export const PROGRAMS_OF_A_SCHEMA = 20;
const SCHEMA_DRAWS = 40;

/**
 * Program `index` of a seed. It shrinks to fewer actors, fewer and simpler statements, and a simpler schema, each independently of the others;
 * the schema last, since a new one takes longest to try. With a catalogue every second schema and what is said over it are drawn from that.
 */
export function programArbitrary(seed: string, index: number, catalogue: Catalogue | null = null): fc.Arbitrary<FuzzProgram> {
  const number = Math.floor(index / PROGRAMS_OF_A_SCHEMA);
  const block = numericSeed(`${seed}/schema ${number}`);
  if (catalogue !== null && number % 2 === 1) return wideProgramArbitrary(catalogue, block);
  const given = fc.sample(new DrawsArbitrary(SCHEMA_DRAWS), { seed: block, numRuns: 1 })[0]!;
  return fc
    .record({
      actors,
      isolation: fc.noBias(
        fc.constantFrom<IsolationLevel>('READ COMMITTED', 'READ COMMITTED', 'READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE'),
      ),
      stubborn: fc.boolean(),
      rows: new DrawsArbitrary(30),
      schema: new DrawsArbitrary(SCHEMA_DRAWS, given),
    })
    .map(programOf);
}

interface DrawnProgram {
  readonly actors: readonly (readonly DrawnTransaction[])[];
  readonly isolation: IsolationLevel;
  readonly stubborn: boolean;
  readonly rows: readonly number[];
  readonly schema: readonly number[];
}

function programOf({ actors: all, isolation, stubborn, rows, schema: drawn }: DrawnProgram): FuzzProgram {
  const schema = drawSchema(new Draws(drawn));
  const text = ({ kind, draws }: DrawnStatement) => {
    const written = write(kind, new Writer(schema, new Draws(draws)));
    return new Draws(draws.slice(STATEMENT_DRAWS)).pick(false, false, true) ? parametrised(written) : written;
  };
  return {
    schema: schemaStatements(schema),
    rows: drawRows(schema, new Draws(rows)),
    isolation,
    stubborn,
    actors: all.map((transactions) => transactions.flatMap((item) => transactionStatements(item, text))),
  };
}

/** The SQL of the kind that was drawn, or of the next that the schema has something for. */
function write(drawn: number, writer: Writer): string {
  const first = KINDS.indexOf(WHEEL[drawn]!);
  for (let offset = 0; offset < KINDS.length; offset += 1) {
    const text = KINDS[(first + offset) % KINDS.length]!.write(writer);
    if (text !== null) return text;
  }
  throw new Error('no kind of statement is for every schema');
}

/** Values that something is compared with or set to, and the first of an inserted row. */
const VALUE = /(?<=(?:=|<) |VALUES \()(?:\d+|'(?:held|gone|paid|odd)'|'\{1,2\}'(?=::int\[\]))(?=$|[ ),:])/g;

/** The statement with parameters in place of values, as `withoutParameters` reads it. */
function parametrised(text: string): string {
  const values: unknown[] = [];
  const replaced = text.replace(VALUE, (value) => {
    values.push(value.startsWith("'") ? value.slice(1, -1) : Number(value));
    return `$${values.length}`;
  });
  return values.length === 0 ? text : `${replaced} /* ${JSON.stringify(values)} */`;
}

function transactionStatements({ begin, statements, savepoint, end }: DrawnTransaction, text: (item: DrawnStatement) => string): string[] {
  const body = statements.map(text);
  if (begin === '') return body;
  const draws = new Draws(savepoint);
  const then = draws.pick('', '', '', '', '', '', '', 'ROLLBACK TO s', 'ROLLBACK TO s', 'RELEASE s');
  if (then !== '') {
    const from = draws.pick(...body.keys());
    const to = from + 1 + draws.pick(...body.slice(from).keys());
    body.splice(to, 0, then);
    body.splice(from, 0, 'SAVEPOINT s');
  }
  return [begin, ...body, ...end.split('; ')];
}
