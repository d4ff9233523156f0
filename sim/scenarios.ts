import { existsSync } from 'node:fs';
import { extname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkScenario, type Scenario, ScenarioMistake, type Source, scenariosIn } from '../src/index.js';
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
export const allShipped = async (): Promise<readonly Scenario[]> => (await shipped(Object.keys(SYSTEMS))).map(({ scenario }) => scenario);

async function shipped(systems: readonly string[]): Promise<readonly Loaded[]> {
  const loaded = systems.map(async (system) => {
    const module = fileURLToPath(new URL(`./systems/${system}/index${extname(import.meta.url)}`, import.meta.url));
    return (await SYSTEMS[system]!()).map((scenario): Loaded => ({ scenario, module, file: null }));
  });
  return (await Promise.all(loaded)).flat();
}

/** Variants among which those that a name or a glob means are: one system's where it begins with the system's name. */
async function shippedFor(glob: string): Promise<readonly Loaded[]> {
  const system = glob.slice(0, glob.indexOf('/'));
  return shipped(Object.hasOwn(SYSTEMS, system) ? [system] : Object.keys(SYSTEMS));
}

/** A scenario, and the file that it came from where it is not one of ours. */
export interface Loaded extends Source {
  readonly module: string;
  readonly file: string | null;
}

/** What `--scenario` names, or all that is shipped where it is not given: shipped variants by glob, a file of one's own, or some of that file's by `FILE#GLOB`. */
export async function loadScenarios(patterns: readonly string[]): Promise<Loaded[]> {
  if (patterns.length === 0) return [...(await shipped(Object.keys(SYSTEMS)))];
  const loaded: Loaded[] = [];
  for (const pattern of patterns) {
    const { file, glob } = readPattern(pattern);
    const all = file === null ? await shippedFor(glob) : await loadFile(file);
    const matches = all.filter(({ scenario }) => globMatches(glob, scenario.name));
    if (matches.length === 0) {
      const names = file === null ? (await allShipped()).map(({ name }) => name) : all.map(({ scenario }) => scenario.name);
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
  const among = file === null ? await shippedFor(name) : await loadFile(file);
  const found = among.find(({ scenario }) => scenario.name === name)?.scenario;
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
  let scenarios: readonly Scenario[];
  try {
    scenarios = await withoutExit(() => scenariosIn(file));
  } catch (error) {
    throw new UsageError(`${path} could not be loaded: ${firstWords(error)}`, `Does it run on its own? Try: npx tsx ${shellWord(path)}`);
  }
  if (scenarios.length === 0)
    throw new UsageError(`${path} exports no scenario`, 'Write export default defineScenario({ ... }): see docs/your-own-code.md');
  try {
    for (const scenario of scenarios) checkScenario(scenario);
  } catch (error) {
    if (!(error instanceof ScenarioMistake)) throw error;
    throw new UsageError(`${path}: ${error.message}`, 'What a scenario is made of: docs/your-own-code.md');
  }
  return scenarios.map((scenario) => ({ scenario, module: file, file }));
}

/** A file that is loaded has no say in when we end. */
async function withoutExit<T>(load: () => Promise<T>): Promise<T> {
  const { exit } = process;
  let place: Error | null = null;
  process.exit = (code?: number | string | null): never => {
    place ??= new Error(`it calls process.exit(${code ?? ''})`);
    throw place;
  };
  try {
    const loaded = await load();
    // Who catches what is thrown has called it all the same.
    if (place !== null) throw place;
    return loaded;
  } finally {
    process.exit = exit;
  }
}

/** The line that says what is wrong: after "Transform failed with 1 error:" that is the next. */
function firstWords(error: unknown): string {
  const [first, second] = String(error instanceof Error ? error.message : error).split('\n');
  return first!.endsWith(':') && second !== undefined ? second : first!;
}
