import { type Expr, parse } from 'pgsql-ast-parser';

/** An expression as the catalogue writes it, in the parser's form; null where the parser does not know it. */
export function plainExpression(text: string): Expr | null {
  try {
    return inOurWords(parse(text, 'expr')) as Expr;
  } catch {
    return null;
  }
}

/** The catalogue writes `x IN (a, b)` as `x = ANY (ARRAY[a, b])`, and CURRENT_TIMESTAMP as the function that stands in for it. */
function inOurWords(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(inOurWords);
  if (typeof node !== 'object' || node === null) return node;
  const expression = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, inOurWords(value)])) as unknown as Expr;
  if (expression.type === 'call' && expression.function.name === 'current_timestamp' && expression.args.length === 0)
    return { type: 'keyword', keyword: 'current_timestamp' } satisfies Expr;
  if (expression.type !== 'binary' || expression.right.type !== 'call') return expression;
  const { left, op, right } = expression;
  const listed = itemsOf(right.args[0]);
  if (listed === null) return expression;
  if (op === '=' && right.function.name === 'any')
    return { type: 'binary', op: 'IN', left, right: { type: 'list', expressions: listed } } satisfies Expr;
  if (op === '!=' && right.function.name === 'all')
    return { type: 'binary', op: 'NOT IN', left, right: { type: 'list', expressions: listed } } satisfies Expr;
  return expression;
}

/** The items of an array that is written out, each with the type to which the whole is cast. */
function itemsOf(argument: Expr | undefined): Expr[] | null {
  if (argument?.type === 'array') return argument.expressions;
  if (argument?.type !== 'cast' || !('arrayOf' in argument.to)) return null;
  const { arrayOf: to } = argument.to;
  return itemsOf(argument.operand)?.map((operand): Expr => ({ type: 'cast', operand, to })) ?? null;
}
