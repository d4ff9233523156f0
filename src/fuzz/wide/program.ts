import fc from 'fast-check';
import type { IsolationLevel } from '../../scenario.js';
import { DrawsArbitrary } from '../draws.js';
import { ListArbitrary } from '../list-arbitrary.js';
import type { Catalogue } from './catalogue.js';
import { Pen } from './pen.js';
import { drawWideRows } from './rows.js';
import { drawWideSchema } from './schema.js';
import { WideStatements } from './statements.js';

/** A schema, its first rows, and what each actor says; see `FuzzProgram`. */
export interface WideProgram {
  readonly schema: readonly string[];
  readonly rows: readonly string[];
  readonly isolation: IsolationLevel;
  readonly stubborn: boolean;
  readonly actors: readonly (readonly string[])[];
  /** By statement, and for the schema under an empty text: the constructs in it. */
  readonly uses: Readonly<Record<string, readonly string[]>>;
}

const SCHEMA_DRAWS = 120;
const STATEMENT_DRAWS = 90;

const BEGINS = ['BEGIN', '', 'BEGIN', 'BEGIN ISOLATION LEVEL REPEATABLE READ', '', 'BEGIN ISOLATION LEVEL SERIALIZABLE', ''] as const;

const transaction = fc.record({
  begin: fc.noBias(fc.constantFrom(...BEGINS)),
  statements: new ListArbitrary(new DrawsArbitrary(STATEMENT_DRAWS), [1, 2, 3]),
  savepoint: fc.noBias(fc.constantFrom('', '', '', 'ROLLBACK TO s', 'RELEASE s')),
  end: fc.noBias(fc.constantFrom('COMMIT', 'COMMIT', 'COMMIT', 'ROLLBACK')),
});

interface DrawnTransaction {
  readonly begin: string;
  readonly statements: readonly (readonly number[])[];
  readonly savepoint: string;
  readonly end: string;
}

/** Programs drawn from PostgreSQL's own catalogue. `schemaSeed`: those of one number have a schema in common. */
export function wideProgramArbitrary(catalogue: Catalogue, schemaSeed: number): fc.Arbitrary<WideProgram> {
  const given = fc.sample(new DrawsArbitrary(SCHEMA_DRAWS), { seed: schemaSeed, numRuns: 1 })[0]!;
  return fc
    .record({
      actors: new ListArbitrary(new ListArbitrary(transaction, [1, 1, 1, 2]), [1, 2, 2, 2, 3]),
      isolation: fc.noBias(fc.constantFrom<IsolationLevel>('READ COMMITTED', 'READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE')),
      stubborn: fc.boolean(),
      rows: new DrawsArbitrary(40),
      schema: new DrawsArbitrary(SCHEMA_DRAWS, given),
    })
    .map(({ actors, isolation, stubborn, rows, schema: drawn }) => {
      const schema = drawWideSchema(drawn, catalogue);
      const uses: Record<string, readonly string[]> = { '': schema.uses };
      const text = (numbers: readonly number[]): string => {
        const pen = new Pen(numbers);
        const written = new WideStatements(schema, catalogue, pen).statement();
        uses[written] = pen.used;
        return written;
      };
      return {
        schema: schema.statements,
        rows: drawWideRows(schema, rows),
        isolation,
        stubborn,
        actors: actors.map((transactions) => transactions.flatMap((item) => statementsOf(item, text))),
        uses,
      };
    });
}

function statementsOf({ begin, statements, savepoint, end }: DrawnTransaction, text: (numbers: readonly number[]) => string): string[] {
  const body = statements.map(text);
  if (begin === '') return body;
  return savepoint === '' ? [begin, ...body, end] : [begin, 'SAVEPOINT s', ...body, savepoint, end];
}
