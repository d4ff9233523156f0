import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isFault, nameClash, type Scenario, SHIPPED_WITNESSES, witnessesOf } from '../src/index.js';
import { nearest } from './nearest.js';
import { shellWord } from './shell-word.js';
import { UsageError } from './usage-error.js';

/** The systems that are shipped, in the order in which they are listed, loaded when somebody asks for them. A new system is one line here. */
const SYSTEMS: Readonly<Record<string, () => Promise<readonly Scenario[]>>> = {
  events: async () => (await import('./systems/events/index.js')).eventsScenarios,
  rental: async () => (await import('./systems/rental/index.js')).rentalScenarios,
  hotel: async () => (await import('./systems/hotel/index.js')).hotelScenarios,
  restaurant: async () => (await import('./systems/restaurant/index.js')).restaurantScenarios,
};

/** All variants that are shipped. */
export const allShipped = (): Promise<readonly Scenario[]> => shipped(Object.keys(SYSTEMS));

async function shipped(systems: readonly string[]): Promise<readonly Scenario[]> {
  return (await Promise.all(systems.map((system) => SYSTEMS[system]!()))).flat();
}

/** Variants among which those that a name or a glob means are: one system's where it begins with the system's name. */
async function shippedFor(glob: string): Promise<readonly Scenario[]> {
  const system = glob.slice(0, glob.indexOf('/'));
  return Object.hasOwn(SYSTEMS, system) ? shipped([system]) : allShipped();
}

/** A scenario, and the file that it came from where it is not one of ours: a worker process loads it again from there. */
export interface Loaded {
  readonly scenario: Scenario;
  readonly file: string | null;
}

const asShipped = (scenario: Scenario): Loaded => ({ scenario, file: null });

/** What `--scenario` names, or all that is shipped where it is not given: shipped variants by glob, a file of one's own, or some of that file's by `FILE#GLOB`. */
export async function loadScenarios(patterns: readonly string[]): Promise<Loaded[]> {
  if (patterns.length === 0) return (await allShipped()).map(asShipped);
  const loaded: Loaded[] = [];
  for (const pattern of patterns) {
    const { file, glob } = readPattern(pattern);
    const all = file === null ? (await shippedFor(glob)).map(asShipped) : await loadFile(file);
    const matches = all.filter(({ scenario }) => globMatches(glob, scenario.name));
    if (matches.length === 0) {
      const names = (file === null ? (await allShipped()).map(asShipped) : all).map(({ scenario }) => scenario.name);
      const meant = nearest(glob, names);
      const suggestion =
        meant.length > 0
          ? `Did you mean ${meant.join(' or ')}?`
          : file === null
            ? 'All of them: npm run sim -- list.'
            : `Those in ${file}: ${names.join(', ')}.`;
      throw new UsageError(
        `no scenario is called "${glob}"`,
        file === null ? `${suggestion} One of your own is named by its file: --scenario ./mine.ts` : suggestion,
      );
    }
    loaded.push(...matches);
  }
  const seen = new Set<string>();
  return loaded.filter(({ scenario }) => !seen.has(scenario.name) && seen.add(scenario.name));
}

export async function loadOne(name: string, file: string | null): Promise<Scenario> {
  const found =
    file === null
      ? (await shippedFor(name)).find((scenario) => scenario.name === name)
      : (await loadFile(file)).find(({ scenario }) => scenario.name === name)?.scenario;
  if (found === undefined)
    throw new UsageError(
      `no scenario is called "${name}"`,
      file === null
        ? 'Is it one of your own? Then name its file too: --scenario ./mine.ts. Those that are shipped: npm run sim -- list'
        : `${file} has none of that name: was it renamed?`,
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
    throw new UsageError(`${path} could not be loaded: ${firstWords(error)}`, `Does it run on its own? Try: npx tsx ${shellWord(path)}`);
  }
  const scenarios = [...new Set(Object.values(exports).flat())].filter(isScenario);
  if (scenarios.length === 0)
    throw new UsageError(`${path} exports no scenario`, 'Write export default defineScenario({ ... }): see docs/your-own-code.md');
  for (const scenario of scenarios) checkScenario(scenario, path);
  return scenarios.map((scenario) => ({ scenario, file }));
}

/** The line that says what is wrong: after "Transform failed with 1 error:" that is the next. */
function firstWords(error: unknown): string {
  const [first, second] = String(error instanceof Error ? error.message : error).split('\n');
  return first!.endsWith(':') && second !== undefined ? second : first!;
}

function isScenario(value: unknown): value is Scenario {
  return typeof value === 'object' && value !== null && 'schema' in value && 'operations' in value;
}

const LEVELS = ['READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE'];

/** The mistakes that are easily made, said before anything runs. */
function checkScenario(scenario: Scenario, path: string): void {
  const { name, operations, workloads, invariants, expect } = scenario;
  const wrong = (what: string) => new UsageError(`${path}: ${what}`, 'What a scenario is made of: docs/your-own-code.md');
  if (typeof name !== 'string' || name === '') throw wrong('the scenario has no name');
  if (typeof scenario.schema !== 'string') throw wrong(`"schema" of ${name} is not a text`);
  if (typeof scenario.seed !== 'function') throw wrong(`"seed" of ${name} is not a function that returns SQL`);
  for (const [key, operation] of Object.entries(operations))
    if (typeof operation !== 'function') throw wrong(`operation "${key}" of ${name} is not a function`);
  if (!Array.isArray(workloads) || workloads.length === 0) throw wrong(`${name} has no workloads: nobody would do anything`);
  if (!Array.isArray(invariants)) throw wrong(`${name} has no list of invariants`);
  for (const invariant of invariants)
    if ((invariant.check === undefined) === (invariant.sql === undefined))
      throw wrong(`invariant "${invariant.name}" of ${name} must have exactly one of "check" and "sql"`);
  if (typeof expect !== 'object' || expect === null) throw wrong(`"expect" of ${name} is missing: { 'READ COMMITTED': 'holds' }`);
  for (const [level, expected] of Object.entries(expect)) {
    if (!LEVELS.includes(level)) throw wrong(`"expect" of ${name} names the isolation level "${level}"; there are ${LEVELS.join(', ')}`);
    if (expected !== 'holds' && expected !== 'violated')
      throw wrong(`"expect" of ${name} at ${level} is ${JSON.stringify(expected)}; it must be "holds" or "violated"`);
  }
  const { drawnPlans } = scenario;
  if (drawnPlans !== undefined && !(Number.isSafeInteger(drawnPlans) && drawnPlans > 0))
    throw wrong(`"drawnPlans" of ${name} is ${JSON.stringify(drawnPlans)}; it must be a whole number from 1`);
  for (const workload of workloads)
    for (const fault of workload.faults ?? [])
      if (!isFault(fault)) throw wrong(`workload "${workload.name}" of ${name} has a fault that is none: ${JSON.stringify(fault)}`);
  const ofFaults = witnessesOf(workloads.flatMap((workload) => workload.faults ?? []));
  const witnesses = [...SHIPPED_WITNESSES, ...ofFaults, ...(scenario.witnesses ?? [])].map((witness) => witness.name);
  for (const required of scenario.requires ?? [])
    if (!witnesses.includes(required))
      throw wrong(`${name} requires the witness "${required}", which does not exist (${witnesses.join(', ')})`);
  for (const workload of workloads) {
    if (!Array.isArray(workload.roles) || workload.roles.length === 0)
      throw wrong(`workload "${workload.name}" of ${name} has no roles: nobody would do anything`);
    for (const role of workload.roles)
      if (operations[role.operation] === undefined)
        throw wrong(
          `workload "${workload.name}" of ${name} uses the operation "${role.operation}", which is not among its operations (${Object.keys(operations).join(', ')})`,
        );
    const clash = nameClash(workload);
    if (clash !== null)
      throw wrong(
        `workload "${workload.name}" of ${name} has two roles that would have an actor called "${clash}": actors are told apart by their names`,
      );
  }
}
