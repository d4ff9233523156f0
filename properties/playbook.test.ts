/** The README's playbook, step by step, on a real server: what it says is printed, and the database holds what the backup held. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import { redactUrl } from '../src/index.js';
import { Clone, playbookIn, ROOT, read, withPlaybook } from './documents.js';
import { LATER, PASSWORD, StoredDatabases } from './stored-database.js';

const clone = new Clone();
afterAll(() => clone.remove());

it('back up, look, restore, check', async () => {
  const databases = await StoredDatabases.open();
  try {
    const database = await databases.create('rental');
    const address = redactUrl(database.url);
    vi.stubEnv('DATABASE_URL', address);
    vi.stubEnv('PGPASSWORD', PASSWORD);
    const backedUp = await database.contents();
    const steps = playbookIn(read('README.md'));
    expect(steps).toHaveLength(4);
    const printed: string[] = [];
    for (const { command } of steps) {
      const { exitCode, stdout, stderr } = await clone.run(command);
      expect(exitCode, stderr).toBe(0);
      printed.push(asExample(stdout, address));
      if (printed.length === 1) await database.session.query(LATER.rental);
    }
    expect(await database.contents()).toBe(backedUp);
    if (process.env.LASTSEAT_UPDATE === '1') writeFileSync(join(ROOT, 'README.md'), withPlaybook(read('README.md'), printed));
    else expect(steps.map(({ text }) => text)).toEqual(printed);
  } finally {
    vi.unstubAllEnvs();
    await databases.close();
  }
});

/** With an address, a time and a random part that are the same every time. */
function asExample(printed: string, address: string): string {
  return printed
    .replaceAll(`'${address}'`, address)
    .replaceAll(address, 'postgres://app@db.example:5432/rental')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '2026-03-01T09:00:00.000Z')
    .replace(/Z-[0-9a-f]{8}\.json/g, 'Z-1a2b3c4d.json');
}
