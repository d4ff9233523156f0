import { allShipped } from '../scenarios.js';
import { show } from '../screen.js';
import { writeWhole } from '../write-file.js';

/** Systems, variants, and what is expected of them at which level. */
export async function list(json: string | null): Promise<number> {
  const scenarios = await allShipped();
  if (json !== null) {
    const document = {
      format: 'lastseat.list.v1',
      scenarios: scenarios.map(({ name, description, expect, requires, workloads, invariants, monitors }) => ({
        name,
        description,
        expect,
        requires: requires ?? [],
        workloads: workloads.map((workload) => workload.name),
        invariants: [...invariants.map((invariant) => invariant.name), ...(monitors ?? []).map((monitor) => monitor.name)],
      })),
    };
    const text = `${JSON.stringify(document, null, 2)}\n`;
    if (json === '-') show(text);
    else writeWhole(json, text);
    return 0;
  }
  const width = Math.max(...scenarios.map((scenario) => scenario.name.length));
  let system = '';
  for (const scenario of scenarios) {
    const [name] = scenario.name.split('/');
    if (name !== system) show(`${system === '' ? '' : '\n'}${name}\n`);
    system = name!;
    const levels = Object.entries(scenario.expect).map(([level, expected]) => `${level} ${expected}`);
    show(`  ${scenario.name.padEnd(width)}  ${levels.join(' · ')}\n  ${''.padEnd(width)}  ${scenario.description}\n`);
  }
  show('\nOne of them in full: npm run sim -- --scenario events/check-then-insert --seed 42\n');
  return 0;
}
