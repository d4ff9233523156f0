import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Asked, askScenario, askScript, drawPlans, type IsolationLevel, type Scenario } from '../../src/index.js';
import { EXIT } from '../exit-codes.js';
import { loadScenarios } from '../scenarios.js';
import { show } from '../screen.js';
import { UsageError } from '../usage-error.js';
import { writeWhole } from '../write-file.js';

export interface CoverageArguments {
  /** A file of scenarios, with or without `#GLOB`; a file that ends with .sql, or a folder of such. */
  readonly file: string;
  readonly isolation: IsolationLevel;
  readonly json: string | null;
}

/** One scenario, or one SQL text. */
interface Part {
  readonly name: string;
  readonly strategy: 'exhaustive on the model' | 'sampled on the model' | 'dpor on the server' | null;
  /** Why the schema is refused. */
  readonly schema: string | null;
  readonly statements: readonly Asked[];
}

/** Plans of each workload that are looked at, and states of each. */
const PLANS = 3;
const MOST_STATES = 2000;

/** Which statements the model answers, which it refuses and why. */
export async function coverageCommand({ file, isolation, json }: CoverageArguments): Promise<number> {
  const isSql = file.endsWith('.sql') || (existsSync(file) && statSync(file).isDirectory());
  const parts = isSql ? [await ofScript(file, isolation)] : await ofScenarios(file, isolation);
  const refused = parts.some(({ schema, statements }) => schema !== null || statements.some(({ reasons }) => reasons.length > 0));
  if (json !== null) {
    const text = `${JSON.stringify({ format: 'lastseat.coverage.v1', isolation, parts: parts.map(inJson) }, null, 2)}\n`;
    if (json === '-') show(text);
    else writeWhole(json, text);
  }
  if (json !== '-') show(parts.map(inText).join('\n'));
  return refused ? EXIT.inconclusive : EXIT.fine;
}

async function ofScript(path: string, isolation: IsolationLevel): Promise<Part> {
  if (!existsSync(path)) throw new UsageError(`there is no file ${path}`, 'A scenario file, a file of SQL, or a folder of such');
  const files = statSync(path).isDirectory() ? sqlFilesIn(path) : [path];
  if (files.length === 0) throw new UsageError(`the folder ${path} has no file that ends with .sql`, 'Name the folder of the SQL files');
  // Whether a text ends with a semicolon is its own affair.
  const text = files.map((name) => `${readFileSync(name, 'utf8')}\n;`).join('\n');
  return { name: path, strategy: null, ...(await askScript(text, isolation)) };
}

const sqlFilesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name) => join(folder, name));

async function ofScenarios(pattern: string, isolation: IsolationLevel): Promise<Part[]> {
  const parts: Part[] = [];
  for (const { scenario } of await loadScenarios([pattern])) parts.push(await ofScenario(scenario, isolation));
  return parts;
}

async function ofScenario(scenario: Scenario, isolation: IsolationLevel): Promise<Part> {
  const plans = scenario.workloads.flatMap((workload) => drawPlans(scenario, workload, isolation, NOTHING_FIXED, 'coverage', PLANS));
  const { statements, schema, fits } = await askScenario(scenario, plans, MOST_STATES);
  const isRefused = schema !== null || statements.some(({ reasons }) => reasons.length > 0);
  const strategy = isRefused ? 'dpor on the server' : fits ? 'exhaustive on the model' : 'sampled on the model';
  return { name: scenario.name, strategy, schema, statements };
}

const NOTHING_FIXED = {};

const inJson = ({ name, strategy, schema, statements }: Part) => ({
  name,
  strategy,
  schema,
  answered: statements.filter(({ reasons }) => reasons.length === 0).length,
  refused: statements.filter(({ reasons }) => reasons.length > 0).length,
  statements: statements.map(({ statement, reasons, error }) => ({ statement, answered: reasons.length === 0, reasons, error })),
});

function inText({ name, strategy, schema, statements }: Part): string {
  const refused = statements.filter(({ reasons }) => reasons.length > 0).length;
  const counts = `${statements.length - refused} of ${statements.length} statements answered`;
  const lines = [`${name} · ${counts}${strategy === null ? '' : ` · ${strategy}`}`];
  if (schema !== null) lines.push(`  refused   the schema: ${schema}`);
  for (const { statement, reasons, error } of statements) {
    const shown = statement.replace(/\s+/g, ' ').trim();
    lines.push(
      `  ${reasons.length > 0 ? 'refused ' : error === null ? 'answered' : 'fails   '}  ${shown === '' ? '(an empty query)' : shown}`,
    );
    for (const reason of reasons) lines.push(`            because of ${reason.replace(/\s+/g, ' ')}`);
    if (error !== null && reasons.length === 0) lines.push(`            ${error}`);
  }
  return `${lines.join('\n')}\n`;
}
