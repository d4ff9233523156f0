import { UnmodelledError } from '../../contract.js';
import { tokenize } from '../../sql-text.js';
import type { Catalog, CheckConstraint, Column, ForeignKey, ReferentialAction, Sequence, Table, UniqueConstraint } from '../catalog.js';
import { fromText, isPlain } from '../types.js';
import type { CatalogColumn, CatalogIndex, CatalogRows, CatalogTable } from './catalog-rows.js';
import { plainExpression } from './plain-expression.js';
import { quote, rowSchema, UNDRAWN } from './schema.js';
import { newTextQuery, type TextQuery } from './text-query.js';

/** Types of which values are equal where their texts are: in others (`1.0` and `1.00`, `1 day` and `24:00`) no key is known. */
const KEY_TYPES = new Set([
  'date',
  'time',
  'timestamp',
  'int4range',
  'int8range',
  'daterange',
  'tstzrange',
  'tsrange',
  'bytea',
  '_int4',
  '_text',
]);

/** What the layer knows of a schema, all of it from PostgreSQL's catalogue. What is not modelled is refused by name. */
export function catalogOf(rows: CatalogRows): Catalog {
  const sequences = rows.sequences.map(
    ({ name, increment, min, max, cycles, cache, lastValue, isCalled }, index): Sequence => ({
      index,
      name,
      increment: Number(increment),
      min: BigInt(min),
      max: BigInt(max),
      cycles,
      cache: Number(cache),
      first: { lastValue: Number(lastValue), isCalled, logged: 0 },
    }),
  );
  for (const table of rows.tables) refuse(table);
  const foreignKeys = rows.tables.flatMap((table, index) => foreignKeysOf(table, index, rows.tables));
  const tables = rows.tables.map((table, index): Table => {
    const columns = table.columns.map((column): Column => {
      const draws = UNDRAWN[column.type] !== undefined && (column.identity !== '' || isNextValue(column));
      return {
        name: column.name,
        type: column.type,
        notNull: column.notNull,
        sequence: draws ? sequences.findIndex((item) => item.name === column.sequence) : null,
        generatedAlways: column.identity === 'a',
        default: draws || column.generated || column.default === null ? null : plainExpression(column.default),
        generated: column.generated,
        volatileDefault: draws ? null : volatileIn(column.default, rows.volatile),
      };
    });
    const unique = table.indexes.map((item) => uniqueOf(item, table, index, columns));
    const keys = table.indexes.flatMap((item, at) =>
      item.withoutOverlaps ? item.columns!.map((column) => indexOf(table, column)) : (unique[at]!.columns ?? []),
    );
    return {
      index,
      name: table.name,
      columns,
      key: (table.key ?? []).map((column) => indexOf(table, column)),
      unique,
      indexed: new Set(table.indexed.map((column) => indexOf(table, column))),
      keyColumns: new Set(keys),
      checks: table.checks.map(
        ({ name, expression }): CheckConstraint => ({
          name,
          plain: plainExpression(expression),
          query: overOneRow(table, index, [`(${expression})`], ['bool']),
        }),
      ),
      foreignKeys: foreignKeys.filter((foreignKey) => foreignKey.table === index),
      referencedBy: foreignKeys.filter((foreignKey) => foreignKey.parent === index),
      plain: isPlainTable(table, columns),
      triggers: table.triggers,
      rows: (rows.contents[table.name] ?? []).map((row) => row.map((text, at) => fromText(text, columns[at]!.type))),
    };
  });
  return { tables, sequences, plain: rows.plain, clocked: rows.clocked === true };
}

/** Whether rows can be written without PostgreSQL's help: nothing but their constraints changes or refuses a value. */
function isPlainTable({ columns, triggers }: CatalogTable, read: readonly Column[]): boolean {
  const isPlainColumn = ({ type, limited, generated, default: text }: CatalogColumn, at: number) =>
    isPlain(type) && !limited && !generated && (text === null || read[at]!.sequence !== null || read[at]!.default !== null);
  return triggers.length === 0 && columns.every(isPlainColumn);
}

/** A default that draws from a sequence and does nothing else. */
const isNextValue = ({ default: text }: CatalogColumn): boolean => text !== null && /^nextval\('[^']+'::regclass\)$/.test(text);

function refuse(table: CatalogTable): void {
  if (table.special) throw new UnmodelledError(`table ${table.name}: partitions, inheritance, rules and row security`);
  if (table.others.length > 0) throw new UnmodelledError(`constraint ${table.others[0]} of ${table.name}: constraint triggers`);
}

function volatileIn(expression: string | null, volatile: readonly string[]): string | null {
  const called = expression === null ? [] : tokenize(expression).map((token) => token.text);
  return called.find((name) => volatile.includes(name)) ?? null;
}

/** Expressions over one given row. */
function overOneRow(table: CatalogTable, index: number, expressions: readonly string[], types: readonly string[]): TextQuery {
  return newTextQuery({
    text: `SELECT ${expressions.join(', ')} FROM ${rowSchema(0)}.${quote(table.name)} AS ${quote(table.name)}`,
    parameterTypes: [],
    values: [],
    outputs: types.map((type, at) => ({ name: `c${at}`, type, nullable: true })),
    changes: [],
    hidden: [],
    loads: [{ schema: rowSchema(0), table: index, given: 0 }],
    ordered: false,
    texts: [],
  });
}

function uniqueOf(item: CatalogIndex, table: CatalogTable, index: number, columns: readonly Column[]): UniqueConstraint {
  if (item.operators !== null) return exclusionOf(item, item.operators, table, index);
  const plain = item.columns?.map((column) => indexOf(table, column)) ?? null;
  for (const column of plain ?? []) {
    const { type, name } = columns[column]!;
    if (!isPlain(type) && !KEY_TYPES.has(type) && type !== 'numeric' && !/^[a-z_]+$/.test(type))
      throw new UnmodelledError(`a unique index over ${table.name}.${name}, of type ${type}`);
    if (['numeric', 'interval', 'float4', 'float8', 'jsonb', 'bpchar', 'citext', 'timetz'].includes(type))
      throw new UnmodelledError(`a unique index over ${table.name}.${name}, of type ${type}`);
  }
  return {
    name: item.name,
    columns: plain,
    nullsNotDistinct: item.nullsNotDistinct,
    primary: item.primary,
    timing: item.timing,
    entry:
      plain === null
        ? overOneRow(
            table,
            index,
            [`coalesce((${item.predicate ?? 'true'}), false)`, ...item.keys.flatMap((key) => [`(${key})`, `pg_typeof(${key})`])],
            ['bool', ...item.keys.flatMap(() => ['text', 'text'])],
          )
        : null,
    exclusion: null,
  };
}

/** The keys of a row that is to be entered, and of one that is in the index: whether all operators hold, which for a NULL none does. */
function exclusionOf(item: CatalogIndex, operators: readonly string[], table: CatalogTable, index: number): UniqueConstraint {
  // In which order entries are met is known of these two (gistget.c, gistScanPage; nbtree/README): as they came.
  if (item.method !== 'gist' && item.method !== 'btree')
    throw new UnmodelledError(`constraint ${item.name}, with an index of ${item.method}`);
  const entry = (place: number) => {
    const keys = item.keys.map((key, at) => `, (${key}) AS k${at}`).join('');
    return `(SELECT (${item.predicate ?? 'true'}) AS included${keys} FROM ${rowSchema(place)}.${quote(table.name)} AS ${quote(table.name)})`;
  };
  const hold = operators.map((operator, at) => `there.k${at} ${operator} new.k${at}`);
  const conflicts = newTextQuery({
    text: `SELECT coalesce(new.included AND there.included AND ${hold.join(' AND ')}, false) FROM ${entry(0)} AS new, ${entry(1)} AS there`,
    parameterTypes: [],
    values: [],
    outputs: [{ name: 'conflicts', type: 'bool', nullable: false }],
    changes: [],
    hidden: [],
    loads: [0, 1].map((given) => ({ schema: rowSchema(given), table: index, given })),
    ordered: false,
    texts: [],
  });
  const period = item.withoutOverlaps ? indexOf(table, item.columns!.at(-1)!) : null;
  const { name, primary, timing } = item;
  return { name, columns: null, nullsNotDistinct: false, primary, timing, entry: null, exclusion: { conflicts, period } };
}

function foreignKeysOf(table: CatalogTable, index: number, tables: readonly CatalogTable[]): ForeignKey[] {
  return table.foreignKeys.map((foreignKey): ForeignKey => {
    const parent = tables.findIndex((other) => other.name === foreignKey.parent);
    const [onUpdate, onDelete, match] = foreignKey.actions;
    if (foreignKey.period) throw new UnmodelledError(`foreign key ${foreignKey.name}: PERIOD`);
    if (match !== 's') throw new UnmodelledError(`foreign key ${foreignKey.name}: MATCH FULL`);
    const columns = foreignKey.columns.map((column) => indexOf(table, column));
    return {
      id: `${table.name}.${foreignKey.name}`,
      name: foreignKey.name,
      table: index,
      columns,
      parent,
      parentColumns: foreignKey.parentColumns.map((column) => indexOf(tables[parent]!, column)),
      onDelete: actionOf(onDelete!, foreignKey),
      onUpdate: actionOf(onUpdate!, foreignKey),
      setOnDelete: foreignKey.setColumns?.map((column) => indexOf(table, column)) ?? columns,
      timing: foreignKey.timing,
    };
  });
}

const ACTIONS: Readonly<Record<string, ReferentialAction>> = { a: 'no action', r: 'restrict', c: 'cascade', n: 'set null' };

function actionOf(code: string, { name }: { readonly name: string }): ReferentialAction {
  const action = ACTIONS[code];
  if (action === undefined) throw new UnmodelledError(`foreign key ${name}: SET DEFAULT`);
  return action;
}

const indexOf = (table: CatalogTable, column: string): number => table.columns.findIndex((item) => item.name === column);
