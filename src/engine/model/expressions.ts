import type { BinaryOperator, Expr, ExprBinary, ExprCall, ExprCase, SelectStatement } from 'pgsql-ast-parser';
import { UnmodelledError } from '../contract.js';
import type { Query, Subquery } from './query.js';
import { isTame } from './shapes.js';
import { SqlError } from './sql-error.js';
import {
  checkRange,
  commonType,
  isInteger,
  isNumber,
  isPlain,
  isText,
  readParameter,
  type SqlType,
  typeByName,
  type Value,
} from './types.js';

/**
 * Expressions: the allow-list. Each is typed, since replies need PostgreSQL's types and pg-mem does not keep them apart, and is
 * rewritten into what pg-mem is known to answer as PostgreSQL does (FACTS of the project: `greatest` with NULL, `NOT` of NULL,
 * scalar subqueries are among what it gets wrong). What is not listed here is refused by name.
 */

export interface Typed {
  readonly expression: Expr;
  readonly type: SqlType;
  readonly nullable: boolean;
  /** For what is boolean: true where it is true and false else, and true where it is false and false else. Never NULL. */
  readonly holds?: Expr;
  readonly fails?: Expr;
}

/*
 * pg-mem's AND, OR and NOT do not keep NULL and false apart. So it is asked about two-valued conditions only: whether something holds, and
 * whether it fails; what does neither is NULL.
 */
const TRUE: Expr = { type: 'boolean', value: true };
const FALSE: Expr = { type: 'boolean', value: false };
const choose = (whens: readonly (readonly [Expr, Expr])[], otherwise: Expr): Expr => ({
  type: 'case',
  whens: whens.map(([when, value]) => ({ when, value })),
  else: otherwise,
});
const and = (left: Expr, right: Expr): Expr => ({ type: 'binary', op: 'AND', left, right });
const or = (left: Expr, right: Expr): Expr => ({ type: 'binary', op: 'OR', left, right });
const isNull = (operand: Expr): Expr => ({ type: 'unary', op: 'IS NULL', operand });

const holds = (typed: Typed): Expr =>
  typed.holds ?? (typed.nullable ? choose([[isNull(typed.expression), FALSE]], typed.expression) : typed.expression);

const fails = (typed: Typed): Expr =>
  typed.fails ?? choose([...(typed.nullable ? [[isNull(typed.expression), FALSE] as const] : []), [typed.expression, FALSE]], TRUE);

/** A boolean of which is known when it holds and when it fails. */
const threeValued = (nullable: boolean, whenTrue: Expr, whenFalse: Expr): Typed => ({
  expression: nullable
    ? choose(
        [
          [whenTrue, TRUE],
          [whenFalse, FALSE],
        ],
        literal(null, 'bool'),
      )
    : whenTrue,
  type: 'bool',
  nullable,
  holds: whenTrue,
  fails: whenFalse,
});
const conjunction = (left: Typed, right: Typed): Typed =>
  threeValued(left.nullable || right.nullable, and(holds(left), holds(right)), or(fails(left), fails(right)));
const disjunction = (left: Typed, right: Typed): Typed =>
  threeValued(left.nullable || right.nullable, or(holds(left), holds(right)), and(fails(left), fails(right)));
const negation = (typed: Typed): Typed => threeValued(typed.nullable, fails(typed), holds(typed));

/** A column that a name in an expression may mean. */
export interface VisibleColumn {
  readonly source: string;
  readonly name: string;
  readonly type: SqlType;
  readonly nullable: boolean;
}

/** Where names and parameters of a query get their meaning. */
export interface Scope {
  readonly columns: readonly VisibleColumn[];
  readonly parameters: readonly unknown[];
  /** Set inside a subquery, to tell a correlated one by name. */
  readonly outer: Scope | null;
  /** Aggregates may stand here. */
  readonly aggregates: boolean;
  /** Collects uncorrelated subqueries; each becomes a constant before the query runs, as PostgreSQL's InitPlans do. */
  readonly subqueries: Subquery[];
  readonly compileSubquery: (select: SelectStatement, outer: Scope) => Query;
  /** Set when the expression reads the transaction's clock. */
  readonly use: { now: boolean };
}

/** Stands for the n-th subquery's value until it is known. */
export const subqueryPlaceholder = (index: number): Expr => ({ type: 'parameter', name: `#${index}` });

export function literal(value: Value, type: SqlType): Expr {
  if (value === null) return { type: 'cast', operand: { type: 'null' }, to: { name: evaluatorType(type) } };
  if (typeof value === 'boolean') return { type: 'boolean', value };
  if (typeof value === 'number') return { type: 'integer', value };
  const text: Expr = { type: 'string', value };
  return type === 'timestamptz' || type === 'uuid' ? { type: 'cast', operand: text, to: { name: type } } : text;
}

/** pg-mem's type for a column: its integers are JavaScript numbers whatever the width, and the layer checks ranges. */
export function evaluatorType(type: SqlType): string {
  if (type === 'null' || isText(type)) return 'text';
  return isNumber(type) ? 'integer' : type;
}

/** Types and rewrites an expression. `expected` gives a bare parameter or string its type. */
export function compileExpression(expression: Expr, scope: Scope, expected: SqlType | null = null): Typed {
  switch (expression.type) {
    case 'ref':
      return column(expression.table?.name ?? null, expression.name, scope);
    case 'integer': {
      const type: SqlType = Math.abs(expression.value) > 2147483647 ? 'int8' : 'int4';
      if (!isTame(expression.value)) throw new UnmodelledError('a number beyond those that the fast path is held to');
      return { expression: literal(checkRange(expression.value, type), type), type, nullable: false };
    }
    case 'string':
      return known(
        expected !== null && !isText(expected) ? readParameter(expression.value, expected) : expression.value,
        expected ?? 'text',
      );
    case 'boolean':
      return known(expression.value, 'bool');
    case 'null':
      return { expression: literal(null, expected ?? 'null'), type: expected ?? 'null', nullable: true };
    case 'parameter':
      return parameter(expression.name, scope, expected);
    case 'cast':
      return cast(expression.operand, typeByName('name' in expression.to ? expression.to.name : 'array'), scope);
    case 'unary':
      return unary(expression.op, expression.operand, scope);
    case 'binary':
      return binary(expression, scope);
    case 'ternary':
      return between(expression, scope);
    case 'case':
      return caseOf(expression, scope, expected);
    case 'call':
      return call(expression, scope, expected);
    case 'keyword':
      if (expression.keyword === 'current_timestamp') return now(scope);
      throw new UnmodelledError(expression.keyword);
    case 'select':
    case 'union':
    case 'union all':
    case 'values':
      return scalarSubquery(expression, scope);
    default:
      throw new UnmodelledError(`an expression of kind "${expression.type}"`);
  }
}

/** A condition, two-valued: where it is NULL it does not hold. Comparisons that are merely joined by AND stay as they are, for pg-mem's joins. */
export function compileCondition(expression: Expr, scope: Scope): Expr {
  if (expression.type === 'binary' && expression.op === 'AND')
    return and(compileCondition(expression.left, scope), compileCondition(expression.right, scope));
  const typed = boolean(expression, scope);
  const plain = expression.type === 'binary' && COMPARISONS.has(expression.op);
  return plain ? typed.expression : holds(typed);
}

const COMPARISONS = new Set<string>(['=', '!=', '<', '<=', '>', '>=']);

function boolean(expression: Expr, scope: Scope): Typed {
  const typed = compileExpression(expression, scope, 'bool');
  if (typed.type !== 'bool') throw new SqlError('42804', `argument of WHERE must be type boolean, not type ${typed.type}`);
  return typed;
}

const SYSTEM_COLUMNS = new Set(['ctid', 'xmin', 'xmax', 'cmin', 'cmax', 'tableoid']);

const known = (value: Value, type: SqlType): Typed => ({ expression: literal(value, type), type, nullable: value === null });

function column(source: string | null, name: string, scope: Scope): Typed {
  const found = scope.columns.filter((item) => item.name === name && (source === null || item.source === source));
  if (found.length > 1) throw new SqlError('42702', `column reference "${name}" is ambiguous`);
  const match = found[0];
  if (match === undefined) {
    for (let outer = scope.outer; outer !== null; outer = outer.outer)
      if (outer.columns.some((item) => item.name === name && (source === null || item.source === source)))
        throw new UnmodelledError(`a correlated subquery (it refers to "${name}" of the query around it)`);
    if (source === null && scope.columns.some((item) => item.source === name)) throw new UnmodelledError(`the whole row ${name}`);
    if (SYSTEM_COLUMNS.has(name)) throw new UnmodelledError(`the system column ${name}`);
    throw new SqlError('42703', `column "${source === null ? name : `${source}.${name}`}" does not exist`);
  }
  if (!isPlain(match.type)) throw new UnmodelledError(`a column of type ${match.type}`);
  return {
    expression: { type: 'ref', table: { name: match.source }, name: match.name },
    type: match.type,
    nullable: match.nullable,
  };
}

function parameter(name: string, scope: Scope, expected: SqlType | null): Typed {
  const index = Number(name.slice(1)) - 1;
  if (index >= scope.parameters.length)
    throw new SqlError(
      '08P01',
      `bind message supplies ${scope.parameters.length} parameters, but prepared statement "" requires ${index + 1}`,
    );
  if (expected === null || expected === 'null')
    throw new UnmodelledError(`the type of ${name} cannot be told here: cast it, as in ${name}::int`);
  return known(readParameter(scope.parameters[index], expected), expected);
}

function cast(operand: Expr, to: SqlType, scope: Scope): Typed {
  if (operand.type === 'parameter' || operand.type === 'null' || operand.type === 'string') return compileExpression(operand, scope, to);
  const typed = compileExpression(operand, scope, to);
  const { type } = typed;
  if (type === to || (isText(type) && isText(to)) || (isNumber(type) && isInteger(to))) return { ...typed, type: to };
  if (to === 'text' && isInteger(type))
    return { ...typed, expression: { type: 'cast', operand: typed.expression, to: { name: 'text' } }, type: to };
  throw new UnmodelledError(`a cast from ${type} to ${to}`);
}

function unary(op: string, operand: Expr, scope: Scope): Typed {
  switch (op) {
    case 'NOT':
      return negation(boolean(operand, scope));
    case 'IS NULL':
    case 'IS NOT NULL': {
      const typed = compileExpression(operand, scope);
      return { expression: { type: 'unary', op, operand: typed.expression }, type: 'bool', nullable: false };
    }
    case 'IS TRUE':
    case 'IS NOT TRUE':
    case 'IS FALSE':
    case 'IS NOT FALSE': {
      const condition = boolean(operand, scope);
      const so = op.endsWith('TRUE') ? holds(condition) : fails(condition);
      return op.includes('NOT') ? threeValued(false, negated(so), so) : threeValued(false, so, negated(so));
    }
    case '-': {
      const typed = compileExpression(operand, scope, 'int4');
      if (!isInteger(typed.type)) throw new UnmodelledError(`- ${typed.type}`);
      return { ...typed, expression: { type: 'unary', op: '-', operand: typed.expression } };
    }
    default:
      throw new UnmodelledError(`the operator ${op}`);
  }
}

const negated = (condition: Expr): Expr => choose([[condition, FALSE]], TRUE);

/** Two operands, a bare one typed after the other. */
function pair(left: Expr, right: Expr, scope: Scope): [Typed, Typed] {
  const bare = (expression: Expr) => expression.type === 'parameter' || expression.type === 'string' || expression.type === 'null';
  if (bare(left) && !bare(right)) {
    const typed = compileExpression(right, scope);
    return [compileExpression(left, scope, typed.type), typed];
  }
  const typed = compileExpression(left, scope);
  return [typed, compileExpression(right, scope, bare(right) ? typed.type : null)];
}

function binary(expression: ExprBinary, scope: Scope): Typed {
  const { op } = expression;
  // The parser gives `<=` too, though its types leave it out.
  switch (op as BinaryOperator | '<=') {
    case 'AND':
      return conjunction(boolean(expression.left, scope), boolean(expression.right, scope));
    case 'OR':
      return disjunction(boolean(expression.left, scope), boolean(expression.right, scope));
    case '=':
    case '!=':
    case '<':
    case '<=':
    case '>':
    case '>=': {
      const [left, right] = pair(expression.left, expression.right, scope);
      const type = commonType(left.type, right.type);
      if (type === 'bool' && op !== '=' && op !== '!=') throw new UnmodelledError('an order between booleans');
      return {
        expression: { type: 'binary', op, left: left.expression, right: right.expression },
        type: 'bool',
        nullable: left.nullable || right.nullable,
      };
    }
    case '+':
    case '-':
    case '*': {
      refuseArithmetic(expression);
      const [left, right] = pair(expression.left, expression.right, scope);
      const type = commonType(left.type, right.type);
      if (!isNumber(type)) throw new UnmodelledError(`${left.type} ${op} ${right.type}`);
      return {
        expression: { type: 'binary', op, left: left.expression, right: right.expression },
        type,
        nullable: left.nullable || right.nullable,
      };
    }
    case '||': {
      const [left, right] = pair(expression.left, expression.right, scope);
      if (!isText(left.type) || !isText(right.type)) throw new UnmodelledError(`${left.type} || ${right.type}`);
      return {
        expression: { type: 'binary', op, left: left.expression, right: right.expression },
        type: 'text',
        nullable: left.nullable || right.nullable,
      };
    }
    case 'IN':
      return inList(expression, scope);
    case 'NOT IN':
      return negation(inList(expression, scope));
    default:
      throw new UnmodelledError(`the operator ${op}`);
  }
}

/** pg-mem takes `-` for commutative where one side is an aggregate, and knows no overflow: sums and products stay far below any. */
function refuseArithmetic({ op, left, right }: ExprBinary): void {
  const inside = [left, right].flatMap(nodesOf);
  if (op === '-' && inside.some((node) => node.type === 'call')) throw new UnmodelledError('a difference with a function in it');
  const factors = [left, right].some((side) => side.type === 'integer' && Math.abs(side.value) <= MOST_FACTOR);
  if (op === '*' && !factors) throw new UnmodelledError('a product of two columns');
  if (inside.some((node) => node.type === 'binary' && node.op === '*')) throw new UnmodelledError('a product in a larger sum');
}
const MOST_FACTOR = 1000;

function nodesOf(node: unknown): Expr[] {
  if (Array.isArray(node)) return node.flatMap(nodesOf);
  if (typeof node !== 'object' || node === null) return [];
  const below = Object.values(node).flatMap(nodesOf);
  return 'type' in node ? [node as Expr, ...below] : below;
}

/** `x IN (a, b)` as `x = a OR x = b`: pg-mem answers items that occur twice with rows that occur twice. */
function inList(expression: ExprBinary, scope: Scope): Typed {
  const left = compileExpression(expression.left, scope);
  const { right } = expression;
  if (right.type === 'list') {
    return right.expressions
      .map((item) => binary({ type: 'binary', op: '=', left: expression.left, right: item }, scope))
      .reduce(disjunction);
  }
  if (right.type === 'select') {
    const query = scope.compileSubquery(right, scope);
    commonType(left.type, query.outputs[0]!.type);
    if (query.outputs[0]!.nullable) throw new UnmodelledError('IN (SELECT ...) over a column that may be NULL');
    scope.subqueries.push({ query, as: 'list' });
    const among: Expr = { type: 'binary', op: 'IN', left: left.expression, right: subqueryPlaceholder(scope.subqueries.length - 1) };
    const found = choose([[among, TRUE]], FALSE);
    if (!left.nullable) return threeValued(false, found, negated(found));
    // NULL IN (nothing) is false, and NULL IN (something) is NULL: as a condition that comes to the same.
    return {
      type: 'bool',
      nullable: true,
      holds: found,
      get expression(): Expr {
        throw new UnmodelledError('IN (SELECT ...) of what may be NULL, other than as a condition');
      },
      get fails(): Expr {
        throw new UnmodelledError('NOT IN (SELECT ...) of what may be NULL');
      },
    };
  }
  throw new UnmodelledError('IN over this');
}

function between(expression: Extract<Expr, { type: 'ternary' }>, scope: Scope): Typed {
  const { value, lo, hi } = expression;
  const within = binary(
    {
      type: 'binary',
      op: 'AND',
      left: { type: 'binary', op: '>=', left: value, right: lo },
      right: { type: 'binary', op: '<=' as BinaryOperator, left: value, right: hi },
    },
    scope,
  );
  return expression.op === 'BETWEEN' ? within : negation(within);
}

function caseOf(expression: ExprCase, scope: Scope, expected: SqlType | null): Typed {
  if (expression.value) throw new UnmodelledError('CASE with an operand');
  const whens = expression.whens.map((item) => ({
    when: holds(boolean(item.when, scope)),
    value: compileExpression(item.value, scope, expected),
  }));
  const otherwise = expression.else ? compileExpression(expression.else, scope, whens[0]!.value.type) : null;
  const type = [...whens.map((item) => item.value), ...(otherwise === null ? [] : [otherwise])].map((item) => item.type).reduce(commonType);
  return {
    expression: {
      type: 'case',
      whens: whens.map((item) => ({ when: item.when, value: item.value.expression })),
      else: otherwise?.expression ?? literal(null, type),
    },
    type,
    nullable: otherwise === null || otherwise.nullable || whens.some((item) => item.value.nullable),
  };
}

function call(expression: ExprCall, scope: Scope, expected: SqlType | null): Typed {
  const name = expression.function.name.toLowerCase();
  if (expression.distinct || expression.orderBy || expression.filter || expression.withinGroup || expression.over)
    throw new UnmodelledError(`${name} with DISTINCT, ORDER BY, FILTER or OVER`);
  switch (name) {
    case 'count':
    case 'sum':
    case 'min':
    case 'max':
      return aggregate(name, expression, scope);
    case 'coalesce':
      return sameType(name, expression.args, scope, expected, (all) => all.every((item) => item.nullable));
    case 'greatest':
    case 'least':
      return extreme(name, expression.args, scope, expected);
    case 'now':
    case 'transaction_timestamp':
      return now(scope);
    case 'exists': {
      const select = expression.args[0];
      if (select?.type !== 'select') throw new UnmodelledError('EXISTS over this');
      scope.subqueries.push({ query: scope.compileSubquery(select, scope), as: 'exists' });
      return { expression: subqueryPlaceholder(scope.subqueries.length - 1), type: 'bool', nullable: false };
    }
    default:
      throw new UnmodelledError(`the function ${name}`);
  }
}

function aggregate(name: 'count' | 'sum' | 'min' | 'max', expression: ExprCall, scope: Scope): Typed {
  if (!scope.aggregates) throw new SqlError('42803', `aggregate functions are not allowed in WHERE`);
  const inner: Scope = { ...scope, aggregates: false };
  const argument = expression.args[0];
  const build = (args: Expr[]): Expr => ({ type: 'call', function: { name }, args });
  if (name === 'count') {
    const star = argument?.type === 'ref' && argument.name === '*';
    const args: Expr[] = star ? [{ type: 'ref', name: '*' }] : [compileExpression(argument!, inner).expression];
    return { expression: build(args), type: 'int8', nullable: false };
  }
  const typed = compileExpression(argument!, inner);
  if (name === 'sum') {
    if (!isInteger(typed.type)) throw new UnmodelledError(`sum(${typed.type})`);
    return { expression: build([typed.expression]), type: typed.type === 'int8' ? 'numeric' : 'int8', nullable: true };
  }
  if (!isNumber(typed.type) && typed.type !== 'timestamptz') throw new UnmodelledError(`${name}(${typed.type})`);
  return { expression: build([typed.expression]), type: typed.type, nullable: true };
}

function allTyped(args: readonly Expr[], scope: Scope, expected: SqlType | null): { typed: Typed[]; type: SqlType } {
  const bare = (item: Expr) => item.type === 'parameter' || item.type === 'string' || item.type === 'null';
  const first = args.find((item) => !bare(item));
  const hint = first === undefined ? expected : compileExpression(first, { ...scope, subqueries: [] }, expected).type;
  const typed = args.map((item) => compileExpression(item, scope, bare(item) ? hint : expected));
  return { typed, type: typed.map((item) => item.type).reduce(commonType) };
}

function sameType(
  name: string,
  args: readonly Expr[],
  scope: Scope,
  expected: SqlType | null,
  nullable: (all: readonly Typed[]) => boolean,
): Typed {
  const { typed, type } = allTyped(args, scope, expected);
  return { expression: { type: 'call', function: { name }, args: typed.map((item) => item.expression) }, type, nullable: nullable(typed) };
}

/** `greatest` and `least` leave NULLs out in PostgreSQL; in pg-mem they do not. */
function extreme(name: 'greatest' | 'least', args: readonly Expr[], scope: Scope, expected: SqlType | null): Typed {
  const { typed, type } = allTyped(args, scope, expected);
  const folded = typed
    .map((item) => item.expression)
    .reduce(
      (left, right): Expr => ({
        type: 'case',
        whens: [
          { when: isNull(left), value: right },
          { when: isNull(right), value: left },
          { when: { type: 'binary', op: name === 'greatest' ? '>' : '<', left, right }, value: left },
        ],
        else: right,
      }),
    );
  return { expression: folded, type, nullable: typed.every((item) => item.nullable) };
}

function now(scope: Scope): Typed {
  scope.use.now = true;
  return { expression: { type: 'call', function: { name: 'now' }, args: [] }, type: 'timestamptz', nullable: false };
}

function scalarSubquery(select: SelectStatement, scope: Scope): Typed {
  const query = scope.compileSubquery(select, scope);
  if (query.outputs.length !== 1) throw new SqlError('42601', 'subquery must return only one column');
  scope.subqueries.push({ query, as: 'scalar' });
  return { expression: subqueryPlaceholder(scope.subqueries.length - 1), type: query.outputs[0]!.type, nullable: true };
}
