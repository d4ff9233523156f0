/** Where backups lie on a disk: processes that are killed between any two steps, and what they leave. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DirectoryStore } from '../sim/backup/directory-store.js';
import { trialStore } from '../sim/backup/trial-store.js';
import { newestBackup, saveBackup } from '../sim/systems/shared/backup/files.js';
import { livenessOfMark, ownMark, type Store } from '../src/index.js';
import { scratchDirectory } from './cli-process.js';

const moduleUrl = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);

/** Another process saves a backup "three" beside "one" and "two", keeps two, and is killed where `killer` says. */
function killedWhileSaving(directory: string, killer: string): void {
  const script = join(directory, '..', 'save.mts');
  writeFileSync(
    script,
    `import { writeFileSync } from 'node:fs';
     import { join } from 'node:path';
     import { DirectoryStore } from ${moduleUrl('../sim/backup/directory-store.ts')};
     import { saveBackup } from ${moduleUrl('../sim/systems/shared/backup/files.ts')};
     const inner = new DirectoryStore(${JSON.stringify(directory)}, 'rental');
     const die = () => process.kill(process.pid, 'SIGKILL');
     const store = { read: (n) => inner.read(n), list: () => inner.list(), write: (n, c) => inner.write(n, c), rename: (f, t) => inner.rename(f, t), remove: (n) => inner.remove(n), ${killer} };
     await saveBackup(store, 'backup-3.json', 'three', 2);`,
  );
  const { signal, stderr } = spawnSync(process.execPath, ['--import', import.meta.resolve('tsx'), script], { encoding: 'utf8' });
  expect(signal, stderr).toBe('SIGKILL');
}

describe('a process that is killed while it saves', () => {
  it.each([
    [
      'in the middle of writing',
      'write: async (n, c) => { writeFileSync(join(inner.directory, inner.fileName(n)), c.slice(0, 2)); die(); }',
      'two',
      1,
    ],
    ['when it has written', 'write: async (n, c) => { await inner.write(n, c); die(); }', 'two', 1],
    ['when it has renamed', 'rename: async (f, t) => { await inner.rename(f, t); die(); }', 'three', 0],
    ['when it has removed the first of the old ones', 'remove: async (n) => { await inner.remove(n); die(); }', 'three', 0],
  ])('%s: the newest is whole, and what is left of it is swept', async (_when, killer, newest, swept) => {
    const directory = join(scratchDirectory(), 'backups');
    const store = new DirectoryStore(directory, 'rental');
    await saveBackup(store, 'backup-1.json', 'one', 9);
    await saveBackup(store, 'backup-2.json', 'two', 9);
    killedWhileSaving(directory, killer);
    expect((await newestBackup(store))?.text).toBe(newest);
    expect(await store.read('backup-2.json')).toBe('two');
    expect(await store.sweep()).toHaveLength(swept);
    expect(readdirSync(directory).filter((name) => !name.endsWith('.json'))).toEqual([]);
    await saveBackup(store, 'backup-4.json', 'four', 2);
    expect(await store.list()).toEqual([newest === 'three' ? 'backup-3.json' : 'backup-2.json', 'backup-4.json']);
  });
});

describe('a sweep', () => {
  const stray = (mark: string) => `rental-backup-9.json.${mark}.tmp`;
  const old = new Date(Date.now() - 25 * 3600 * 1000);
  const [, pid, start] = ownMark().split('-');

  it.each([
    ['of this process', ownMark(), false, false],
    ['of a process that is gone', ownMark().replace(`-${pid}-`, '-999999999-'), false, true],
    ['of an earlier process with the number of a living one', ownMark().replace(start!, '00000000'), false, true],
    ['of another host', `00000000-${pid}-${start}`, false, false],
    ['of another host, a day old', `00000000-${pid}-${start}`, true, true],
    ['of nobody known', 'x', true, false],
  ])('of a temporary file %s', async (_whose, mark, isOld, goes) => {
    const directory = scratchDirectory();
    const path = join(directory, stray(mark));
    writeFileSync(path, 'x');
    if (isOld) utimesSync(path, old, old);
    const store = new DirectoryStore(directory, 'rental');
    expect(await store.sweep()).toEqual(goes ? [stray(mark)] : []);
    expect(readdirSync(directory)).toEqual(goes ? [] : [stray(mark)]);
    expect(await newestBackup(store)).toBeNull();
  });

  it('leaves alone what is another system’s', async () => {
    const directory = scratchDirectory();
    const name = stray(ownMark().replace(`-${pid}-`, '-999999999-'));
    writeFileSync(join(directory, name), 'x');
    expect(await new DirectoryStore(directory, 'hotel').sweep()).toEqual([]);
    expect(await new DirectoryStore(join(directory, 'nowhere'), 'rental').sweep()).toEqual([]);
  });
});

it('marks are told from other words', () => {
  expect([livenessOfMark(ownMark()), livenessOfMark(''), livenessOfMark('json'), livenessOfMark('0-0-0')]).toEqual([
    'alive',
    null,
    null,
    null,
  ]);
});

it('systems do not see each other in one directory', async () => {
  const directory = join(scratchDirectory(), 'not', 'there');
  const rental: Store = new DirectoryStore(directory, 'rental');
  const hotel: Store = new DirectoryStore(directory, 'hotel');
  expect(await rental.list()).toEqual([]);
  expect(await rental.read('backup-1.json')).toBeNull();
  await rental.write('backup-1.json', 'ä');
  await hotel.write('backup-1.json', 'other');
  expect([await rental.read('backup-1.json'), await hotel.read('backup-1.json')]).toEqual(['ä', 'other']);
  await rental.remove('backup-1.json');
  await rental.remove('backup-1.json');
  expect([await rental.list(), await hotel.list()]).toEqual([[], ['backup-1.json']]);
  await expect(rental.rename('backup-7.json', 'backup-8.json')).rejects.toMatchObject({ code: 'ENOENT' });
});

it('a file that cannot be written whole leaves the others and no part of itself', async () => {
  const directory = scratchDirectory();
  const store = new DirectoryStore(directory, 'rental');
  await saveBackup(store, 'backup-1.json', 'one', 1);
  // The name is taken by a directory: the rename fails when all is written.
  mkdirSync(join(directory, 'rental-backup-2.json', 'x'), { recursive: true });
  await expect(saveBackup(store, 'backup-2.json', 'two', 1)).rejects.toThrow();
  expect(readdirSync(directory).sort()).toEqual(['rental-backup-1.json', 'rental-backup-2.json']);
  expect(readFileSync(join(directory, 'rental-backup-1.json'), 'utf8')).toBe('one');
});

it('a trial shows what would be there, and writes nothing', async () => {
  const directory = scratchDirectory();
  const store = new DirectoryStore(directory, 'rental');
  await saveBackup(store, 'backup-1.json', 'one', 9);
  const trial = trialStore(store);
  await saveBackup(trial, 'backup-2.json', 'two', 1);
  expect([await trial.list(), await trial.read('backup-1.json'), await trial.read('backup-2.json')]).toEqual([
    ['backup-2.json'],
    null,
    'two',
  ]);
  expect(await store.list()).toEqual(['backup-1.json']);
});
