import {
  type ColumnConstraint,
  type CreateColumnDef,
  type CreateTableStatement,
  type Expr,
  type Name,
  parse,
  type Statement,
  type TableConstraint,
} from 'pgsql-ast-parser';
import { UnmodelledError } from '../contract.js';
import { splitStatements, tokenize } from '../sql-text.js';
import { spaceMinus } from './parse.js';
import type { TextQuery } from './pglite/text-query.js';
import { type SqlType, typeByName } from './types.js';

export interface Column {
  readonly name: string;
  readonly type: SqlType;
  readonly notNull: boolean;
  /** The sequence that fills the column, by index. */
  readonly sequence: number | null;
  /** GENERATED ALWAYS: a value of one's own is refused. */
  readonly generatedAlways: boolean;
  readonly default: Expr | null;
  /** Computed from other columns. */
  readonly generated: boolean;
  /** A function in its default that gives another value at every call. */
  readonly volatileDefault: string | null;
}

/** When a constraint is checked: row by row; or, where it is DEFERRABLE, at the end of the statement or of the transaction. */
export type Timing = 'at once' | 'immediate' | 'deferred';

/** A unique index, or the index of an exclusion constraint. */
export interface UniqueConstraint {
  readonly name: string;
  /** Null where the index is partial, or over expressions, or an exclusion constraint's. */
  readonly columns: readonly number[] | null;
  readonly nullsNotDistinct: boolean;
  readonly primary: boolean;
  readonly timing: Timing;
  /** For those that are unique: of one row, whether the index has it, and under which key. */
  readonly entry: TextQuery | null;
  readonly exclusion: Exclusion | null;
}

export interface Exclusion {
  /** Of a new row and of one that is there: whether both are in the index, and the operators hold between all of their keys. */
  readonly conflicts: TextQuery;
  /** WITHOUT OVERLAPS: the column whose ranges may not be empty. */
  readonly period: number | null;
}

export interface CheckConstraint {
  readonly name: string;
  readonly expression: Expr | TextQuery;
}

export interface ForeignKey {
  /** Table and name: a name is unique in its table only. */
  readonly id: string;
  readonly name: string;
  readonly table: number;
  readonly columns: readonly number[];
  readonly parent: number;
  readonly parentColumns: readonly number[];
  readonly onDelete: ReferentialAction;
  readonly onUpdate: ReferentialAction;
  /** Columns that ON DELETE SET NULL sets. */
  readonly setOnDelete: readonly number[];
  /** A foreign key is checked at the end of the statement at the earliest: `at once` is one that cannot be deferred. */
  readonly timing: Timing;
}

/** What becomes of the rows that refer to a key which goes or changes. */
export type ReferentialAction = 'no action' | 'restrict' | 'cascade' | 'set null';

const REFERENTIAL_ACTIONS: readonly string[] = ['no action', 'restrict', 'cascade', 'set null'] satisfies ReferentialAction[];

function referentialAction(action: string | undefined, event: string, table: string): ReferentialAction {
  if (action !== undefined && !REFERENTIAL_ACTIONS.includes(action)) throw new UnmodelledError(`ON ${event} ${action} in ${table}`);
  return (action ?? 'no action') as ReferentialAction;
}

export interface Table {
  readonly index: number;
  readonly name: string;
  readonly columns: readonly Column[];
  /** Columns of the primary key. */
  readonly key: readonly number[];
  /** Unique indexes and exclusion constraints, in the order in which a row is entered into them. */
  readonly unique: readonly UniqueConstraint[];
  /** Columns that any index depends on: an update that leaves them alone makes no index entries (README.HOT). */
  readonly indexed: ReadonlySet<number>;
  /** Columns of any unique constraint: changing one locks the row FOR UPDATE, changing another FOR NO KEY UPDATE. */
  readonly keyColumns: ReadonlySet<number>;
  /** In name order, in which PostgreSQL checks them. */
  readonly checks: readonly CheckConstraint[];
  readonly foreignKeys: readonly ForeignKey[];
  /** Foreign keys of other tables that point here. */
  readonly referencedBy: readonly ForeignKey[];
  /** Everything about it was read by the parser, so that pg-mem may be asked for its changes. */
  readonly plain: boolean;
  readonly triggers: readonly string[];
}

export interface Sequence {
  readonly index: number;
  readonly name: string;
  readonly start: number;
}

export interface Catalog {
  readonly tables: readonly Table[];
  readonly sequences: readonly Sequence[];
  /** The parser has read all of it; else there may be views and more. */
  readonly plain: boolean;
}

/** Mutable while the schema is read. */
interface Draft {
  name: string;
  columns: Column[];
  key: number[] | null;
  unique: { name: string; columns: number[] }[];
  indexed: Set<number>;
  checks: { name: string; expression: Expr }[];
  references: {
    name: string | null;
    columns: string[];
    parent: string;
    parentColumns: string[];
    onDelete: ReferentialAction;
    onUpdate: ReferentialAction;
  }[];
}

/** Reads a schema as far as the parser knows it; the rest is refused by name. */
export function parseCatalog(schema: string): Catalog {
  const drafts: Draft[] = [];
  const sequences: Sequence[] = [];
  for (const text of splitStatements(schema)) {
    let statement: Statement;
    try {
      statement = parse(nameReferences(spaceMinus(text)))[0]!;
    } catch {
      throw new UnmodelledError(`in the schema: ${firstLine(text)}`);
    }
    readDefinition(statement, text, drafts, sequences);
  }
  return { tables: link(drafts), sequences, plain: true };
}

/** `REFERENCES parent` means its primary key; the parser wants columns. */
const PRIMARY_KEY = 'ls_primary_key';

function nameReferences(text: string): string {
  const tokens = tokenize(text);
  let named = '';
  let done = 0;
  tokens.forEach((token, index) => {
    const parent = tokens[index + 1];
    if (token.kind !== 'word' || token.text !== 'references' || parent === undefined || tokens[index + 2]?.text === '(') return;
    named += `${text.slice(done, parent.end)} (${PRIMARY_KEY})`;
    done = parent.end;
  });
  return named + text.slice(done);
}

function readDefinition(statement: Statement, text: string, drafts: Draft[], sequences: Sequence[]): void {
  switch (statement.type) {
    case 'create table':
      drafts.push(readTable(statement, sequences));
      return;
    case 'create sequence':
      sequences.push({ index: sequences.length, name: statement.name.name, start: statement.options.startWith ?? 1 });
      return;
    case 'create index': {
      const draft = draftOf(drafts, statement.table.name);
      for (const name of columnsIn([statement.expressions, statement.where])) draft.indexed.add(columnIndex(draft, name));
      if (!statement.unique) return;
      if (statement.where !== undefined || statement.expressions.some((item) => item.expression.type !== 'ref'))
        throw new UnmodelledError(`a partial unique index, or one on an expression: ${firstLine(text)}`);
      const columns = statement.expressions.map((item) => columnIndex(draft, (item.expression as { name: string }).name));
      const name = statement.indexName?.name ?? `${draft.name}_${columns.map((column) => draft.columns[column]!.name).join('_')}_idx`;
      draft.unique.push({ name, columns });
      return;
    }
    case 'alter sequence':
      return;
    default:
      throw new UnmodelledError(`in the schema: ${firstLine(text)}`);
  }
}

/** Names of the columns that a piece of a definition mentions. */
function columnsIn(node: unknown): string[] {
  if (Array.isArray(node)) return node.flatMap(columnsIn);
  if (typeof node !== 'object' || node === null) return [];
  const { type, name } = node as { type?: unknown; name?: unknown };
  return type === 'ref' && typeof name === 'string' ? [name] : Object.values(node).flatMap(columnsIn);
}

function readTable(statement: CreateTableStatement, sequences: Sequence[]): Draft {
  const draft: Draft = { name: statement.name.name, columns: [], key: null, unique: [], indexed: new Set(), checks: [], references: [] };
  for (const column of statement.columns) {
    if (column.kind !== 'column') throw new UnmodelledError(`CREATE TABLE ${draft.name} (LIKE ...)`);
    draft.columns.push(readColumn(draft, column, sequences));
  }
  for (const column of statement.columns) {
    if (column.kind !== 'column') continue;
    for (const constraint of column.constraints ?? []) addConstraint(draft, constraint, [column.name.name]);
  }
  for (const constraint of statement.constraints ?? []) addConstraint(draft, constraint, null);
  if (draft.key === null) throw new UnmodelledError(`table ${draft.name} has no primary key`);
  for (const index of draft.key) draft.columns[index] = { ...draft.columns[index]!, notNull: true };
  draft.checks.sort((left, right) => (left.name < right.name ? -1 : 1));
  return draft;
}

function readColumn(draft: Draft, column: CreateColumnDef, sequences: Sequence[]): Column {
  if (column.dataType.kind === 'array') throw new UnmodelledError(`array column ${draft.name}.${column.name.name}`);
  const typeName = column.dataType.name;
  const type = typeByName(typeName);
  if (type === 'varchar' && column.dataType.config?.length)
    throw new UnmodelledError(`varchar(n) in ${draft.name}.${column.name.name}: use text`);
  let sequence: number | null = null;
  let generatedAlways = false;
  let defaultValue: Expr | null = null;
  const addSequence = (start = 1) => {
    sequences.push({ index: sequences.length, name: `${draft.name}_${column.name.name}_seq`, start });
    sequence = sequences.length - 1;
  };
  if (/serial$/i.test(typeName)) addSequence();
  for (const constraint of column.constraints ?? []) {
    if (constraint.type === 'add generated') {
      if ('expression' in constraint) throw new UnmodelledError(`generated column ${draft.name}.${column.name.name}`);
      addSequence(constraint.sequence?.startWith);
      generatedAlways = constraint.always === 'always';
    } else if (constraint.type === 'default') {
      const named = sequenceOfDefault(constraint.default);
      if (named === null) {
        defaultValue = constraint.default;
      } else {
        sequence = sequences.findIndex((item) => item.name === named);
        if (sequence < 0) throw new UnmodelledError(`sequence ${named} of ${draft.name}.${column.name.name}: create it before the table`);
      }
    }
  }
  const notNull = sequence !== null || (column.constraints ?? []).some((constraint) => constraint.type === 'not null');
  return {
    name: column.name.name,
    type,
    notNull,
    sequence,
    generatedAlways,
    default: defaultValue,
    generated: false,
    volatileDefault: null,
  };
}

function sequenceOfDefault(expression: Expr): string | null {
  if (expression.type !== 'call' || expression.function.name !== 'nextval') return null;
  let argument = expression.args[0];
  if (argument?.type === 'cast') argument = argument.operand;
  return argument?.type === 'string' ? argument.value : null;
}

/** A table's foreign key has its own columns under another name than keys have theirs. */
function namesOf(constraint: ColumnConstraint | TableConstraint): readonly Name[] {
  if ('localColumns' in constraint) return constraint.localColumns;
  return 'columns' in constraint ? constraint.columns : [];
}

function addConstraint(draft: Draft, constraint: ColumnConstraint | TableConstraint, own: string[] | null): void {
  const columns = own ?? namesOf(constraint).map((column) => column.name);
  const named = 'constraintName' in constraint ? (constraint.constraintName?.name ?? null) : null;
  const byDefault = (suffix: string) => [draft.name, ...(suffix === 'pkey' ? [] : columns), suffix].join('_');
  switch (constraint.type) {
    case 'primary key':
      draft.key = columns.map((column) => columnIndex(draft, column));
      draft.unique.unshift({ name: named ?? byDefault('pkey'), columns: draft.key });
      return;
    case 'unique':
      draft.unique.push({ name: named ?? byDefault('key'), columns: columns.map((column) => columnIndex(draft, column)) });
      return;
    case 'check':
      draft.checks.push({ name: named ?? byDefault('check'), expression: constraint.expr });
      return;
    case 'reference':
    case 'foreign key':
      draft.references.push({
        name: named,
        columns,
        parent: constraint.foreignTable.name,
        parentColumns: constraint.foreignColumns.map((column) => column.name).filter((name) => name !== PRIMARY_KEY),
        onDelete: referentialAction(constraint.onDelete, 'DELETE', draft.name),
        onUpdate: referentialAction(constraint.onUpdate, 'UPDATE', draft.name),
      });
      return;
    case 'not null':
    case 'null':
    case 'default':
    case 'add generated':
      return;
    default:
      throw new UnmodelledError(`a constraint of ${draft.name}`);
  }
}

function link(drafts: readonly Draft[]): Table[] {
  const foreignKeys = drafts.flatMap((draft, table) =>
    draft.references.map((reference): ForeignKey => {
      const parent = drafts.findIndex((other) => other.name === reference.parent);
      if (parent < 0) throw new UnmodelledError(`table ${reference.parent}, which ${draft.name} refers to, is not in the schema`);
      const parentDraft = drafts[parent]!;
      const columns = reference.columns.map((column) => columnIndex(draft, column));
      const name = reference.name ?? `${draft.name}_${reference.columns.join('_')}_fkey`;
      return {
        id: `${draft.name}.${name}`,
        name,
        table,
        columns,
        parent,
        parentColumns:
          reference.parentColumns.length === 0
            ? parentDraft.key!
            : reference.parentColumns.map((column) => columnIndex(parentDraft, column)),
        onDelete: reference.onDelete,
        onUpdate: reference.onUpdate,
        setOnDelete: columns,
        timing: 'at once',
      };
    }),
  );
  return drafts.map((draft, index) => ({
    index,
    name: draft.name,
    columns: draft.columns,
    key: draft.key!,
    unique: draft.unique.map((constraint) => ({
      ...constraint,
      nullsNotDistinct: false,
      primary: constraint.columns === draft.key,
      timing: 'at once',
      entry: null,
      exclusion: null,
    })),
    indexed: new Set([...draft.indexed, ...draft.unique.flatMap((constraint) => constraint.columns)]),
    keyColumns: new Set(draft.unique.flatMap((constraint) => constraint.columns)),
    checks: draft.checks,
    foreignKeys: foreignKeys.filter((foreignKey) => foreignKey.table === index),
    referencedBy: foreignKeys.filter((foreignKey) => foreignKey.parent === index),
    plain: true,
    triggers: [],
  }));
}

function draftOf(drafts: readonly Draft[], name: string): Draft {
  const draft = drafts.find((item) => item.name === name);
  if (draft === undefined) throw new UnmodelledError(`table ${name} is not in the schema`);
  return draft;
}

function columnIndex(table: { name: string; columns: readonly Column[] }, name: string): number {
  const index = table.columns.findIndex((column) => column.name === name);
  if (index < 0) throw new UnmodelledError(`column ${table.name}.${name} is not in the schema`);
  return index;
}

const firstLine = (text: string) => text.split('\n')[0]!.slice(0, 120);
