/**
 * Holds SQL that others wrote against both engines: every plain statement of a script alone, over the tables that the script has made by then, with
 * the rows that it has put into them. `--help` says how.
 */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { EngineError } from '../src/engine/contract.js';
import { ModelEngine } from '../src/engine/model/engine.js';
import { PostgresEngine } from '../src/engine/postgres/engine.js';
import { openServer } from '../src/engine/postgres/providers/open.js';
import type { PostgresServer } from '../src/engine/postgres/providers/server.js';
import { examine } from '../src/fuzz/examine.js';
import { uniform } from '../src/schedule/uniform.js';
import { readStatement } from '../src/sql/text.js';
import { Definitions, isDefinition } from './corpus/definitions.js';
import { Scratch } from './corpus/scratch.js';
import { statementsOf } from './corpus/script.js';

const HELP = `Usage: npx tsx bench/corpus.ts FILE.sql|FOLDER ... [options]

Runs the plain statements of SQL scripts (SELECT, INSERT, UPDATE, DELETE, ...), each alone, on the model and on the embedded server.
Definitions and INSERTs of a script are the schema and the first rows of what comes behind them.

  --before FILE     a script whose definitions hold for all of them
  --only PATTERN    statements that match a regular expression
  --wrong FILE      writes what was answered otherwise, and what ended in an error of ours
  --json FILE       writes every statement with its result
  --help            this text
`;

const BAD_USAGE = 2;
const PLAIN = new Set(['select', 'with', 'values', 'table', 'insert', 'update', 'delete', 'merge']);
/** Statements that run on, or that say something else each time. */
const UNFIT = /\bpg_sleep|\bpg_(?:cancel|terminate)_backend|\blo_\w+|\bpg_(?:read|ls|stat)_|\bdblink|\bgenerate_series\s*\([^)]*\d{5}/i;

interface Result {
  readonly file: string;
  readonly statement: string;
  readonly came: 'alike' | 'refused' | 'wrong' | 'defect' | 'left out';
  /** Why it was refused or left out; else what differs. */
  readonly what: string;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      before: { type: 'string' },
      only: { type: 'string' },
      wrong: { type: 'string' },
      json: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help || positionals.length === 0) {
    process.stdout.write(HELP);
    return values.help ? 0 : BAD_USAGE;
  }
  const server = await openServer('embedded');
  const only = values.only === undefined ? null : new RegExp(values.only, 'i');
  const results: Result[] = [];
  try {
    for (const file of positionals.flatMap(filesIn)) {
      const found = await ofScript(server, file, values.before ?? null, only);
      results.push(...found);
      process.stdout.write(`${basename(file).padEnd(32)} ${summary(found)}\n`);
      if (values.wrong !== undefined) writeFileSync(values.wrong, wrongText(results));
      if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, null, 1)}\n`);
    }
  } finally {
    await server.close();
  }
  process.stdout.write(`\n${'all'.padEnd(32)} ${summary(results)}\n\n${refusals(results).join('\n')}\n`);
  return results.some(({ came }) => came === 'wrong' || came === 'defect') ? 1 : 0;
}

const filesIn = (path: string): string[] =>
  statSync(path).isDirectory()
    ? readdirSync(path)
        .filter((name) => name.endsWith('.sql'))
        .sort()
        .map((name) => join(path, name))
    : [path];

async function ofScript(server: PostgresServer, file: string, before: string | null, only: RegExp | null): Promise<Result[]> {
  const scratch = await Scratch.open(server);
  const definitions = new Definitions();
  const define = async (text: string) => {
    if (await scratch.run(text)) definitions.add(text);
  };
  const postgres = new PostgresEngine(server);
  const model = new ModelEngine({ major: server.major });
  const results: Result[] = [];
  try {
    if (before !== null) for (const text of statementsOf(readFileSync(before, 'utf8'))) if (isDefinition(text)) await define(text);
    const asked = new Set<string>();
    for (const statement of statementsOf(readFileSync(file, 'utf8'))) {
      const isPlain = PLAIN.has(readStatement(statement).verb) && (only?.test(statement) ?? true);
      if (isPlain && !asked.has(statement)) {
        asked.add(statement);
        results.push({ file: basename(file), statement, ...(await ask(statement, definitions, { model, postgres })) });
      }
      if (isDefinition(statement)) await define(statement);
    }
    return results;
  } finally {
    await postgres.close();
    await scratch.close();
  }
}

async function ask(
  statement: string,
  definitions: Definitions,
  engines: { readonly model: ModelEngine; readonly postgres: PostgresEngine },
): Promise<Pick<Result, 'came' | 'what'>> {
  if (UNFIT.test(statement)) return { came: 'left out', what: 'runs on, or says something else each time' };
  const schema = definitions.neededBy(statement);
  if (schema === null) return { came: 'left out', what: 'needs too many definitions' };
  const program = { schema, rows: [], isolation: 'READ COMMITTED' as const, stubborn: false, actors: [[statement]] };
  try {
    const { divergence, refused, schemaRefused, schedulesRefused } = await examine(program, [uniform('corpus')], engines);
    if (divergence !== null) return { came: 'wrong', what: divergence.difference };
    const reason = schemaRefused ?? [...refused.values()][0] ?? [...schedulesRefused.keys()][0];
    return reason === undefined ? { came: 'alike', what: '' } : { came: 'refused', what: reason };
  } catch (error) {
    if (error instanceof EngineError) return { came: 'left out', what: error.message };
    const { message, stack = '' } = error as Error;
    if (/^(?:42|23|22|0A|2B|3F|55|25)/.test((error as { code?: string }).code ?? ''))
      return { came: 'left out', what: `its definitions do not stand alone: ${message}` };
    return { came: 'defect', what: `${message}\n${stack.split('\n').slice(1, 4).join('\n')}` };
  }
}

function summary(results: readonly Result[]): string {
  const count = (came: Result['came']) => results.filter((result) => result.came === came).length;
  const asked = results.length - count('left out');
  const share = asked === 0 ? '' : ` (${((100 * (count('alike') + count('wrong'))) / asked).toFixed(1)} % answered)`;
  return `${asked} asked${share}: ${count('alike')} alike, ${count('refused')} refused, ${count('wrong')} wrong, ${count('defect')} defects`;
}

function refusals(results: readonly Result[]): string[] {
  const counts = new Map<string, number>();
  for (const { came, what } of results)
    if (came === 'refused') {
      const reason = what.replace(/\s+/g, ' ');
      counts.set(reason, (counts.get(reason) ?? 0) + 1);
    }
  return [...counts].sort(([, left], [, right]) => right - left).map(([reason, count]) => `${String(count).padStart(7)}  ${reason}`);
}

const wrongText = (results: readonly Result[]): string =>
  results
    .filter(({ came }) => came === 'wrong' || came === 'defect')
    .map(({ file, statement, came, what }) => `-- ${file}: ${came}\n${statement};\n${what.replace(/^/gm, '--   ')}\n`)
    .join('\n');

process.exitCode = await main();
