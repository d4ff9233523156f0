/** Runs a schema's text, statement by statement, as a server does that is sent one after the other. */

import { identifier, splitStatements, tokenize } from '../../../sql/text.js';
import { UnmodelledError } from '../../contract.js';
import { SqlError } from '../sql-error.js';
import type { Instance } from './instance.js';
import { quote } from './names.js';

/** Throws {@link SqlError} for what PostgreSQL refuses, and {@link UnmodelledError} for what only PGlite refuses. */
export function define(instance: Instance, schema: string): void {
  for (const text of splitStatements(schema)) {
    refuseSettings(text);
    for (let error = attempt(instance, text); error !== null; error = attempt(instance, text)) {
      if (!isHelped(instance, text, error)) {
        if (isOfPglite(text, error)) throw new UnmodelledError(`the schema, of which PGlite says: ${error.message}`);
        throw new SqlError(error.code, `the schema: ${error.message}, in: ${firstLine(text)}`);
      }
    }
  }
}

const attempt = (instance: Instance, text: string): SqlError | null => instance.send([instance.wire.query(text)])[0]!.error;

/** Roles are the whole server's, and matter to nobody here: all that is done is done by a superuser. One that is missing is made. */
function isHelped(instance: Instance, text: string, { code, message }: SqlError): boolean {
  const role = /^role "(.*)" does not exist$/.exec(message)?.[1];
  if (code === '42704' && role !== undefined) return attempt(instance, `CREATE ROLE ${quote(role)}`) === null;
  const made = /^role "(.*)" already exists$/.exec(message)?.[1];
  return (
    code === '42710' &&
    made !== undefined &&
    /^\s*create/i.test(text) &&
    attempt(instance, `DROP OWNED BY ${quote(made)}; DROP ROLE ${quote(made)}`) === null
  );
}

/** What PGlite lacks: extensions and languages that are not built for it, what 18.4 lets pass and 18.6 does not, and all that goes wrong inside it. */
const isOfPglite = (text: string, { code, message }: SqlError): boolean =>
  /^(XX|53|57|58|F0)/.test(code) ||
  /^\s*create\s+extension\b/i.test(text) ||
  /^(language|access method|tablespace) "|^generation expression uses user-defined/.test(message);

/** What holds for other sessions than the one that runs the text. */
function refuseSettings(text: string): void {
  const [first, second] = tokenize(text).map((token) => token.text);
  if (first === 'alter' && (second === 'database' || second === 'system' || (second === 'role' && /\bset\b/i.test(text))))
    throw new UnmodelledError(`in the schema: ${firstLine(text)}`);
}

const LONGEST_LINE = 120;
const firstLine = (text: string) => text.split('\n')[0]!.slice(0, LONGEST_LINE);

/** The extensions that a schema's text asks for. */
export function extensionsOf(schema: string): string[] {
  if (!/\bextension\b/i.test(schema)) return [];
  return splitStatements(schema).flatMap((text) => {
    const tokens = tokenize(text);
    if (tokens[0]?.text !== 'create' || tokens[1]?.text !== 'extension') return [];
    const name = tokens[2]?.text === 'if' ? tokens[5] : tokens[2];
    return name === undefined ? [] : [identifier(name)];
  });
}
