import { CHANGES, identifier, type Token } from '../../../sql/text.js';
import { UnmodelledError } from '../../contract.js';
import { type Outline, readOutline, type Span, tokensWithin, type WithQuery } from './outline.js';

/** A query of WITH that modifies, its parentheses included, and the text with which it stands alone. */
export interface ModifyingQuery extends Span {
  readonly text: string;
}

export const modifies = ({ verb }: WithQuery): boolean => CHANGES.has(verb);

/**
 * The first WITH query that modifies, where it is certain to run before anything that the rest of the statement does. PostgreSQL runs it when its rows
 * are asked for, and at the end what nobody has asked for (manual 7.8.4; execMain.c, ExecPostprocessPlan). So each has to be in the FROM of the next, or
 * be searched for in its WHERE or VALUES; a SELECT does nothing that could come first.
 */
export function findModifyingQuery(outline: Outline): ModifyingQuery | null {
  const { text, withQueries } = outline;
  const modifying = withQueries.filter(modifies);
  const [first] = modifying;
  if (first === undefined) return null;
  const alone = (query: WithQuery): string => {
    const before = text.slice(outline.tokens[0]!.start, query.start).replace(/,\s*$/, ' ');
    return `${query === withQueries[0] ? '' : before}${text.slice(query.body.start, query.body.end)}`;
  };
  if (outline.tokens[1]?.text === 'recursive') throw new UnmodelledError('a modifying query in WITH RECURSIVE');
  if (outline.verb === 'select' && outline.locking.length > 0)
    throw new UnmodelledError('a modifying query in WITH, in a SELECT with a locking clause');
  const parts = [...modifying.map((query) => readOutline(alone(query))), outline];
  parts.slice(1).forEach((part, index) => {
    if (part.verb !== 'select' && !asksFor(part, modifying[index]!.name))
      throw new UnmodelledError('a modifying query in WITH, where the plan decides whether it runs before the statement around it');
  });
  const targets = parts.flatMap(({ target }) => (target === null ? [] : [target.name]));
  if (new Set(targets).size < targets.length)
    throw new UnmodelledError('a modifying query in WITH of the table that another part modifies');
  return { start: first.body.start - 1, end: first.body.end + 1, text: alone(first) };
}

/** Whether a part of a statement has asked for the rows of a WITH query before it locks or writes its first row. */
function asksFor(part: Outline, name: string): boolean {
  const joins = ({ from }: Outline) => from.some((relation) => relation.name === name);
  const searches = (span: Span | null) => span !== null && mentions(tokensWithin(part, span), name);
  if (part.source === null) return joins(part) || searches(part.where);
  if (part.oneRow) return searches(part.source);
  const source = readOutline(part.text.slice(part.source.start, part.source.end));
  return source.verb === 'select' && !SETS.test(source.text) && joins(source);
}

const SETS = /\b(union|intersect|except)\b/i;
/** Words that leave it open which of their operands is looked at. */
const FORKS = new Set(['or', 'case', 'coalesce', 'greatest', 'least']);

/** `FROM name` somewhere, with nothing around it that may leave it out. */
const mentions = (tokens: readonly Token[], name: string): boolean =>
  !tokens.some(({ kind, text }) => kind === 'word' && FORKS.has(text)) &&
  tokens.some((token, index) => tokens[index - 1]?.text === 'from' && identifier(token) === name);
