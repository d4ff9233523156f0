import { InvalidArgumentError } from 'commander';
import { type IsolationLevel, isUrl, MOST_PLANS, ProviderError, parseConnectionUrl, REPORTERS } from '../src/index.js';
import { nearest } from './nearest.js';
import { UsageError } from './usage-error.js';

/** What the words behind options are read as. Each refuses what it cannot read, and says what is wanted. */

export const collect = (value: string, all: readonly string[]): string[] => [...all, value];

export function whole(min: number, max: number) {
  return (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max)
      throw new InvalidArgumentError(`A whole number from ${grouped(min)} to ${grouped(max)} is wanted.`);
    return value;
  };
}

const grouped = (value: number) => value.toLocaleString('en-US');

export function plans(text: string): number | 'all' {
  return text === 'all' ? 'all' : whole(1, MOST_PLANS)(text);
}

export function level(text: string): IsolationLevel {
  const name = text
    .toUpperCase()
    .replace(/[-_\s]+/g, ' ')
    .trim();
  if (name !== 'READ COMMITTED' && name !== 'REPEATABLE READ' && name !== 'SERIALIZABLE')
    throw new InvalidArgumentError('One of "read committed", "repeatable read", "serializable" is wanted.');
  return name;
}

export interface WantedReporter {
  readonly name: string;
  /** Null: standard output. */
  readonly file: string | null;
}

/** One more reporter: `junit:reports/lastseat.xml`, or `github`. */
export function reporters(value: string, all: readonly WantedReporter[]): WantedReporter[] {
  const [name, ...rest] = value.split(':');
  const known = Object.keys(REPORTERS);
  if (!known.includes(name!)) {
    const [meant] = nearest(name!, known);
    throw new InvalidArgumentError(
      `There is no such reporter.${meant === undefined ? '' : ` Did you mean ${meant}?`} There are ${known.join(', ')}.`,
    );
  }
  if (rest.length > 0 && rest.join(':') === '')
    throw new InvalidArgumentError(`A file is wanted behind the colon, such as ${name}:report.`);
  const wanted: WantedReporter = { name: name!, file: rest.length === 0 ? null : rest.join(':') };
  const onOutput = [...all, wanted].filter((one) => one.file === null && ownsOutput(one.name));
  if (onOutput.length > 1)
    throw new InvalidArgumentError(
      `Only one of ${onOutput.map((one) => one.name).join(', ')} can have standard output. Give the others files: ${name}:FILE.`,
    );
  return [...all, wanted];
}

/** Whether what it prints may stand among nothing else. GitHub finds its annotations among other lines, and text is what is printed anyway. */
export const ownsOutput = (name: string): boolean => name !== 'text' && name !== 'github';

export interface Shard {
  readonly index: number;
  readonly of: number;
}

export function shard(text: string): Shard {
  const match = /^(\d+)\/(\d+)$/.exec(text);
  const [index, of] = [Number(match?.[1]), Number(match?.[2])];
  if (match === null || index < 1 || of < 1 || index > of)
    throw new InvalidArgumentError('Two numbers are wanted, such as 1/4: the first of four slices.');
  return { index, of };
}

/** Where PostgreSQL comes from. What is no plain word may hold a password, and is not repeated. */
export function provider(text: string): string {
  if (['auto', 'embedded', 'testcontainers'].includes(text)) return text;
  const shown = /^[a-z-]{1,20}$/i.test(text) ? ` "${text}"` : '';
  if (!isUrl(text))
    throw new UsageError(
      `--postgres${shown}: there is no such provider of PostgreSQL`,
      'One of auto, embedded, testcontainers, or a URL that starts with postgres://. What is here: npm run sim -- doctor',
    );
  return wellFormed('--postgres', text);
}

/** A database of the user's own. What is no URL may hold a password all the same, and is not repeated. */
export function databaseUrl(text: string): string {
  if (!isUrl(text))
    throw new UsageError(
      '--url is no URL of a database',
      'For example: --url postgres://user@host:5432/database, with the password in PGPASSWORD',
    );
  return wellFormed('--url', text);
}

function wellFormed(option: string, url: string): string {
  try {
    parseConnectionUrl(url);
  } catch (error) {
    if (error instanceof ProviderError) throw new UsageError(`${option}: ${error.message}`, error.hint);
    throw error;
  }
  return url;
}
