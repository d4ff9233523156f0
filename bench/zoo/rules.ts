/** Safeguards that a machine can find in a statement or in DDL, and take out. */
import type { QueryResult } from '../../src/index.js';
import type { Sent, Tampering } from './tampering.js';

/** What is taken out of one statement of an operation. */
export interface StatementRule {
  readonly name: string;
  /** The ways in which it applies to a statement, each with what it takes out; none where it does not apply. */
  readonly mutate: (text: string) => readonly { readonly what: string; readonly tampering: Tampering | (() => Tampering) }[];
}

const LOCKING_CLAUSE = / FOR (?:NO KEY UPDATE|UPDATE|KEY SHARE|SHARE)\b/;
const NOTHING: Sent = { text: 'SELECT 1', values: [] };

/** The same statement in another wording. */
const rewritten = (from: string, to: (sent: Sent) => Sent): Tampering => ({ sent: (sent) => (sent.text === from ? to(sent) : sent) });

export const STATEMENT_RULES: readonly StatementRule[] = [
  {
    name: 'row lock',
    mutate: (text) => {
      const [clause] = LOCKING_CLAUSE.exec(text) ?? [];
      if (clause === undefined) return [];
      return [
        {
          what: `${clause.trim()} of ${tableOf(text)}`,
          tampering: rewritten(text, (sent) => ({ ...sent, text: text.replace(clause, '') })),
        },
      ];
    },
  },
  {
    name: 'table lock',
    mutate: (text) => (text.startsWith('LOCK TABLE') ? [{ what: text, tampering: rewritten(text, () => NOTHING) }] : []),
  },
  {
    name: 'advisory lock',
    mutate: (text) =>
      /\bpg_(?:try_)?advisory_(?:xact_)?lock/.test(text) ? [{ what: text, tampering: rewritten(text, () => NOTHING) }] : [],
  },
  {
    name: 'isolation level',
    mutate: (text) => {
      const [level] = /ISOLATION LEVEL (?:REPEATABLE READ|SERIALIZABLE)/.exec(text) ?? [];
      if (level === undefined) return [];
      return [
        { what: level, tampering: rewritten(text, (sent) => ({ ...sent, text: text.replace(level, 'ISOLATION LEVEL READ COMMITTED') })) },
      ];
    },
  },
  {
    name: 'write that locks',
    mutate: (text) => {
      const match = /^UPDATE (\w+) SET (\w+) = \2 (WHERE .*) RETURNING (.*)$/.exec(text);
      if (match === null) return [];
      const [, table, column, where, returning] = match;
      return [
        {
          what: `UPDATE ... SET ${column} = ${column}, which becomes a SELECT`,
          tampering: rewritten(text, (sent) => ({ ...sent, text: `SELECT ${returning} FROM ${table} ${where}` })),
        },
      ];
    },
  },
  {
    name: 'guard',
    mutate: (text) =>
      guardsOf(text).map((guard) => ({
        what: `${guard} in the UPDATE of ${tableOf(text)}`,
        tampering: rewritten(text, (sent) => withoutCondition(sent, guard)),
      })),
  },
  {
    name: 'row count',
    mutate: (text) => {
      if (!text.startsWith('UPDATE ') || text.includes(' RETURNING ') || guardsOf(text).length === 0) return [];
      const answered = (sent: Sent, result: QueryResult) =>
        sent.text === text && result.rowCount === 0 ? { ...result, rowCount: 1 } : result;
      return [{ what: `the row count of UPDATE ${tableOf(text)}`, tampering: { answered } }];
    },
  },
  {
    name: 're-check',
    mutate: (text) =>
      LOCKING_CLAUSE.test(text)
        ? [{ what: `what SELECT ... FROM ${tableOf(text)} finds under the lock`, tampering: () => earlierAnswers(text) }]
        : [],
  },
];

/** Errors that ask for the transaction to be run again, shown as errors that do not. */
export const WITHOUT_RETRY: Tampering = {
  failed: (error) => {
    const { code, message } = error as { readonly code?: string; readonly message?: string };
    if (code !== '40001' && code !== '40P01') return error;
    return Object.assign(new Error(message), { code: 'XX000' });
  },
};

/** Conditions of an UPDATE's or DELETE's WHERE that do not say which row, but in which state: on a column that is written, or against a literal. */
function guardsOf(text: string): string[] {
  const match = /^(?:UPDATE|DELETE FROM) \w+ (?:SET (.*?) )?WHERE (.*?)(?: RETURNING .*)?$/.exec(text);
  if (match === null) return [];
  const [, set = '', where] = match;
  const written = [...set.matchAll(/(?:^|, )(\w+) = /g)].map(([, column]) => column);
  return where!.split(' AND ').filter((condition) => {
    const [, column, right] = /^(\w+) (?:=|<>|>=|<=|<|>|IN) (.*)$/.exec(condition) ?? [];
    return column !== undefined && (written.includes(column) || /^\(?'/.test(right!));
  });
}

function withoutCondition({ text, values }: Sent, condition: string): Sent {
  return withoutUnused({ text: text.replace(` AND ${condition}`, '').replace(`${condition} AND `, ''), values });
}

/** PostgreSQL does not take a parameter that nothing names. */
function withoutUnused({ text, values }: Sent): Sent {
  const used = values.map((_, index) => index).filter((index) => new RegExp(`\\$${index + 1}\\b`).test(text));
  const renumbered = text.replace(/\$(\d+)/g, (_, number: string) => `$${used.indexOf(Number(number) - 1) + 1}`);
  return { text: renumbered, values: used.map((index) => values[index]) };
}

const tableOf = (text: string): string => /(?:FROM|UPDATE) (\w+)/.exec(text)?.[1] ?? 'the table';

/** The statement takes its lock, and shows rows as they were when the same transaction read them before: the re-check checks nothing. */
function earlierAnswers(text: string): Tampering {
  let earlier: readonly Record<string, unknown>[] | null = null;
  return {
    answered: (sent, result) => {
      if (/^(?:BEGIN|COMMIT|ROLLBACK)/.test(sent.text)) earlier = null;
      else if (sent.text !== text && sent.text.startsWith('SELECT ') && tableOf(sent.text) === tableOf(text)) earlier = result.rows;
      else if (sent.text === text && earlier !== null) {
        const [first] = result.rows;
        const columns = Object.keys(first ?? {});
        const known = earlier.length === 1 && result.rows.length === 1 && columns.every((column) => column in earlier![0]!);
        if (known && columns.some((column) => String(earlier![0]![column]) !== String(first![column])))
          return { ...result, rows: [Object.fromEntries(columns.map((column) => [column, earlier![0]![column]]))] };
      }
      return result;
    },
  };
}

/** A constraint as it stands in DDL. */
export interface Constraint {
  readonly name: string;
  readonly kind: 'CHECK' | 'UNIQUE' | 'FOREIGN KEY' | 'PRIMARY KEY';
  readonly text: string;
}

/** Named constraints of a schema, but for primary keys of one column: every table needs a primary key. */
export function constraintsOf(schema: string): Constraint[] {
  return [...schema.matchAll(/(,\s*| )?\bCONSTRAINT (\w+) (CHECK|UNIQUE|REFERENCES|FOREIGN KEY|PRIMARY KEY)\b/g)].flatMap((match) => {
    const [head, , name, kind] = match;
    // A table's constraint stands behind a comma, a column's behind the column's type.
    let end = match.index + head.length;
    const parentheses =
      kind === 'FOREIGN KEY'
        ? 2
        : kind === 'UNIQUE' && !/^\s*\(/.test(schema.slice(end))
          ? 0
          : kind === 'PRIMARY KEY' && !/^\s*\(/.test(schema.slice(end))
            ? 0
            : 1;
    for (let closed = 0; closed < parentheses; closed += 1) end = closing(schema, schema.indexOf('(', end)) + 1;
    const text = schema.slice(match.index, end);
    if (kind === 'PRIMARY KEY' && !text.includes(',', text.indexOf('('))) return [];
    return [{ name: name!, kind: kind === 'REFERENCES' ? 'FOREIGN KEY' : (kind as Constraint['kind']), text }];
  });
}

function closing(text: string, open: number): number {
  let depth = 0;
  for (let index = open; index < text.length; index += 1) {
    if (text[index] === '(') depth += 1;
    if (text[index] === ')') depth -= 1;
    if (depth === 0) return index;
  }
  throw new Error('a parenthesis is not closed');
}

/** The schema without these constraints; a primary key is widened to all columns of its table that are NOT NULL, which refuses next to nothing. */
export function withoutConstraints(schema: string, constraints: readonly Constraint[]): string {
  return constraints.reduce(
    (text, constraint) => text.replace(constraint.text, constraint.kind === 'PRIMARY KEY' ? widened(text, constraint) : ''),
    schema,
  );
}

function widened(schema: string, { text }: Constraint): string {
  const start = schema.lastIndexOf('CREATE TABLE', schema.indexOf(text));
  const body = schema.slice(start, closing(schema, schema.indexOf('(', start)));
  const columns = [...body.matchAll(/^\s+(\w+) \w+ NOT NULL/gm)].map(([, column]) => column);
  return text.replace(/\([^)]*\)$/, `(${columns.join(', ')})`);
}
