/** `backup` and `restore` as an operator uses them: what they do, what they refuse, and what they never show. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { rangesText } from '../sim/backup/outcome.js';
import { EXIT } from '../sim/exit-codes.js';
import { schemaWithoutForeignKeys } from '../sim/systems/rental/schema.js';
import { type Ended, scratchDirectory, simHere } from './cli-process.js';
import { reseal } from './operations-world.js';
import { backupsIn, LATER, PASSWORD, SCHEMAS, type StoredDatabase, StoredDatabases, type System } from './stored-database.js';

let databases: StoredDatabases;
/** Of the system `rental`, for tests that leave it as it was. */
let rental: StoredDatabase;

beforeAll(async () => {
  databases = await StoredDatabases.open();
  rental = await databases.create('rental');
}, 60_000);

afterAll(() => databases.close());

let dir: string;
beforeEach(() => {
  dir = join(scratchDirectory(), 'backups');
});

/** Runs a command, and looks for passwords in all that it says and writes. */
async function run(...args: string[]): Promise<Ended> {
  const ended = await simHere(...args);
  const said = `${ended.stdout}${ended.stderr}`;
  for (const secret of [PASSWORD, encodeURIComponent(PASSWORD), 's3cret']) expect(said).not.toContain(secret);
  expect(said).not.toMatch(/^\s+at /m);
  return ended;
}

const on = (database: StoredDatabase) => ['--system', database.system, '--url', database.url, '--dir', dir];
const backup = (database: StoredDatabase, ...more: string[]) => run('backup', ...on(database), ...more);
const restore = (database: StoredDatabase, ...more: string[]) => run('restore', ...on(database), ...more);

async function outcomeOf(ended: Promise<Ended>) {
  const { code, stdout, stderr } = await ended;
  expect(code, stderr).toBe(EXIT.fine);
  return JSON.parse(stdout);
}

/** Refused with this code, nothing on standard output, the cause and the next command on the other; the database as it was. */
async function expectRefused(ended: Promise<Ended>, code: number, ...wanted: string[]): Promise<void> {
  const { code: found, stdout, stderr } = await ended;
  expect(found, stderr).toBe(code);
  expect(stdout).toBe('');
  for (const text of wanted) expect(stderr).toContain(text);
}

describe.each(Object.keys(SCHEMAS) as System[])('%s', (system) => {
  it('is backed up, looked at, and put back; what was booked since is reported and gone', async () => {
    const database = await databases.create(system);
    const then = await database.contents();
    const made = await outcomeOf(backup(database, '--json', '-'));
    expect(made).toMatchObject({ format: 'lastseat.backup-report.v1', system, dryRun: false, kept: 1, removed: [] });
    expect(backupsIn(dir, system)).toEqual([{ name: made.file, text: expect.anything() }]);

    await database.session.query(LATER[system]);
    const later = await database.contents();
    const { rows } = await database.session.query(`SELECT max(${system === 'hotel' ? 'booking_id' : 'id'}) AS id FROM bookings`);
    const booked = rows[0].id as number;
    const looked = await outcomeOf(restore(database, '--dry-run', '--json', '-'));
    expect(looked).toMatchObject({ dryRun: true, file: made.file, dropped: { bookings: [booked] }, droppedBookings: 1 });
    expect(looked.tables.bookings).toMatchObject({ now: made.rows.bookings + 1, after: made.rows.bookings, gone: 1, back: 0, changed: 0 });
    expect(await database.contents()).toBe(later);

    const { code, stdout, stderr } = await restore(database, '--yes');
    expect(code, stderr).toBe(EXIT.fine);
    expect(stdout).toContain(`rows       bookings: ${made.rows.bookings + 1} before, ${made.rows.bookings} now\n`);
    expect(stdout).toContain(`gone       1 of bookings: id ${booked}\n`);
    expect(stderr).toMatch(/^locking .*\n(?:deleted .*\n)+(?:inserted .*\n)+committed\n/m);
    expect(await database.contents()).toBe(then);
    expect((await restore(database, '--dry-run')).stdout).toContain('same       the database holds what the backup holds\n');
    expect(await database.othersOpen()).toBe(0);
  });
});

it('ids that were given out after the backup are not given out again', async () => {
  const database = await databases.create('rental');
  await backup(database);
  await database.session.query(LATER.rental);
  await restore(database, '--yes');
  const { rows } = await database.session.query("SELECT nextval('bookings_id_seq')::int AS id");
  expect(rows).toEqual([{ id: 5 }]);
});

it('a dry run counts what would go, come back and change; the restore has the same to tell', async () => {
  const database = await databases.create('rental');
  await backup(database);
  await database.session.query(`${LATER.rental}; ${LATER.rental};
    UPDATE bookings SET status = 'cancelled' WHERE id = 3;
    DELETE FROM equipment_availability WHERE booking_id IN (1, 4);
    DELETE FROM bookings WHERE id IN (1, 4)`);
  const { tables, dropped } = await outcomeOf(restore(database, '--dry-run', '--json', '-'));
  expect(tables).toEqual({
    packages: { now: 2, after: 2, gone: 0, back: 0, changed: 0, goneIds: [] },
    bookings: { now: 3, after: 3, gone: 1, back: 1, changed: 1, goneIds: [5] },
    equipment_availability: { now: 2, after: 3, gone: 1, back: 2, changed: 0, goneIds: null },
  });
  expect(await outcomeOf(restore(database, '--yes', '--json', '-'))).toMatchObject({
    tables: { bookings: { before: 3, after: 3 }, equipment_availability: { before: 2, after: 3 } },
    dropped,
    droppedBookings: 1,
  });
});

it('holds that have expired since the backup are shown as the restore leaves them', async () => {
  const database = await databases.create('hotel');
  await database.session.query(
    "UPDATE booking_holds SET status = 'active' WHERE id = 2; UPDATE room_inventory SET tentative_count = 1 WHERE date = '2026-03-01'",
  );
  await backup(database);
  const looked = await outcomeOf(restore(database, '--dry-run', '--json', '-'));
  expect([looked.tables.booking_holds.changed, looked.tables.room_inventory.changed]).toEqual([1, 1]);
  await restore(database, '--yes');
  const { rows } = await database.session.query('SELECT status FROM booking_holds WHERE id = 2');
  expect(rows).toEqual([{ status: 'expired' }]);
  expect((await restore(database, '--dry-run')).stdout).toContain('same  ');
});

it('without a table a system may be empty, and come back', async () => {
  const database = await databases.create('rental', { empty: true });
  await backup(database);
  expect(await outcomeOf(restore(database, '--yes', '--json', '-'))).toMatchObject({ tables: { bookings: { before: 0, after: 0 } } });
});

it('JSON goes to a file, and the text to standard output; files are for their owner alone', async () => {
  const file = join(scratchDirectory(), 'outcome.json');
  const { stdout } = await backup(rental, '--json', file);
  expect(stdout).toMatch(
    /^backup {5}.*\nof .*\nrows {7}packages 2, bookings 3, equipment_availability 3 \(\d+ bytes\)\nkept .*\nlook .*--dry-run\n$/,
  );
  const outcome = JSON.parse(readFileSync(file, 'utf8'));
  expect(stdout).toContain(join(dir, outcome.file));
  expect(readFileSync(file, 'utf8')).not.toContain(encodeURIComponent(PASSWORD));
  expect(statSync(join(dir, outcome.file))).toMatchObject({ size: outcome.bytes, mode: 0o100600 });
});

it('JSON that cannot be written when all is done takes nothing back, and says so', async () => {
  const taken = scratchDirectory();
  const made = await backup(rental, '--json', taken);
  expect(made).toMatchObject({ code: EXIT.usage, stdout: expect.stringMatching(/^backup /) });
  expect(made.stderr).toContain('The new backup is whole: ');
  const restored = await restore(rental, '--yes', '--json', taken);
  expect(restored).toMatchObject({ code: EXIT.usage, stdout: expect.stringMatching(/^restored /) });
  expect(restored.stderr).toContain('The restore is committed');
  expect((await restore(rental, '--dry-run', '--json', taken)).stderr).toContain('Nothing was changed');
});

describe('retention', () => {
  it('keeps the newest N of the system, and nothing else is removed', async () => {
    mkdirSync(dir);
    const others = ['events-backup-2020-01-01T00:00:00.000Z-00000000.json', 'rental-notes.txt', 'backup-2020.json'];
    for (const name of others) writeFileSync(join(dir, name), 'kept');
    const made: string[] = [];
    for (let count = 0; count < 3; count += 1) made.push((await outcomeOf(backup(rental, '--keep', '2', '--json', '-'))).file);
    expect(readdirSync(dir).sort()).toEqual([...others, ...made.slice(1)].sort());
    const dryRun = await outcomeOf(backup(rental, '--keep', '1', '--dry-run', '--json', '-'));
    expect(dryRun).toMatchObject({ dryRun: true, file: null, kept: 1, removed: made.slice(1) });
    expect(readdirSync(dir).sort()).toEqual([...others, ...made.slice(1)].sort());
  });

  it('removes neither the new one, nor a copy under a name of somebody else’s, nor what is no backup', async () => {
    const first = (await outcomeOf(backup(rental, '--keep', '1', '--json', '-'))).file;
    const text = readFileSync(join(dir, first), 'utf8');
    const others: Record<string, string> = {
      'rental-backup-before-migration.json': text,
      'rental-backup-0-README.json': 'read me',
      'rental-backup-2020-01-01T00:00:00.000Z-00000000.json': 'damaged',
    };
    for (const [name, content] of Object.entries(others)) writeFileSync(join(dir, name), content);
    const second = await outcomeOf(backup(rental, '--keep', '1', '--json', '-'));
    expect(second).toMatchObject({ kept: 1, removed: [first] });
    expect(readdirSync(dir).sort()).toEqual([...Object.keys(others), second.file].sort());
    // The copy is older than what its name, which sorts last, would make of it.
    expect((await outcomeOf(restore(rental, '--dry-run', '--json', '-'))).file).toBe(second.file);
  });

  it('one that is dated in the future does not cost the new one, and is not restored unasked', async () => {
    const first = (await outcomeOf(backup(rental, '--json', '-'))).file;
    const future = 'rental-backup-2099-01-01T00:00:00.000Z-00000000.json';
    writeFileSync(join(dir, future), reseal(readFileSync(join(dir, first), 'utf8'), { createdAt: '2099-01-01T00:00:00.000Z' }));
    const second = await outcomeOf(backup(rental, '--keep', '2', '--json', '-'));
    expect(readdirSync(dir).sort()).toEqual([future, second.file].sort());
    await expectRefused(
      restore(rental, '--yes'),
      EXIT.usage,
      'made in the future, at 2099-01-01T00:00:00.000Z',
      `or --file ${second.file}`,
    );
    const named = await outcomeOf(restore(rental, '--dry-run', '--file', future, '--json', '-'));
    expect(named.file).toBe(future);
    const third = await outcomeOf(backup(rental, '--keep', '1', '--json', '-'));
    expect(readdirSync(dir)).toEqual([third.file]);
  });

  it('removes nothing for a backup that could not be restored', async () => {
    const database = await databases.create('rental', { schema: schemaWithoutForeignKeys });
    await backup(database, '--keep', '1');
    const before = backupsIn(dir, 'rental');
    await database.session.query(
      "INSERT INTO bookings (package_id, user_id, start_date, end_date, quantity, status) VALUES (77, 1, '2026-03-01', '2026-03-01', 1, 'pending')",
    );
    await expectRefused(
      backup(database, '--keep', '1'),
      EXIT.usage,
      'could not be restored: the backup names package_id 77',
      'No backup was written',
    );
    expect(backupsIn(dir, 'rental')).toEqual(before);
    expect(readdirSync(dir)).toHaveLength(1);
  });
});

it('a dry run of a backup makes no directory', async () => {
  const { code, stdout, stderr } = await backup(rental, '--dry-run');
  expect(code, stderr).toBe(EXIT.fine);
  expect(stdout).toMatch(/^dry run {4}nothing was written/);
  expect(stderr).not.toContain('written');
  expect(existsSync(dir)).toBe(false);
});

describe('a backup file that must not be restored is refused before the database is touched, and one that can be is named', () => {
  const refused: [what: string, spoil: (text: string) => string | null, why: string][] = [
    ['is empty', () => '', 'is empty, truncated, or no JSON object'],
    ['is truncated', (text) => text.slice(0, -1), 'is empty, truncated, or no JSON object'],
    ['is something else', () => '\u0000\u0001PGDMP', 'is empty, truncated, or no JSON object'],
    ['is damaged', (text) => text.replace('"quantity":1', '"quantity":2'), 'is damaged: its checksum does not match'],
    ['is another system’s', (text) => reseal(text, { format: 'lastseat.events.backup' }), 'is not a backup of lastseat.rental.backup'],
    ['is of a future version', (text) => reseal(text, { version: 2 }), 'has version 2, this program reads version 1'],
    [
      'has rows that fit no table',
      (text) => reseal(text, { tables: { packages: [{ id: 1 }] } }),
      'has rows that do not fit table packages',
    ],
    ['lacks its tables', (text) => reseal(text, { tables: undefined }), 'lacks one of its parts'],
    ['is a directory', () => null, 'it cannot be read'],
  ];

  it.each(refused)('%s', async (_what, spoil, why) => {
    const database = rental;
    await backup(database);
    await backup(database);
    const [older, newest] = backupsIn(dir, 'rental').map(({ name }) => name) as [string, string];
    const path = join(dir, newest);
    const spoilt = spoil(readFileSync(path, 'utf8'));
    rmSync(path);
    if (spoilt === null) mkdirSync(path);
    else writeFileSync(path, spoilt);
    const before = await database.contents();
    for (const how of ['--yes', '--dry-run']) {
      const { code, stdout, stderr } = await restore(database, how);
      expect({ code, stdout }).toEqual({ code: EXIT.usage, stdout: '' });
      expect(stderr).toContain(`${path} cannot be restored: `);
      expect(stderr).toContain(why);
      expect(stderr).toContain(`--file ${older}\n`);
      expect(stderr).not.toContain('connected');
    }
    expect(await database.contents()).toBe(before);
    expect((await restore(database, '--file', older, '--yes')).code).toBe(EXIT.fine);
  });

  it('no other is whole', async () => {
    mkdirSync(dir);
    writeFileSync(join(dir, 'rental-backup-2026-01-01T00:00:00.000Z-00000000.json'), '');
    await expectRefused(restore(rental, '--yes'), EXIT.usage, 'no other backup in this directory is whole');
  });

  it('temporary files of whoever is writing are no backups', async () => {
    await backup(rental);
    const [{ name, text }] = backupsIn(dir, 'rental') as [{ name: string; text: string }];
    writeFileSync(join(dir, `${name.replace('2026', '2999')}.tmp`), text);
    expect(await outcomeOf(restore(rental, '--dry-run', '--json', '-'))).toMatchObject({ file: name });
  });
});

describe('bad usage exits 2, and says what is wanted', () => {
  const url = () => rental.url;
  const cases: [what: string, args: () => string[], ...wanted: string[]][] = [
    [
      'an unknown system',
      () => ['backup', '--system', 'rentals', '--url', url(), '--dir', dir],
      'no system called "rentals"',
      'Did you mean --system rental?',
    ],
    [
      'a URL for a system',
      () => ['backup', '--system', url(), '--url', url(), '--dir', dir],
      'no system called so',
      'One of events, rental, hotel, restaurant',
    ],
    ['no system', () => ['backup', '--url', url(), '--dir', dir], "'--system <name>' not specified"],
    ['no URL', () => ['restore', '--system', 'rental', '--dir', dir], "'--url <url>' not specified"],
    ['no directory named', () => ['restore', '--system', 'rental', '--url', url()], "'--dir <dir>' not specified"],
    [
      'a URL of something else',
      () => ['backup', '--system', 'rental', '--url', 'mysql://u:s3cret@h/d', '--dir', dir],
      '--url is no URL',
      'postgres://user@host',
    ],
    [
      'a URL that cannot be taken apart',
      () => ['backup', '--system', 'rental', '--url', 'postgres://u:s3cret@h:port/d', '--dir', dir],
      '--url: the PostgreSQL URL cannot be used',
    ],
    [
      'a mistyped option with a URL',
      () => ['backup', ...on(rental), `--urll=${url()}`],
      "unknown option '--urll=postgres://...",
      'npm run sim -- backup --help',
    ],
    ['a URL without its option', () => ['restore', ...on(rental), url()], 'too many arguments'],
    ['none to keep', () => ['backup', ...on(rental), '--keep', '0'], "'0' is invalid"],
    [
      'a directory that is a file',
      () => ['backup', '--system', 'rental', '--url', url(), '--dir', 'package.json'],
      'package.json cannot be written',
      '--dir DIR',
    ],
    [
      'JSON where nothing can be written',
      () => ['backup', ...on(rental), '--json', 'package.json/x/y.json'],
      'cannot be written',
      '--json FILE',
    ],
    ['a restore without --yes', () => ['restore', ...on(rental)], '--yes is not given', '--dry-run'],
    ['a restore from no directory', () => ['restore', ...on(rental), '--yes'], 'there is no directory ', '--dir DIR'],
    [
      'a restore from a file',
      () => ['restore', '--system', 'rental', '--url', url(), '--dir', 'package.json', '--yes'],
      'package.json is no directory',
      '--file NAME',
    ],
  ];

  it.each(cases)('%s', async (_what, args, ...wanted) => {
    await expectRefused(run(...args()), EXIT.usage, ...wanted);
    expect(existsSync(dir)).toBe(false);
  });

  it('a restore from a directory without a backup of the system, or a file that is not in it', async () => {
    await backup(rental);
    await expectRefused(
      run('restore', ...on({ ...rental, system: 'events' }), '--yes'),
      EXIT.usage,
      'there is no backup of events in ',
      'npm run sim -- backup --system events',
    );
    await expectRefused(
      restore(rental, '--file', 'rental-backup-1.json', '--yes'),
      EXIT.usage,
      'there is no such file',
      '--file rental-backup-2',
    );
    await expectRefused(restore(rental, '--file', '../x.json', '--yes'), EXIT.usage, '--file takes the name of a file', '--dir DIR');
  });
});

describe('a database whose tables are not the system’s is refused, and left alone', () => {
  const cases: [what: string, change: string, why: string][] = [
    ['another system', 'DROP TABLE equipment_availability, bookings, packages', 'there is no table packages'],
    ['a view', 'ALTER TABLE packages RENAME TO kits; CREATE VIEW packages AS SELECT * FROM kits', 'there is no table packages'],
    ['a column is missing', 'ALTER TABLE bookings DROP COLUMN user_id', 'table bookings has no column user_id'],
    ['a column more', 'ALTER TABLE bookings ADD COLUMN note text', 'table bookings has a column note that no backup holds'],
    [
      'a column of another type',
      'ALTER TABLE bookings ALTER COLUMN quantity TYPE bigint',
      'column quantity of bookings is bigint, and should be integer',
    ],
    ['a column that may be NULL', 'ALTER TABLE bookings ALTER COLUMN user_id DROP NOT NULL', 'column user_id of bookings may be NULL'],
    ['ids that cannot be given', 'ALTER TABLE bookings ALTER COLUMN id SET GENERATED ALWAYS', 'column id of bookings is generated always'],
    [
      'another key',
      'ALTER TABLE equipment_availability DROP CONSTRAINT equipment_availability_pkey',
      'the primary key of equipment_availability is not (package_id, day, booking_id)',
    ],
    ['no sequence', 'ALTER TABLE bookings ALTER COLUMN id DROP IDENTITY', 'there is no sequence bookings_id_seq'],
    [
      'a table that refers to it',
      'CREATE TABLE reviews (booking_id integer REFERENCES bookings ON DELETE CASCADE)',
      'table reviews refers to bookings, and no backup holds it',
    ],
  ];

  it.each(cases)('%s', async (_what, change, why) => {
    await backup(rental);
    const files = backupsIn(dir, 'rental');
    const database = await databases.create('rental');
    await database.session.query(change);
    const before = await database.contents();
    for (const refused of [() => backup(database), () => restore(database, '--yes'), () => restore(database, '--dry-run')])
      await expectRefused(refused(), EXIT.usage, `is not a database of rental: ${why}`, '--url and --system');
    expect(await database.contents()).toBe(before);
    expect(backupsIn(dir, 'rental')).toEqual(files);
  });
});

describe('what the server does not allow exits 4 or 2, and changes nothing', () => {
  const at = (url: string, command: 'backup' | 'restore') =>
    run(command, '--system', 'rental', '--url', url, '--dir', dir, ...(command === 'restore' ? ['--yes'] : []));

  it('no server, another password, no password, no such database', async () => {
    await backup(rental);
    const files = backupsIn(dir, 'rental');
    for (const command of ['backup', 'restore'] as const) {
      await expectRefused(
        at('postgres://u:s3cret@127.0.0.1:1/d', command),
        EXIT.environment,
        'nothing answers at 127.0.0.1:1',
        'Is the server running',
      );
      const other = rental.url.replace(encodeURIComponent(PASSWORD), 's3cret');
      await expectRefused(at(other, command), EXIT.environment, 'refused the user "operator_1"', 'password is wrong or missing');
      await expectRefused(
        at(rental.url.replace(`:${encodeURIComponent(PASSWORD)}`, ''), command),
        EXIT.environment,
        'wants a password',
        'PGPASSWORD',
      );
      const nowhere = rental.url.replace(/\/lastseat_[^?]*/, '/nowhere');
      await expectRefused(at(nowhere, command), EXIT.environment, 'there is no database "nowhere"', 'spelled');
    }
    expect(backupsIn(dir, 'rental')).toEqual(files);
  });

  it('a role without the right to read, and one that reads and may not write', async () => {
    const database = await databases.create('rental');
    await backup(database);
    await database.session.query(`CREATE ROLE guest LOGIN PASSWORD '${PASSWORD}'`);
    const asGuest = database.url.replace(/operator_\d+/, 'guest');
    await expectRefused(at(asGuest, 'backup'), EXIT.environment, 'permission denied for table packages', 'The role needs SELECT');
    await database.session.query(
      'GRANT SELECT ON ALL TABLES IN SCHEMA public TO guest; GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO guest',
    );
    expect((await at(asGuest, 'backup')).code).toBe(EXIT.fine);
    const before = await database.contents();
    await expectRefused(at(asGuest, 'restore'), EXIT.environment, 'permission denied', 'Nothing was changed');
    expect(await database.contents()).toBe(before);
  });

  it('rows that a policy hides: no backup without them', async () => {
    const database = await databases.create('rental');
    await database.session.query(
      'ALTER TABLE bookings ENABLE ROW LEVEL SECURITY; ALTER TABLE bookings FORCE ROW LEVEL SECURITY; CREATE POLICY own ON bookings USING (user_id = 7)',
    );
    await expectRefused(backup(database), EXIT.environment, 'row-level security', 'No backup was written');
    expect(readdirSync(dir)).toEqual([]);
  });

  it('a constraint that the backup’s rows do not meet', async () => {
    const database = await databases.create('rental');
    await backup(database);
    await database.session.query('ALTER TABLE bookings ADD CONSTRAINT few CHECK (quantity < 2) NOT VALID');
    const before = await database.contents();
    await expectRefused(restore(database, '--yes'), EXIT.usage, 'violates check constraint "few"', 'Nothing was changed');
    expect(await database.contents()).toBe(before);
  });
});

it.each(['2026-03-01T18:00:00.000001Z', 'infinity', '0044-03-15 12:00:00+00 BC', '12026-03-01'])(
  'no backup of a moment that would not come back: %s',
  async (moment) => {
    const database = await databases.create('events');
    await database.session.query(`UPDATE events SET starts_at = '${moment}' WHERE id = 2`);
    await expectRefused(
      backup(database),
      EXIT.usage,
      'would not come back as it is: starts_at of events holds ',
      'milliseconds',
      'No backup was written',
    );
    expect(readdirSync(dir)).toEqual([]);
  },
);

it('gives up after three attempts against changes of others, and exits 5', async () => {
  const database = await databases.create('rental');
  await backup(database);
  await database.session.query(`
    CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''as arranged'' USING ERRCODE = ''40001''; END';
    CREATE TRIGGER fail BEFORE DELETE ON packages FOR EACH STATEMENT EXECUTE FUNCTION fail()`);
  const before = await database.contents();
  const { code, stdout, stderr } = await restore(database, '--yes');
  expect({ code, stdout }).toEqual({ code: EXIT.inconclusive, stdout: '' });
  expect(stderr.match(/^again /gm)).toHaveLength(2);
  expect(stderr).toMatch(/\nerror: gave up after 3 attempts against concurrent changes: as arranged\nNext: .*\. Nothing was changed\n$/);
  expect(await database.contents()).toBe(before);
});

it('ids that follow each other are shown as one', () => {
  expect(rangesText([])).toBe('');
  expect(rangesText([1, 3, 4, 5, 9, 10])).toBe('1, 3-5, 9-10');
});
