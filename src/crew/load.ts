import { pathToFileURL } from 'node:url';
import type { Scenario } from '../scenario.js';

/** The scenarios that a module exports, one by one or in lists. */
export async function scenariosIn(module: string): Promise<Scenario[]> {
  const exports = (await import(pathToFileURL(module).href)) as Record<string, unknown>;
  return [...new Set(Object.values(exports).flat())].filter(isScenario);
}

/** The one of that name. Whoever sends another process there has found it. */
export async function scenarioIn(module: string, name: string): Promise<Scenario> {
  const found = (await scenariosIn(module)).find((scenario) => scenario.name === name);
  if (found === undefined) throw new Error(`${module} exports no scenario that is called "${name}" in every process`);
  return found;
}

function isScenario(value: unknown): value is Scenario {
  return typeof value === 'object' && value !== null && 'schema' in value && 'operations' in value;
}
