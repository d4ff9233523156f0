import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { start } from './cli-process.js';

/** Public bug reports and their repairs, as their developers wrote them: each has the verdict that its file says, and all of it was run. */

const FOLDER = 'examples/reported';
const cases = readdirSync(FOLDER, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));

test.each(cases)(
  '%s',
  async (name) => {
    const files = ['buggy.ts', 'fixed.ts'].flatMap((file) => ['--scenario', `./${join(FOLDER, name, file)}`]);
    const { code, stdout, stderr } = await start('--seed', '1', '--expect', '--json', '-', ...files).ended;
    expect(code, stderr).toBe(0);
    const { scenarios } = JSON.parse(stdout) as { scenarios: { name: string; expect: string; verdict: string; reason: string | null }[] };
    expect(scenarios.length).toBeGreaterThan(1);
    for (const { expect: wanted, verdict, ...rest } of scenarios)
      expect({ ...rest, verdict }).toMatchObject({
        verdict: wanted === 'violated' ? 'violated' : expect.stringMatching(/^(proved|explored)$/),
      });
  },
  600_000,
);
