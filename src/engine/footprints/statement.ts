import type { Access, RowLock, RowSet } from '../footprint.js';
import { isNode, type Node, type NodeValue, nodesIn, readNodeTree } from '../node-tree.js';
import type { CalledFunction, Catalogue, CatalogueForeignKey, CatalogueRelation, CatalogueUnique } from './catalogue.js';
import { ADVISORY, advisoryAccess, type Called, called, sequenceIn } from './functions.js';
import { EQUALITY, isPlainType, type Known, knownValue } from './values.js';

/** What a statement says of itself. */
export interface Said {
  readonly accesses: readonly Access[];
  /** Something stands behind it that its tree does not show. */
  readonly hidden: boolean;
}

/** A statement whose tree is known. */
export interface Read {
  readonly tree: NodeValue;
  readonly functions: readonly CalledFunction[];
}

/** What an INSERT gives its rows: by column, what is known of its value. */
type NewRow = ReadonlyMap<string, Known | 'fresh'>;

/** Relations and foreign keys by object id. */
export class Schema {
  readonly catalogue: Catalogue;
  readonly relations: ReadonlyMap<string, CatalogueRelation>;
  readonly #byParent = new Map<string, CatalogueForeignKey[]>();
  readonly #byChild = new Map<string, CatalogueForeignKey[]>();
  readonly blurred: ReadonlySet<string>;

  constructor(catalogue: Catalogue) {
    this.catalogue = catalogue;
    this.relations = new Map(catalogue.relations.map((relation) => [relation.oid, relation]));
    this.blurred = new Set(catalogue.blurred);
    for (const foreignKey of catalogue.foreignKeys) {
      add(this.#byParent, foreignKey.parent, foreignKey);
      add(this.#byChild, foreignKey.child, foreignKey);
    }
  }

  referringTo = (oid: string): readonly CatalogueForeignKey[] => this.#byParent.get(oid) ?? [];
  referencesOf = (oid: string): readonly CatalogueForeignKey[] => this.#byChild.get(oid) ?? [];
}

function add<T>(map: Map<string, T[]>, key: string, item: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [item]);
  else list.push(item);
}

/** Functions and operators that a tree, or a view behind it, calls: object ids. */
export function functionsIn(tree: NodeValue, schema: Schema): readonly string[] {
  const found = new Set<string>();
  const seen = new Set<string>();
  const walk = (root: NodeValue) => {
    for (const { kind, fields } of nodesIn(root)) {
      for (const field of FUNCTION_FIELDS) {
        const oid = fields.get(field);
        if (typeof oid === 'string' && oid !== '0') found.add(oid);
      }
      if (kind !== 'RANGETBLENTRY' || fields.get('rtekind') !== '0') continue;
      const oid = String(fields.get('relid'));
      const query = schema.relations.get(oid)?.query ?? null;
      if (query === null || seen.has(oid)) continue;
      seen.add(oid);
      walk(readNodeTree(query));
    }
  };
  walk(tree);
  return [...found];
}

const FUNCTION_FIELDS = ['funcid', 'opfuncid', 'aggfnoid', 'winfnoid', 'hashfuncid', 'negfuncid'];

/** Reads PostgreSQL's analysed tree of a statement. `values`: its parameters, as text. */
export function sayOf(tree: NodeValue, functions: readonly CalledFunction[], schema: Schema, values: readonly (string | null)[]): Said {
  const walk = new Walk(schema, new Map(functions.map((item) => [item.oid, called(item)])), values);
  walk.tree(tree);
  return walk.result();
}

class Walk {
  readonly #schema: Schema;
  readonly #functions: ReadonlyMap<string, Called>;
  readonly #values: readonly (string | null)[];
  readonly #accesses = new Map<string, Access>();
  readonly #views = new Set<string>();
  readonly #reached = new Set<string>();
  #hidden: boolean;

  constructor(schema: Schema, functions: ReadonlyMap<string, Called>, values: readonly (string | null)[]) {
    this.#schema = schema;
    this.#functions = functions;
    this.#values = values;
    this.#hidden = schema.catalogue.hidesCode;
  }

  result(): Said {
    return { accesses: [...this.#accesses.values()], hidden: this.#hidden };
  }

  #add(access: Access): void {
    this.#accesses.set(JSON.stringify(access), access);
  }

  tree(root: NodeValue): void {
    for (const node of nodesIn(root)) {
      this.#calls(node);
      if (node.kind === 'QUERY') this.#query(node);
      if (HIDING_NODES.has(node.kind)) this.#hidden = true;
      if (node.kind === 'VAR' && Number(node.fields.get('varattno')) < 0) this.#hidden = true;
    }
  }

  #calls({ fields }: Node): void {
    for (const field of FUNCTION_FIELDS) {
      const oid = fields.get(field);
      if (typeof oid !== 'string' || oid === '0') continue;
      const what = this.#functions.get(oid) ?? 'hides';
      if (what === 'hides') this.#hidden = true;
      else if (what === 'sequence') {
        const sequence = this.#schema.relations.get(sequenceIn(fields.get('args')) ?? '');
        if (sequence === undefined) this.#hidden = true;
        else this.#add({ kind: 'draws', sequence: sequence.name });
      } else if (ADVISORY.has(what)) this.#add(advisoryAccess(what, fields.get('args'), this.#values));
    }
  }

  #query({ fields }: Node): void {
    if (fields.get('hasRowSecurity') === 'true') this.#hidden = true;
    const ranges = listOf(fields.get('rtable')).filter(isNode);
    const target = Number(fields.get('resultRelation') ?? 0);
    const join = fields.get('jointree');
    const rows = this.#rowSets(ranges, [...(isNode(join) ? conjunctsOf(join) : []), ...conjuncts(fields.get('mergeJoinCondition'))]);
    const command = COMMANDS[String(fields.get('commandType'))];
    const excluded = excludedIn(fields);
    ranges.forEach((range, index) => {
      if (range.fields.get('rtekind') !== '0' || index + 1 === excluded) return;
      if (index + 1 !== target || command !== 'insert') this.#reads(range, rows[index]!);
    });
    for (const mark of listOf(fields.get('rowMarks'))) if (isNode(mark)) this.#marks(mark, ranges, rows);
    if (command === undefined) this.#hidden = true;
    if (target === 0) return;
    const relation = this.#relation(ranges[target - 1]);
    if (relation === null) return;
    const where = rows[target - 1]!;
    switch (command) {
      case 'insert':
        this.#inserts(relation, fields, ranges);
        break;
      case 'update':
        this.#updates(relation, where, this.#set(relation, fields.get('targetList')));
        break;
      case 'delete':
        this.#deletes(relation, where);
        break;
      case 'merge':
        this.#updates(relation, {}, new Map(relation.columns.map(({ name }) => [name, undefined])));
        this.#deletes(relation, {});
        this.#adds(relation, null);
        break;
    }
  }

  /** What is known of each relation's rows, by its place in the range table. */
  #rowSets(ranges: readonly Node[], conditions: readonly Node[]): Record<string, string>[] {
    const sets = ranges.map((): Record<string, string> => ({}));
    for (const condition of conditions) {
      const [column, value] = this.#equation(condition);
      if (column === null || value == null || column.fields.get('varlevelsup') !== '0') continue;
      const index = Number(column.fields.get('varno')) - 1;
      const relation = this.#schema.relations.get(String(ranges[index]?.fields.get('relid')));
      if (ranges[index]?.fields.get('rtekind') !== '0' || relation?.kind !== 'r') continue;
      const found = relation.columns.find(({ number }) => number === Number(column.fields.get('varattno')));
      if (found !== undefined && isPlainType(found.type)) sets[index]![found.name] ??= value;
    }
    return sets;
  }

  /** `column = value`, and a boolean column by itself. */
  #equation({ kind, fields }: Node): readonly [Node | null, Known] {
    if (kind !== 'OPEXPR' || !EQUALITY.has(String(fields.get('opfuncid')))) return [null, undefined];
    if (this.#schema.blurred.has(String(fields.get('inputcollid')))) return [null, undefined];
    const [left, right] = listOf(fields.get('args')).map(withoutLabel);
    if (isColumn(left)) return [left, knownValue(right, this.#values)];
    if (isColumn(right)) return [right, knownValue(left, this.#values)];
    return [null, undefined];
  }

  #relation(range: Node | undefined): CatalogueRelation | null {
    const relation = this.#schema.relations.get(String(range?.fields.get('relid')));
    if (relation === undefined || relation.hides || relation.kind !== 'r') this.#hidden = true;
    return relation?.kind === 'r' ? relation : null;
  }

  #reads(range: Node, rows: RowSet): void {
    const oid = String(range.fields.get('relid'));
    const relation = this.#schema.relations.get(oid);
    if (relation?.kind === 'v' && relation.query !== null) {
      if (this.#views.has(oid)) return;
      this.#views.add(oid);
      this.tree(readNodeTree(relation.query));
    } else if (relation?.kind === 'S') this.#add({ kind: 'draws', sequence: relation.name });
    else {
      const table = this.#relation(range);
      if (isNode(range.fields.get('tablesample'))) this.#hidden = true;
      if (table !== null) this.#add({ kind: 'reads', relation: table.name, rows });
    }
  }

  #marks({ fields }: Node, ranges: readonly Node[], rows: readonly RowSet[]): void {
    const index = Number(fields.get('rti')) - 1;
    if (ranges[index]?.fields.get('rtekind') !== '0') return;
    const relation = this.#relation(ranges[index]);
    const lock = MARKS[String(fields.get('strength'))];
    if (relation === null || lock === undefined) this.#hidden = true;
    else this.#locks(relation, rows[index]!, lock);
  }

  #locks(relation: CatalogueRelation, rows: RowSet, lock: RowLock): void {
    this.#add({ kind: 'locks', relation: relation.name, rows, lock, ...one(relation, rows) });
  }

  #writes(relation: CatalogueRelation, rows: RowSet, lock: 'no key update' | 'update'): void {
    this.#add({ kind: 'writes', relation: relation.name, rows, lock, ...one(relation, rows) });
  }

  /** Columns that a target list sets, and what is known of their new values. */
  #set(relation: CatalogueRelation, list: NodeValue | undefined): Map<string, Known> {
    const set = new Map<string, Known>();
    for (const entry of listOf(list)) {
      if (!isNode(entry) || entry.fields.get('resjunk') === 'true') continue;
      const column = relation.columns.find(({ number }) => number === Number(entry.fields.get('resno')));
      if (column === undefined) continue;
      const expression = entry.fields.get('expr');
      const isDefault = isNode(expression) && expression.kind === 'SETTODEFAULT';
      if (isDefault) for (const sequence of column.draws) this.#add({ kind: 'draws', sequence });
      set.set(column.name, isDefault ? (column.hasDefault ? undefined : null) : this.#stored(column.type, expression));
    }
    return set;
  }

  /** A length may change a text on its way in. */
  #stored(type: string, expression: NodeValue | undefined): Known {
    const value = knownValue(expression, this.#values);
    return value === null || isPlainType(type) ? value : undefined;
  }

  #updates(relation: CatalogueRelation, rows: RowSet, set: ReadonlyMap<string, Known>): void {
    if (relation.triggers.includes('update')) this.#hidden = true;
    const touches = (columns: readonly string[] | null) => columns === null || columns.some((column) => set.has(column));
    const lock = relation.unique.some(({ referable, depends }) => referable && touches(depends)) ? 'update' : 'no key update';
    this.#writes(relation, rows, lock);
    // Generated columns may follow from others.
    const computed = relation.columns.flatMap(({ name, generated }) => (generated ? [name] : []));
    const moved = relation.unique.filter(({ depends }) => touches(depends) || depends!.some((name) => computed.includes(name)));
    const after = new Map<string, Known>([...Object.entries(rows), ...set, ...computed.map((name) => [name, undefined] as const)]);
    if (moved.length > 0) {
      const keys = keysIn(moved, after);
      this.#add({ kind: 'inserts', relation: relation.name, keys });
    }
    for (const foreignKey of this.#schema.referencesOf(relation.oid))
      if (touches(foreignKey.columns)) this.#checksParent(foreignKey, after);
    for (const foreignKey of this.#schema.referringTo(relation.oid))
      if (touches(foreignKey.parentColumns)) this.#reachesChildren(foreignKey, rows, foreignKey.onUpdate, set);
  }

  #deletes(relation: CatalogueRelation, rows: RowSet): void {
    if (relation.triggers.includes('delete')) this.#hidden = true;
    this.#writes(relation, rows, 'update');
    for (const foreignKey of this.#schema.referringTo(relation.oid)) this.#reachesChildren(foreignKey, rows, foreignKey.onDelete, null);
  }

  /** The check that a child's parent is there looks at what is committed now, and locks it (ri_triggers.c, RI_FKey_check). */
  #checksParent({ columns, parentColumns, parent }: CatalogueForeignKey, row: NewRow): void {
    const relation = this.#table(parent);
    if (relation === null || columns.some((column) => row.get(column) === null)) return;
    const rows: Record<string, string> = {};
    columns.forEach((column, index) => {
      const value = row.get(column);
      if (typeof value === 'string' && value !== 'fresh' && isPlain(relation, parentColumns[index]!)) rows[parentColumns[index]!] = value;
    });
    this.#add({ kind: 'reads', relation: relation.name, rows, newest: true });
    this.#locks(relation, rows, 'key share');
  }

  /** What becomes of the rows that refer to a key which goes or changes. `set`: its new values; null where its row is deleted. */
  #reachesChildren(
    { child, columns, parentColumns }: CatalogueForeignKey,
    parentRows: RowSet,
    action: string,
    set: ReadonlyMap<string, Known> | null,
  ): void {
    const relation = this.#table(child);
    if (relation === null) return;
    const rows: Record<string, string> = {};
    columns.forEach((column, index) => {
      const value = parentRows[parentColumns[index]!];
      if (value !== undefined && isPlain(relation, column)) rows[column] = value;
    });
    this.#add({ kind: 'reads', relation: relation.name, rows, newest: true });
    const place = JSON.stringify([child, columns, rows, action, set === null]);
    if (this.#reached.has(place)) return;
    this.#reached.add(place);
    if (action === 'a' || action === 'r') this.#locks(relation, rows, 'key share');
    else if (action === 'c' && set === null) this.#deletes(relation, rows);
    else this.#updates(relation, rows, this.#newReferences(columns, parentColumns, action, set));
  }

  #newReferences(
    columns: readonly string[],
    parentColumns: readonly string[],
    action: string,
    set: ReadonlyMap<string, Known> | null,
  ): Map<string, Known> {
    const after = columns.map((column, index): [string, Known] => [
      column,
      action === 'n' ? null : action === 'c' ? set?.get(parentColumns[index]!) : undefined,
    ]);
    return new Map(after);
  }

  #table(oid: string): CatalogueRelation | null {
    const relation = this.#schema.relations.get(oid);
    if (relation === undefined || relation.hides) this.#hidden = true;
    return relation ?? null;
  }

  #inserts(relation: CatalogueRelation, fields: Node['fields'], ranges: readonly Node[]): void {
    const rows = this.#newRows(relation, fields, ranges);
    this.#adds(relation, rows);
    const conflict = fields.get('onConflict');
    if (!isNode(conflict) || conflict.fields.get('action') !== '2') return;
    const set = this.#set(relation, conflict.fields.get('onConflictSet'));
    const keys = rows === null ? [{}] : keysOf(relation, rows);
    for (const key of keys) {
      this.#add({ kind: 'reads', relation: relation.name, rows: key });
      this.#updates(relation, key, set);
    }
  }

  #adds(relation: CatalogueRelation, rows: readonly NewRow[] | null): void {
    if (relation.triggers.includes('insert')) this.#hidden = true;
    this.#add({ kind: 'inserts', relation: relation.name, keys: rows === null ? keysOfUnknown(relation) : keysOf(relation, rows) });
    if (rows === null) for (const { draws } of relation.columns) for (const sequence of draws) this.#add({ kind: 'draws', sequence });
    for (const foreignKey of this.#schema.referencesOf(relation.oid))
      for (const row of rows ?? [UNKNOWN_ROW]) this.#checksParent(foreignKey, row);
  }

  /** Null where they come from a query. */
  #newRows(relation: CatalogueRelation, fields: Node['fields'], ranges: readonly Node[]): NewRow[] | null {
    const given = new Map<string, NodeValue | undefined>();
    for (const entry of listOf(fields.get('targetList'))) {
      if (!isNode(entry)) continue;
      const column = relation.columns.find(({ number }) => number === Number(entry.fields.get('resno')));
      if (column !== undefined) given.set(column.name, entry.fields.get('expr'));
    }
    const lists = ranges.filter(({ fields: range }) => range.get('rtekind') === '5');
    const others = ranges.filter(({ fields: range }) => !['0', '5', '8'].includes(String(range.get('rtekind'))));
    const target = Number(fields.get('resultRelation'));
    const excluded = excludedIn(fields);
    const sources = ranges.some((range, index) => range.fields.get('rtekind') === '0' && index + 1 !== target && index + 1 !== excluded);
    if (lists.length > 1 || others.length > 0 || sources) return null;
    const valueLists = lists.length === 0 ? [null] : listOf(lists[0]!.fields.get('values_lists'));
    return valueLists.map((list) => {
      const row = new Map<string, Known | 'fresh'>();
      for (const column of relation.columns) {
        let expression = given.get(column.name);
        if (list !== null && isColumn(withoutLabel(expression ?? null))) {
          const place = Number((withoutLabel(expression ?? null) as Node).fields.get('varattno')) - 1;
          expression = listOf(list)[place];
        }
        const isDefault = expression === undefined || (isNode(expression) && expression.kind === 'SETTODEFAULT');
        if (isDefault) for (const sequence of column.draws) this.#add({ kind: 'draws', sequence });
        if (isDefault) row.set(column.name, column.fresh ? 'fresh' : column.hasDefault ? undefined : null);
        else row.set(column.name, this.#stored(column.type, expression));
      }
      return row;
    });
  }
}

const UNKNOWN_ROW: NewRow = new Map();
/** The place of what ON CONFLICT calls EXCLUDED, which is no relation; 0 where there is none. */
function excludedIn(fields: Node['fields']): number {
  const conflict = fields.get('onConflict');
  return isNode(conflict) ? Number(conflict.fields.get('exclRelIndex') ?? 0) : 0;
}

/** Of rows that are not known: null, or none where nothing keeps them apart. */
const keysOfUnknown = ({ unique }: CatalogueRelation): readonly RowSet[] | null => (unique.length === 0 ? [] : null);

const keysOf = ({ unique }: CatalogueRelation, rows: readonly NewRow[]): RowSet[] => rows.flatMap((row) => keysIn(unique, row));

const keysIn = (unique: readonly CatalogueUnique[], row: NewRow): RowSet[] =>
  unique.map(({ columns, nullsNotDistinct }) => keyOf(columns, nullsNotDistinct, row)).filter((key) => key !== null);

/** The key as far as it is known; null where nothing can be equal to it. */
function keyOf(columns: readonly string[], nullsNotDistinct: boolean, row: NewRow): RowSet | null {
  const key: Record<string, string> = {};
  for (const column of columns) {
    const value = row.get(column);
    if (value === 'fresh' || (value === null && !nullsNotDistinct)) return null;
    if (typeof value === 'string') key[column] = value;
  }
  return key;
}

/** Says that the rows are one at the most, where they are. */
const one = ({ unique }: CatalogueRelation, rows: RowSet): { readonly one?: true } =>
  unique.some(({ whole, columns }) => whole && columns.length > 0 && columns.every((column) => rows[column] !== undefined))
    ? { one: true }
    : {};

const isPlain = ({ columns }: CatalogueRelation, name: string): boolean =>
  isPlainType(columns.find((column) => column.name === name)?.type ?? '');

const listOf = (value: NodeValue | undefined): readonly NodeValue[] => (Array.isArray(value) ? (value as readonly NodeValue[]) : []);
const isColumn = (value: NodeValue | undefined): value is Node => isNode(value) && value.kind === 'VAR';
const withoutLabel = (value: NodeValue): NodeValue =>
  isNode(value) && value.kind === 'RELABELTYPE' ? withoutLabel(value.fields.get('arg') ?? null) : value;

/** Conditions that every row of the result satisfies: of WHERE, and of inner joins under it. */
function* conjunctsOf({ kind, fields }: Node): Generator<Node> {
  if (kind === 'FROMEXPR' || (kind === 'JOINEXPR' && fields.get('jointype') === '0')) yield* conjuncts(fields.get('quals'));
  const parts = kind === 'FROMEXPR' ? listOf(fields.get('fromlist')) : [fields.get('larg') ?? null, fields.get('rarg') ?? null];
  if (kind === 'FROMEXPR' || (kind === 'JOINEXPR' && fields.get('jointype') === '0'))
    for (const part of parts) if (isNode(part)) yield* conjunctsOf(part);
}

function* conjuncts(value: NodeValue | undefined): Generator<Node> {
  if (Array.isArray(value)) for (const item of value as readonly NodeValue[]) yield* conjuncts(item);
  if (!isNode(value)) return;
  if (value.kind === 'BOOLEXPR' && value.fields.get('boolop') === 'and') yield* conjuncts(value.fields.get('args'));
  else yield value;
}

const COMMANDS: Readonly<Record<string, 'select' | 'update' | 'insert' | 'delete' | 'merge'>> = {
  1: 'select',
  2: 'update',
  3: 'insert',
  4: 'delete',
  5: 'merge',
};
/** LockClauseStrength (lockoptions.h). */
const MARKS: Readonly<Record<string, RowLock>> = { 1: 'key share', 2: 'share', 3: 'no key update', 4: 'update' };
const HIDING_NODES: ReadonlySet<string> = new Set(['CURRENTOFEXPR', 'TABLEFUNC', 'XMLEXPR']);

/**
 * What has waited goes on with the newest versions of rows that it has found in its snapshot: it locks them before it looks whether they are still such as
 * its condition names (execMain.c, EvalPlanQual).
 */
export const widened = (said: Said): Said => ({
  ...said,
  accesses: said.accesses.map((access) =>
    (access.kind === 'locks' || access.kind === 'writes') && access.one !== true ? { ...access, rows: {} } : access,
  ),
});

/** First words of statements that PostgreSQL's analyser gives a tree. */
export const HAS_TREE: ReadonlySet<string> = new Set(['select', 'insert', 'update', 'delete', 'merge', 'values', 'with', 'table']);
