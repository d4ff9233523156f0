import { tokenize } from '../../../sql/text.js';
import type {
  Catalog,
  CheckConstraint,
  Column,
  ForeignKey,
  KeyEquality,
  ReferentialAction,
  Sequence,
  Table,
  UniqueConstraint,
} from '../catalog.js';
import { fromText, isInteger, isPlain, isText } from '../types.js';
import type { CatalogColumn, CatalogForeignKey, CatalogIndex, CatalogRows, CatalogTable, KeyType } from './catalog-rows.js';
import { plainExpression } from './plain-expression.js';
import { copyOf, quote, rowSchema, UNDRAWN } from './schema.js';
import { newTextQuery, type TextQuery } from './text-query.js';

/** Types of which values are equal just where their texts are, besides the plain ones and enums: of others (`1.0` and `1.00`) PostgreSQL says whether they are. */
const WRITTEN_ALIKE = new Set([
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

const isWrittenAlike = ({ type, isEnum }: KeyType): boolean => isPlain(type) || isEnum || WRITTEN_ALIKE.has(type);

/** What the layer knows of a schema, all of it from PostgreSQL's catalogue. What is not modelled is refused by name. */
export function catalogOf(rows: CatalogRows): Catalog {
  const sequences = rows.sequences.map(
    ({ name, schema, shown, increment, min, max, cycles, cache, lastValue, isCalled }, index): Sequence => ({
      index,
      name,
      schema,
      shown,
      increment: Number(increment),
      min: BigInt(min),
      max: BigInt(max),
      cycles,
      cache: Number(cache),
      first: { lastValue: Number(lastValue), isCalled, logged: 0 },
    }),
  );
  const foreignKeys = rows.tables.flatMap((table, index) => foreignKeysOf(table, index, rows.tables));
  const tables = rows.tables.map((table, index): Table => {
    const columns = table.columns.map((column): Column => {
      const draws = UNDRAWN[column.type] !== undefined && (column.identity !== '' || isNextValue(column));
      return {
        name: column.name,
        type: column.type,
        isEnum: column.isEnum,
        notNull: column.notNull,
        sequence: draws ? sequences.findIndex((item) => item.shown === column.sequence) : null,
        generatedAlways: column.identity === 'a',
        default: draws || column.generated || column.default === null ? null : plainExpression(column.default),
        laterDefault: draws || column.generated ? null : defaultOf(column, rows.volatile),
        generated: column.generated,
        virtual: column.virtual,
        volatileDefault: draws ? null : volatileIn(column.default, rows.volatile),
      };
    });
    const unique = table.indexes.map((item) => uniqueOf(item, table, index));
    const keys = table.indexes.flatMap((item, at) =>
      item.withoutOverlaps ? item.columns!.map((column) => indexOf(table, column)) : (unique[at]!.columns ?? []),
    );
    return {
      index,
      name: table.name,
      schema: table.schema,
      shown: table.shown,
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
      odd: table.odd ?? null,
      triggers: table.triggers.map(({ name, on, refusal }) => ({ name, on, refusal: refusal ?? null })),
      refused: { touched: untouchable(table), written: unwritable(table, rows.tables) },
      partition: table.kind.partition,
      rows: (rows.contents[table.shown] ?? []).map((row) => row.map((text, at) => fromText(text, columns[at]!.type))),
    };
  });
  return { tables, sequences, plain: rows.plain, clocked: rows.clocked === true };
}

/** Whether rows can be written without PostgreSQL's help: nothing but their constraints changes or refuses a value. */
function isPlainTable({ columns, odd, triggers }: CatalogTable, read: readonly Column[]): boolean {
  const isPlainColumn = ({ type, limited, generated, default: text }: CatalogColumn, at: number) =>
    isPlain(type) && !limited && !generated && (text === null || read[at]!.sequence !== null || read[at]!.default !== null);
  return odd === undefined && triggers.length === 0 && columns.length > 0 && columns.every(isPlainColumn);
}

/** A default that draws from a sequence and does nothing else. */
const isNextValue = ({ default: text }: CatalogColumn): boolean => text !== null && /^nextval\('[^']+'::regclass\)$/.test(text);

/** Superusers and owners are above policies, unless those are forced. */
function untouchable({ shown, kind }: CatalogTable): string | null {
  if (kind.partitioned || kind.partition) return `table ${shown}, which is partitioned or a partition`;
  if (kind.inherits) return `table ${shown}, which inherits or is inherited from`;
  if (kind.forcesPolicies) return `table ${shown}, with row level security that is forced`;
  return null;
}

function unwritable({ shown, kind, checks, indexes, foreignKeys, others }: CatalogTable, tables: readonly CatalogTable[]): string | null {
  if (kind.rules.length > 0) return `rule ${kind.rules[0]} of ${shown}`;
  if (others.length > 0) return `constraint ${others[0]} of ${shown}`;
  const check = checks.find(({ expression }) => tokenize(expression).some(({ text }) => text === 'tableoid'));
  if (check !== undefined) return `constraint ${check.name} of ${shown}: the system column tableoid`;
  const strange = indexes.find((index) => !isKnownMethod(index));
  if (strange !== undefined) return `constraint ${strange.name}, with an index of ${strange.method}`;
  const period =
    foreignKeys.find((foreignKey) => foreignKey.period) ??
    tables.flatMap((table) => table.foreignKeys).find((foreignKey) => foreignKey.period && foreignKey.parent === shown);
  return period === undefined ? null : `foreign key ${period.name}: PERIOD`;
}

/** In which order entries are met is known of these (gistget.c, gistScanPage; nbtree/README): as they came. */
const isKnownMethod = ({ operators, method }: CatalogIndex): boolean => operators === null || method === 'gist' || method === 'btree';

function volatileIn(expression: string | null, volatile: readonly string[]): string | null {
  const called = expression === null ? [] : tokenize(expression).map((token) => token.text);
  return called.find((name) => volatile.includes(name)) ?? null;
}

/** What a column is given where a statement names no value for it. */
function defaultOf({ default: text, type, written }: CatalogColumn, volatile: readonly string[]): TextQuery | null {
  if (volatileIn(text, volatile) !== null) return null;
  return newTextQuery({
    text: `SELECT CAST(${text ?? 'NULL'} AS ${written})`,
    parameterTypes: [],
    values: [],
    outputs: [{ name: 'value', type, nullable: true }],
    changes: [],
    hidden: [],
    loads: [],
    ordered: true,
    texts: [],
  });
}

/** Expressions over one given row. */
function overOneRow(table: CatalogTable, index: number, expressions: readonly string[], types: readonly string[]): TextQuery {
  return newTextQuery({
    text: `SELECT ${expressions.join(', ')} FROM ${copyOf(rowSchema(0), table)} AS ${quote(table.name)}`,
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

function uniqueOf(item: CatalogIndex, table: CatalogTable, index: number): UniqueConstraint {
  if (item.operators !== null) return exclusionOf(item, item.operators, table, index);
  const { name, nullsNotDistinct, primary, timing, predicate, keys } = item;
  const columns = item.columns?.map((column) => indexOf(table, column)) ?? null;
  const alike = !item.blurred && item.keyTypes.every(isWrittenAlike);
  const included = `coalesce((${predicate ?? 'true'}), false)`;
  const entry = alike ? overOneRow(table, index, [included, ...keys.map((key) => `(${key})`)], ['bool', ...keys.map(() => 'text')]) : null;
  return {
    name,
    columns,
    nullsNotDistinct,
    primary,
    timing,
    entry: columns === null ? entry : null,
    equal: alike ? null : compared(item, item.equal!, table, index),
    exclusion: null,
  };
}

/** Of two rows: whether both are in the index, and operators hold between their keys, which for a NULL none does. */
function compared(item: CatalogIndex, operators: readonly string[], table: CatalogTable, index: number): TextQuery {
  const entry = (place: number) => {
    const keys = item.keys.map((key, at) => `, (${key}) AS k${at}`).join('');
    return `(SELECT (${item.predicate ?? 'true'}) AS included${keys} FROM ${copyOf(rowSchema(place), table)} AS ${quote(table.name)})`;
  };
  const hold = operators.map((operator, at) => {
    const holds = `there.k${at} ${operator} new.k${at}`;
    return item.nullsNotDistinct ? `(${holds} OR there.k${at} IS NULL AND new.k${at} IS NULL)` : holds;
  });
  return overTwoRows(`new.included AND there.included AND ${hold.join(' AND ')}`, `${entry(0)} AS new, ${entry(1)} AS there`, [
    index,
    index,
  ]);
}

/** A condition over two given rows, true or false. */
const overTwoRows = (condition: string, from: string, tables: readonly number[]): TextQuery =>
  newTextQuery({
    text: `SELECT coalesce(${condition}, false) FROM ${from}`,
    parameterTypes: [],
    values: [],
    outputs: [{ name: 'holds', type: 'bool', nullable: false }],
    changes: [],
    hidden: [],
    loads: tables.map((table, given) => ({ schema: rowSchema(given), table, given })),
    ordered: false,
    texts: [],
  });

function exclusionOf(item: CatalogIndex, operators: readonly string[], table: CatalogTable, index: number): UniqueConstraint {
  const conflicts = compared(item, operators, table, index);
  const period = item.withoutOverlaps ? indexOf(table, item.columns!.at(-1)!) : null;
  const { name, primary, timing } = item;
  return { name, columns: null, nullsNotDistinct: false, primary, timing, entry: null, equal: null, exclusion: { conflicts, period } };
}

function foreignKeysOf(table: CatalogTable, index: number, tables: readonly CatalogTable[]): ForeignKey[] {
  return table.foreignKeys
    .filter(({ period }) => !period)
    .map((foreignKey): ForeignKey => {
      const parent = tables.findIndex((other) => other.shown === foreignKey.parent);
      const [onUpdate, onDelete, match] = foreignKey.actions;
      const columns = foreignKey.columns.map((column) => indexOf(table, column));
      return {
        id: `${table.shown}.${foreignKey.name}`,
        name: foreignKey.name,
        table: index,
        columns,
        parent,
        parentColumns: foreignKey.parentColumns.map((column) => indexOf(tables[parent]!, column)),
        matchFull: match === 'f',
        equality: equalityOf(foreignKey, table, index, tables[parent]!, parent),
        onDelete: ACTIONS[onDelete!]!,
        onUpdate: ACTIONS[onUpdate!]!,
        setOnDelete: foreignKey.setColumns?.map((column) => indexOf(table, column)) ?? columns,
        timing: foreignKey.timing,
      };
    });
}

const ACTIONS: Readonly<Record<string, ReferentialAction>> = {
  a: 'no action',
  r: 'restrict',
  c: 'cascade',
  n: 'set null',
  d: 'set default',
};

function equalityOf(
  { columns, parentColumns, across, parents, children }: CatalogForeignKey,
  table: CatalogTable,
  index: number,
  parent: CatalogTable,
  parentIndex: number,
): KeyEquality | null {
  const isAlike = columns.every((column, at) => {
    const child = table.columns[indexOf(table, column)]!;
    const own = parent.columns[indexOf(parent, parentColumns[at]!)]!;
    const oneKind = child.type === own.type || (isInteger(child.type) && isInteger(own.type)) || (isText(child.type) && isText(own.type));
    return oneKind && isWrittenAlike(child) && isWrittenAlike(own);
  });
  if (isAlike) return null;
  const side = (place: number, of: CatalogTable, alias: string) => `${copyOf(rowSchema(place), of)} AS ${alias}`;
  const hold = (operators: readonly string[], left: readonly string[], right: readonly string[]) =>
    operators.map((operator, at) => `l.${quote(left[at]!)} ${operator} r.${quote(right[at]!)}`).join(' AND ');
  return {
    across: overTwoRows(hold(across, parentColumns, columns), `${side(0, parent, 'l')}, ${side(1, table, 'r')}`, [parentIndex, index]),
    parents: overTwoRows(hold(parents, parentColumns, parentColumns), `${side(0, parent, 'l')}, ${side(1, parent, 'r')}`, [
      parentIndex,
      parentIndex,
    ]),
    children: overTwoRows(hold(children, columns, columns), `${side(0, table, 'l')}, ${side(1, table, 'r')}`, [index, index]),
  };
}

const indexOf = (table: CatalogTable, column: string): number => table.columns.findIndex((item) => item.name === column);
