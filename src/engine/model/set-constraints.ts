import { identifier, tokenize } from '../../sql/text.js';
import { UnmodelledError } from '../contract.js';
import type { StatementPlan } from './statements.js';

/** `SET CONSTRAINTS ALL IMMEDIATE`, `SET CONSTRAINTS one, other DEFERRED`; null for any other statement. */
export function compileSetConstraints(text: string): Extract<StatementPlan, { kind: 'set constraints' }> | null {
  const tokens = tokenize(text).filter((token) => token.text !== ';');
  if (tokens[0]?.text !== 'set' || tokens[1]?.text !== 'constraints') return null;
  const when = tokens.at(-1)!.text;
  const named = tokens.slice(2, -1);
  const names = named.filter((_, index) => index % 2 === 0);
  const commas = named.filter((_, index) => index % 2 === 1);
  const isName = ({ kind }: { readonly kind: string }) => kind === 'word' || kind === 'quoted';
  if (
    !['deferred', 'immediate'].includes(when) ||
    named.length % 2 === 0 ||
    !names.every(isName) ||
    commas.some((comma) => comma.text !== ',')
  )
    throw new UnmodelledError(`SET CONSTRAINTS: ${text}`);
  const all = names.length === 1 && names[0]!.kind === 'word' && names[0]!.text === 'all';
  const deferred = when === 'deferred';
  return { kind: 'set constraints', command: 'SET', names: all ? null : names.map(identifier), deferred, locks: [], writes: false };
}
