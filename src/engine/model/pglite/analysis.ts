import { tokenize } from '../../../sql/text.js';
import { mayDraw } from '../../chance-functions.js';
import { isNode, type Node, type NodeValue, nodesIn, readNodeTree } from '../../node-tree.js';
import {
  CHANGED,
  type Changed,
  CONFIGURATION_TYPE,
  KNOWN_NODES,
  KNOWN_RANGES,
  OF_MEMCMP,
  OF_THE_C_LIBRARY,
  OF_THE_MACHINE,
  STEADY,
  TYPES_OF_ONE_SERVER,
} from './allowed.js';
import type { Answer, Instance } from './instance.js';
import { quote } from './names.js';

/** What PostgreSQL's analyser makes of a statement, as far as the layer has to know. */
export interface Analysis {
  /** Everything for which PGlite's answer may not be taken for the server's. Empty where there is nothing. */
  readonly reasons: readonly string[];
  /** How many queries in it have a locking clause, wherever they stand. */
  readonly lockingQueries: number;
  /** Its RETURNING asks for OLD or NEW. */
  readonly readsOldOrNew: boolean;
  /** It draws from chance, or from a sequence. */
  readonly draws: boolean;
  /** Sequences that it draws from. */
  readonly sequences: readonly TableName[];
  /** Tables that functions read which it calls. */
  readonly readByFunctions: readonly TableName[];
  /** A function in it that does something else before a version. */
  readonly changed: Changed | null;
}

export interface TableName {
  readonly schema: string;
  readonly name: string;
}

/** A function that a tree calls, as pg_proc has it. */
interface Called {
  readonly oid: string;
  readonly schema: string;
  readonly name: string;
  readonly volatility: string;
  readonly kind: string;
  readonly language: string;
  readonly source: string;
  readonly argumentTypes: string;
  readonly argumentNames: readonly string[];
  readonly arguments: number;
  readonly configured: boolean;
}

interface Related {
  readonly oid: string;
  readonly schema: string;
  readonly name: string;
  readonly kind: string;
  readonly rule: string | null;
}

const RECORD = '2249';
/** Functions that call functions: so deep, and no deeper. */
const MOST_DEPTH = 8;

/**
 * Analyses a statement with PostgreSQL's own analyser: as the body of a function, whose tree the catalogue then holds. Object ids in it say which
 * function, operator and type each name means.
 */
export function analyse(instance: Instance, text: string, parameterTypes: readonly string[]): Analysis {
  const walk = new Walk(instance);
  try {
    instance.script('BEGIN');
    walk.statement(text, parameterTypes.join(', '));
  } finally {
    instance.script('ROLLBACK');
  }
  return walk.result();
}

/** The same of an expression that the catalogue holds: a default, a CHECK, the keys or predicate of an index. */
export function analyseExpression(instance: Instance, tree: string): Analysis {
  const walk = new Walk(instance);
  try {
    instance.script('BEGIN');
    walk.expression(readNodeTree(tree));
  } finally {
    instance.script('ROLLBACK');
  }
  return walk.result();
}

class Walk {
  readonly #instance: Instance;
  readonly #reasons = new Set<string>();
  readonly #seen = new Set<string>();
  readonly #read = new Map<string, TableName>();
  /** System columns with a meaning of their own where they stand. */
  readonly #understood = new Set<Node>();
  readonly #sequences = new Map<string, TableName>();
  /** Constants that name a sequence. */
  readonly #sequenceNames = new Set<Node>();
  readonly #drawn = new Set<string>();
  #draws = false;
  #changed: Changed | null = null;
  /** INTERSECT or EXCEPT, and something whose evaluation may end in an error. */
  #leavesPartsOut = false;
  #partsMayFail = false;
  #lockingQueries = 0;
  #readsOldOrNew = false;

  constructor(instance: Instance) {
    this.#instance = instance;
  }

  result(): Analysis {
    return {
      reasons: [...this.#reasons],
      lockingQueries: this.#lockingQueries,
      readsOldOrNew: this.#readsOldOrNew,
      draws: this.#draws,
      sequences: [...this.#sequences.values()],
      readByFunctions: [...this.#read.values()],
      changed: this.#partsMayFail && this.#leavesPartsOut ? laterOf(this.#changed, PARTS_LEFT_OUT) : this.#changed,
    };
  }

  statement(text: string, types: string): void {
    const body = this.#body(text, types);
    if (body !== null) this.tree(body, 0);
  }

  /** The tree of a statement, as PostgreSQL stores that of a function's body. */
  #body(text: string, types: string): NodeValue {
    const whole = text.trim().replace(/;$/, '');
    const { error } = this.#try(
      `SAVEPOINT analysed; CREATE FUNCTION lastseat.ls_analysed(${types}) RETURNS void BEGIN ATOMIC ${whole}\n; END`,
    );
    if (error !== null) {
      this.#reasons.add(`a statement that has no analysed tree (${error.message})`);
      this.#instance.script('ROLLBACK TO analysed');
      return null;
    }
    const rows = this.#instance.script(
      "SELECT prosqlbody FROM pg_proc WHERE pronamespace = 'lastseat'::regnamespace AND proname = 'ls_analysed'; ROLLBACK TO analysed",
    )[0]!;
    return readNodeTree(rows[0]![0]!);
  }

  #try(script: string): Answer {
    return this.#instance.send([this.#instance.wire.query(script)])[0]!;
  }

  /** The layer has its text read anew, which may mean another row type than the tree if that has been altered since. */
  expression(root: NodeValue): void {
    for (const { kind, fields } of nodesIn(root))
      if (kind === 'CONVERTROWTYPEEXPR' || (kind === 'ROWEXPR' && fields.get('row_typeid') !== RECORD))
        this.#reasons.add('a row of a named type');
    this.tree(root, 0);
  }

  tree(root: NodeValue, depth: number): void {
    const functions = new Set<string>();
    const relations = new Set<string>();
    for (const node of nodesIn(root)) this.#node(node, depth, functions, relations);
    for (const called of this.#functions([...functions])) this.#function(called, depth);
    for (const related of this.#relations([...relations])) this.#relation(related, depth);
  }

  #node(node: Node, depth: number, functions: Set<string>, relations: Set<string>): void {
    const { kind, fields } = node;
    if (!KNOWN_NODES.has(kind)) {
      const word = kind === 'SQLVALUEFUNCTION' ? WORDS_OF_THE_SESSION[Number(fields.get('op'))] : undefined;
      this.#reasons.add(word ?? NAMES_OF_NODES[kind] ?? `a ${kind} in PostgreSQL's tree of it`);
      return;
    }
    if (kind === 'FUNCEXPR' && fields.get('funcid') === NEXTVAL) {
      const oid = this.#sequenceOf(fields.get('args'));
      if (oid === null) this.#reasons.add('a sequence whose name is computed');
      else relations.add(oid);
    }
    for (const field of FUNCTION_FIELDS) {
      const oid = fields.get(field);
      if (typeof oid === 'string' && oid !== '0') functions.add(oid);
    }
    if (kind === 'CONST' && (fields.get('consttype') === CONFIGURATION_TYPE || this.#sequenceNames.has(node))) return;
    if (this.#understood.has(node)) return;
    for (const field of TYPE_FIELDS) {
      const name = TYPES_OF_ONE_SERVER.get(String(fields.get(field)));
      if (name !== undefined) this.#reasons.add(`the type ${name}`);
    }
    if (kind === 'QUERY') this.#query(node, depth);
    if (kind === 'SETOPERATIONSTMT' && fields.get('op') !== UNION) this.#leavesPartsOut = true;
    if (kind === 'RANGETBLENTRY') {
      const range = fields.get('rtekind');
      if (!KNOWN_RANGES.has(String(range)))
        this.#reasons.add(range === '4' ? 'XMLTABLE or JSON_TABLE' : `a range table entry of kind ${range}`);
      if (isNode(fields.get('tablesample'))) this.#reasons.add('TABLESAMPLE');
      const oid = fields.get('relid');
      if (range === '0' && typeof oid === 'string') relations.add(oid);
    }
    if (kind === 'VAR') {
      const attribute = Number(fields.get('varattno'));
      if (attribute < 0) this.#reasons.add(`the system column ${SYSTEM_COLUMNS[-attribute] ?? attribute}`);
      if ((fields.get('varreturningtype') ?? '0') !== '0') this.#readsOldOrNew = true;
    }
  }

  /** The object id of the sequence that is a function's first argument; null where that is not a constant. */
  #sequenceOf(values: NodeValue | undefined): string | null {
    const first = Array.isArray(values) ? (values as readonly NodeValue[])[0] : undefined;
    if (!isNode(first) || first.kind !== 'CONST') return null;
    const bytes = first.fields.get('constvalue');
    if (!Array.isArray(bytes)) return null;
    this.#sequenceNames.add(first);
    this.#draws = true;
    // `4 [ 17 64 0 0 ]`: a datum, least significant byte first.
    const oid = (bytes as readonly string[]).slice(2, 6).reduceRight((sum, byte) => sum * 256 + (Number(byte) & 255), 0);
    this.#drawn.add(String(oid));
    return String(oid);
  }

  #query({ fields }: Node, depth: number): void {
    if (fields.get('commandType') === '5') this.#reasons.add('MERGE');
    if (fields.get('commandType') === '6') this.#reasons.add('a utility statement');
    if (fields.get('hasRowSecurity') === 'true') this.#reasons.add('row level security');
    const isLimited = isNode(fields.get('limitCount')) || isNode(fields.get('limitOffset'));
    if (isLimited && !hasItems(fields.get('sortClause')) && GROUPING.some((field) => hasItems(fields.get(field))))
      this.#reasons.add(
        'LIMIT without ORDER BY over groups or several queries, which depends on the order in which the server meets the rows',
      );
    if (fields.get('commandType') === '3')
      for (const column of insertedOrUpdated(fields.get('returningList'))) this.#understood.add(column);
    const marks = fields.get('rowMarks');
    if (!Array.isArray(marks)) return;
    const own = (marks as readonly NodeValue[]).filter((mark) => isNode(mark) && mark.fields.get('pushedDown') !== 'true');
    if (own.length > 0 && depth > 0) this.#reasons.add('a view or a function with a locking clause inside');
    if (own.length > 0) this.#lockingQueries += 1;
  }

  #functions(oids: readonly string[]): readonly Called[] {
    if (oids.length === 0) return [];
    const [rows] = this.#instance.script(
      `SELECT p.oid, n.nspname, p.proname, p.provolatile, p.prokind, l.lanname, p.prosrc,
              CASE WHEN p.oid >= 16384 THEN pg_get_function_identity_arguments(p.oid) END, array_to_json(p.proargnames), p.pronargs,
              p.proconfig IS NOT NULL OR p.prosecdef OR p.proretset AND l.lanname = 'plpgsql'
         FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
        WHERE p.oid IN (${oids.join()}) ORDER BY p.oid`,
    );
    return rows!.map(([oid, schema, name, volatility, kind, language, source, types, names, count, configured]) => ({
      oid: oid!,
      schema: schema!,
      name: name!,
      volatility: volatility!,
      kind: kind!,
      language: language!,
      source: source ?? '',
      argumentTypes: types ?? '',
      argumentNames: names == null ? [] : (JSON.parse(names) as string[]),
      arguments: Number(count),
      configured: configured === 't',
    }));
  }

  #function(called: Called, depth: number): void {
    if (this.#seen.has(called.oid)) return;
    this.#seen.add(called.oid);
    const { schema, name, volatility, kind, language } = called;
    if (schema === 'lastseat') {
      this.#draws ||= mayDraw(name);
      return;
    }
    if (called.oid === NEXTVAL) return;
    if (schema === 'pg_catalog') {
      this.#changed = laterOf(this.#changed, CHANGED.get(called.source));
      this.#partsMayFail ||= !COMPARES.test(called.source);
      const readsClock = CLOCKS.has(name) || (name === 'age' && called.arguments === 1);
      const steady = volatility === 'i' ? !OF_THE_MACHINE.has(name) : volatility === 's' && STEADY.has(name);
      if (readsClock) this.#reasons.add(`pg_catalog.${name}, which reads the server's clock`);
      else if (!steady) this.#reasons.add(`the function ${name}`);
      else if (OF_THE_C_LIBRARY.has(called.source)) this.#reasons.add(`the function ${name}, whose last digit is the C library's`);
      else if (OF_MEMCMP.has(called.source)) this.#reasons.add(`the function ${name}, of whose answer only the sign is certain`);
      return;
    }
    const shown = `the function ${schema === 'public' ? '' : `${schema}.`}${name}`;
    if (kind !== 'f') this.#reasons.add(`${shown}, an aggregate, window function or procedure of the schema`);
    else if (called.configured) this.#reasons.add(`${shown}, with SET or SECURITY DEFINER, or that returns rows from PL/pgSQL`);
    else if (depth >= MOST_DEPTH) this.#reasons.add(`${shown}, which calls functions ${MOST_DEPTH} deep`);
    else if (language === 'sql') this.#sqlFunction(called, shown, depth);
    else if (language === 'plpgsql') this.#plpgsqlFunction(called, shown);
    else if (volatility !== 'i') this.#reasons.add(`${shown}, in ${language}`);
  }

  /** A STABLE function in SQL sees what the statement sees that calls it; a VOLATILE one takes a snapshot of its own, unless it reads nothing. */
  #sqlFunction(called: Called, shown: string, depth: number): void {
    const rows = this.#instance.script(`SELECT prosqlbody FROM pg_proc WHERE oid = ${called.oid}`)[0]!;
    const stored = rows[0]![0];
    const body = stored != null ? readNodeTree(stored) : this.#body(called.source, called.argumentTypes);
    const before = this.#read.size;
    const reads =
      body === null ? [] : [...nodesIn(body)].filter(({ kind, fields }) => kind === 'RANGETBLENTRY' && fields.get('rtekind') === '0');
    if (body !== null) {
      const writes = [...nodesIn(body)].some(({ kind, fields }) => kind === 'QUERY' && fields.get('commandType') !== '1');
      if (writes) this.#reasons.add(`${shown}, which writes`);
      else this.tree(body, depth + 1);
    }
    if (called.volatility === 'v' && (reads.length > 0 || this.#read.size > before))
      this.#reasons.add(`${shown}, which is VOLATILE and reads a table: it has a snapshot of its own`);
  }

  /** Only what certainly reads and writes nothing, and calls nothing that does. */
  #plpgsqlFunction(called: Called, shown: string): void {
    const tokens = tokenize(called.source);
    const statement = tokens.find(({ kind, text }) => kind === 'word' && READS_OR_WRITES.has(text));
    if (statement !== undefined) {
      this.#reasons.add(`${shown}, in PL/pgSQL, with ${statement.text.toUpperCase()} in it`);
      return;
    }
    const names = tokens.flatMap(({ kind, text }, index) => (kind === 'word' && tokens[index + 1]?.text === '(' ? [text] : []));
    const named = [...new Set(names)].filter((name) => !NO_FUNCTIONS.has(name));
    if (named.length === 0) return;
    const [rows] = this.#instance.script(
      `SELECT proname, bool_or(provolatile <> 'i' OR pronamespace <> 'pg_catalog'::regnamespace) FROM pg_proc WHERE proname IN (${named.map((name) => `'${name}'`).join()}) GROUP BY proname`,
    );
    const pure = new Set(rows!.flatMap(([name, odd]) => (odd === 'f' ? [name!] : [])));
    const unknown = named.find((name) => !pure.has(name));
    if (unknown !== undefined) this.#reasons.add(`${shown}, in PL/pgSQL, which calls ${unknown}`);
  }

  #relations(oids: readonly string[]): readonly Related[] {
    if (oids.length === 0) return [];
    const [rows] = this.#instance.script(
      `SELECT c.oid, n.nspname, c.relname, c.relkind, (SELECT ev_action FROM pg_rewrite WHERE ev_class = c.oid AND rulename = '_RETURN')
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid IN (${oids.join()}) ORDER BY c.oid`,
    );
    return rows!.map(([oid, schema, name, kind, rule]) => ({ oid: oid!, schema: schema!, name: name!, kind: kind!, rule: rule ?? null }));
  }

  #relation({ oid, schema, name, kind, rule }: Related, depth: number): void {
    if (schema === 'pg_catalog' || schema === 'information_schema') {
      this.#reasons.add(`the system catalog ${schema === 'pg_catalog' ? '' : `${schema}.`}${name}`);
      return;
    }
    if (kind === 'r' || kind === 'p') {
      if (depth > 0) this.#read.set(`${quote(schema)}.${quote(name)}`, { schema, name });
      return;
    }
    if (kind === 'S' && this.#drawn.has(oid)) {
      if (depth > 0) this.#reasons.add('a view or a function that draws from a sequence');
      this.#sequences.set(oid, { schema, name });
      return;
    }
    if (kind !== 'v' || rule === null) {
      if (kind !== 'S') this.#reasons.add(`${schema}.${name}, which is ${KINDS_OF_RELATIONS[kind] ?? `of kind ${kind}`}`);
      return;
    }
    if (this.#seen.has(`view ${oid}`)) return;
    this.#seen.add(`view ${oid}`);
    this.tree(readNodeTree(rule), depth + 1);
  }
}

/** nextval(regclass), by oid (pg_proc.dat). */
const NEXTVAL = '1574';

/**
 * `xmax = 0` in the RETURNING of an INSERT tells rows that it inserted from rows that ON CONFLICT has updated: the update leaves the lock that came before
 * it in the new version (heapam.c, heap_update). Of rows that others have locked it would tell more, elsewhere.
 */
function* insertedOrUpdated(returning: NodeValue | undefined): Generator<Node> {
  for (const { kind, fields } of nodesIn(returning ?? null)) {
    const [left, right] = kind === 'OPEXPR' && Array.isArray(fields.get('args')) ? (fields.get('args') as readonly NodeValue[]) : [];
    if (!XMAX_COMPARED.has(String(fields.get('opfuncid'))) || !isNode(left) || !isNode(right)) continue;
    const isXmax = left.kind === 'VAR' && left.fields.get('varattno') === XMAX && (left.fields.get('varreturningtype') ?? '0') === '0';
    const bytes = right.fields.get('constvalue');
    if (isXmax && Array.isArray(bytes) && bytes.slice(2, -1).every((byte) => byte === '0')) yield left;
  }
}

const XMAX = '-4';
/** xideqint4 and xidneqint4. */
const XMAX_COMPARED: ReadonlySet<string> = new Set(['1319', '3309']);

const FUNCTION_FIELDS = ['funcid', 'opfuncid', 'aggfnoid', 'winfnoid', 'hashfuncid', 'negfuncid'];
const TYPE_FIELDS = [
  'vartype',
  'consttype',
  'paramtype',
  'opresulttype',
  'funcresulttype',
  'aggtype',
  'wintype',
  'resulttype',
  'array_typeid',
  'element_typeid',
];
const SYSTEM_COLUMNS = ['', 'ctid', 'xmin', 'cmin', 'xmax', 'cmax', 'tableoid'];
const CLOCKS: ReadonlySet<string> = new Set(['now', 'transaction_timestamp', 'statement_timestamp', 'clock_timestamp', 'timeofday']);
const KINDS_OF_RELATIONS: Readonly<Record<string, string>> = {
  m: 'a materialised view',
  f: 'a foreign table',
  c: 'a composite type',
  t: 'a TOAST table',
};
/** By their place in SQLValueFunctionOp (primnodes.h). */
const WORDS_OF_THE_SESSION =
  'current_date current_time current_time current_timestamp current_timestamp localtime localtime localtimestamp localtimestamp current_role current_user user session_user current_catalog current_schema'.split(
    ' ',
  );
const NAMES_OF_NODES: Readonly<Record<string, string>> = {
  XMLEXPR: 'XML',
  TABLEFUNC: 'XMLTABLE or JSON_TABLE',
  TABLESAMPLECLAUSE: 'TABLESAMPLE',
  MERGEACTION: 'MERGE',
  CURRENTOFEXPR: 'WHERE CURRENT OF',
  CTESEARCHCLAUSE: 'SEARCH',
  CTECYCLECLAUSE: 'CYCLE',
  NEXTVALUEEXPR: 'a sequence inside an expression',
};
/** Words of PL/pgSQL and SQL before a parenthesis that call nothing. */
const NO_FUNCTIONS: ReadonlySet<string> = new Set(
  'if elsif when and or not in any all some then else return case coalesce greatest least nullif values row array cast exists raise exception using declare begin while'.split(
    ' ',
  ),
);
const READS_OR_WRITES: ReadonlySet<string> = new Set(
  'select from insert update delete merge perform execute copy lock call notify listen truncate create alter drop set reset do commit rollback savepoint open fetch query table with into vacuum analyze notice warning info log debug'.split(
    ' ',
  ),
);

const laterOf = (one: Changed | null, other: Changed | undefined): Changed | null =>
  other === undefined || (one !== null && one.since >= other.since) ? one : other;

/** SetOperation (parsenodes.h). */
const UNION = '1';
/** Since then INTERSECT and EXCEPT whose first part is empty do not look at the second, which may fail. */
const PARTS_LEFT_OUT: Changed = { since: 18, what: 'INTERSECT or EXCEPT of parts that may fail' };
/** Functions that answer whatever they are given. */
const COMPARES = /(eq|ne|lt|le|gt|ge|cmp)$/;

/** What puts rows together, in an order that is the plan's. */
const GROUPING = ['groupClause', 'groupingSets', 'distinctClause', 'setOperations'];
const hasItems = (value: NodeValue | undefined): boolean => isNode(value) || (Array.isArray(value) && value.length > 0);
