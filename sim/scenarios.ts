import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Scenario } from '../src/index.js';
import { eventsScenarios } from './systems/events/index.js';
import { UsageError } from './usage-error.js';

/** All variants that are shipped, in the order in which they are listed. A new system is one line here. */
export const SHIPPED: readonly Scenario[] = [...eventsScenarios];

/** A scenario, and the file that it came from where it is not one of ours: a worker process loads it again from there. */
export interface Loaded {
  readonly scenario: Scenario;
  readonly file: string | null;
}

/** What `--scenario` names: shipped variants by glob, a file of one's own, or some of that file's by `FILE#GLOB`. */
export async function loadScenarios(patterns: readonly string[]): Promise<Loaded[]> {
  const loaded: Loaded[] = [];
  for (const pattern of patterns) {
    const { file, glob } = readPattern(pattern);
    const all = file === null ? SHIPPED.map((scenario) => ({ scenario, file: null })) : await loadFile(file);
    const matches = all.filter(({ scenario }) => globMatches(glob, scenario.name));
    if (matches.length === 0)
      throw new UsageError(
        `no scenario is called "${glob}"`,
        `Those ${file === null ? 'that are shipped' : `in ${file}`}: ${all.map(({ scenario }) => scenario.name).join(', ')}. One of your own is named by its file: --scenario ./mine.ts`,
      );
    loaded.push(...matches);
  }
  const seen = new Set<string>();
  return loaded.filter(({ scenario }) => !seen.has(scenario.name) && seen.add(scenario.name));
}

export async function loadOne(name: string, file: string | null): Promise<Scenario> {
  const found =
    file === null
      ? SHIPPED.find((scenario) => scenario.name === name)
      : (await loadFile(file)).find(({ scenario }) => scenario.name === name)?.scenario;
  if (found === undefined)
    throw new UsageError(
      `no scenario is called "${name}"`,
      file === null ? 'Is it one of your own? Then name its file too: --scenario ./mine.ts' : `${file} has none of that name`,
    );
  return found;
}

/** Takes `./mine.ts#mine/*` apart; `file` is null for a glob over the shipped ones. */
export function readPattern(pattern: string): { file: string | null; glob: string } {
  const match = /^(.*\.[cm]?[jt]s)(?:#(.*))?$/.exec(pattern);
  return match === null ? { file: null, glob: pattern } : { file: match[1]!, glob: match[2] ?? '*' };
}

function globMatches(glob: string, name: string): boolean {
  const pattern = glob
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${pattern}$`).test(name);
}

async function loadFile(path: string): Promise<Loaded[]> {
  const file = resolve(path);
  if (!existsSync(file))
    throw new UsageError(`there is no file ${path}`, 'A scenario file exports one or several scenarios: see docs/your-own-code.md');
  let exports: Record<string, unknown>;
  try {
    exports = (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  } catch (error) {
    throw new UsageError(
      `${path} could not be loaded: ${(error as Error).message.split('\n')[0]}`,
      `Does it run on its own? Try: npx tsx ${path}`,
    );
  }
  const scenarios = [...new Set(Object.values(exports).flat())].filter(isScenario);
  if (scenarios.length === 0)
    throw new UsageError(`${path} exports no scenario`, 'Write export default defineScenario({ ... }): see docs/your-own-code.md');
  for (const scenario of scenarios) checkScenario(scenario, path);
  return scenarios.map((scenario) => ({ scenario, file }));
}

function isScenario(value: unknown): value is Scenario {
  return typeof value === 'object' && value !== null && 'schema' in value && 'operations' in value;
}

/** The mistakes that are easily made, said before anything runs. */
function checkScenario(scenario: Scenario, path: string): void {
  const wrong = (what: string) => new UsageError(`${path}: ${what}`, 'What a scenario is made of: docs/your-own-code.md');
  if (typeof scenario.name !== 'string' || scenario.name === '') throw wrong('the scenario has no name');
  if (typeof scenario.schema !== 'string') throw wrong(`"schema" of ${scenario.name} is not a text`);
  if (typeof scenario.seed !== 'function') throw wrong(`"seed" of ${scenario.name} is not a function that returns SQL`);
  if (!Array.isArray(scenario.workloads) || scenario.workloads.length === 0)
    throw wrong(`${scenario.name} has no workloads: nobody would do anything`);
  if (!Array.isArray(scenario.invariants)) throw wrong(`${scenario.name} has no list of invariants`);
  if (typeof scenario.expect !== 'object' || scenario.expect === null)
    throw wrong(`"expect" of ${scenario.name} is missing: { 'READ COMMITTED': 'holds' }`);
  for (const workload of scenario.workloads)
    for (const role of workload.roles)
      if (scenario.operations[role.operation] === undefined)
        throw wrong(
          `workload "${workload.name}" of ${scenario.name} uses the operation "${role.operation}", which is not among its operations (${Object.keys(scenario.operations).join(', ')})`,
        );
}
