import { identifier, splitStatements, type Token, tokenize } from '../sql/text.js';
import { type References, referencesIn } from './references.js';

/** What stands between a statement and the tables that it touches: a view, a function or a trigger that the schema makes. */
export interface Routine {
  readonly kind: 'view' | 'function' | 'trigger';
  /** With its schema, unless that is `public`. */
  readonly name: string;
  /** For a trigger: its table. */
  readonly on: string | null;
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  readonly calls: readonly string[];
  /** It runs what its text does not say: EXECUTE, or another language. */
  readonly opaque: boolean;
}

/** Views, functions and triggers of a schema, as far as its text tells what they touch. */
export function routinesIn(schema: string): Routine[] {
  if (!/\b(view|function|procedure|trigger)\b/i.test(schema)) return [];
  return splitStatements(schema).flatMap((text) => {
    const tokens = tokenize(text);
    if (tokens[0]?.text !== 'create') return [];
    const at = tokens.findIndex((token) => ['view', 'function', 'procedure', 'trigger', 'table', 'index', 'type'].includes(token.text));
    switch (tokens[at]?.text) {
      case 'view':
        return [{ kind: 'view' as const, name: nameAt(tokens, at + 1), on: null, ...touched(referencesIn(text)), opaque: false }];
      case 'function':
      case 'procedure':
        return [functionIn(text, tokens, at)];
      case 'trigger':
        return [triggerIn(tokens, at)];
      default:
        return [];
    }
  });
}

function functionIn(text: string, tokens: readonly Token[], at: number): Routine {
  const language = identifier(tokens[tokens.findIndex((token) => token.text === 'language') + 1] ?? tokens[0]!).replaceAll("'", '');
  const as = tokens.findIndex((token, index) => index > at && token.text === 'as' && tokens[index + 1]?.kind === 'string');
  const body = as < 0 ? text.slice(tokens[at]!.end) : bodyOf(tokens[as + 1]!.text);
  const parts = splitStatements(body).map((part) => touched(referencesIn(part)));
  const all = (list: (part: (typeof parts)[number]) => readonly string[]) => [...new Set(parts.flatMap(list))];
  const spoken = language === 'sql' || language === 'plpgsql' || as < 0;
  return {
    kind: 'function',
    name: nameAt(tokens, at + 1),
    on: null,
    reads: spoken ? all((part) => part.reads) : [],
    writes: spoken ? all((part) => part.writes) : [],
    calls: spoken ? all((part) => part.calls) : [],
    opaque: !spoken || (language === 'plpgsql' && tokenize(body).some((token) => token.text === 'execute')),
  };
}

function triggerIn(tokens: readonly Token[], at: number): Routine {
  const on = tokens.findIndex((token, index) => index > at && token.text === 'on');
  const called = tokens.findIndex((token, index) => index > on && ['function', 'procedure'].includes(token.text));
  return {
    kind: 'trigger',
    name: nameAt(tokens, at + 1),
    on: nameAt(tokens, on + 1),
    reads: [],
    writes: [],
    calls: [nameAt(tokens, called + 1)],
    opaque: false,
  };
}

const bodyOf = (literal: string): string =>
  literal.startsWith('$') ? literal.replace(/^\$\w*\$|\$\w*\$$/g, '') : literal.slice(1, -1).replaceAll("''", "'");

function touched({ tables, functions }: References): Pick<Routine, 'reads' | 'writes' | 'calls'> {
  return {
    reads: tables.filter(({ access }) => access !== 'insert').map(({ table }) => table),
    writes: tables.filter(({ access }) => access !== 'read').map(({ table }) => table),
    calls: functions,
  };
}

function nameAt(tokens: readonly Token[], from: number): string {
  let at = from;
  while (['if', 'not', 'exists'].includes(tokens[at]?.text ?? '')) at += 1;
  const parts: string[] = [];
  for (; tokens[at] !== undefined; at += 2) {
    parts.push(identifier(tokens[at]!));
    if (tokens[at + 1]?.text !== '.') break;
  }
  return (parts[0] === 'public' && parts.length > 1 ? parts.slice(1) : parts).join('.');
}
