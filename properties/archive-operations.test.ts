/** Backups of the second kind, with tools of our own in the place of PostgreSQL's: what the operations do around them. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventsBackup } from '../sim/systems/events/backup-format.js';
import { schema } from '../sim/systems/events/schema.js';
import { archiveOf, openArchive, type ServerTools, sealArchive, ToolError } from '../sim/systems/shared/backup/archive.js';
import { seal, sealDocument } from '../sim/systems/shared/backup/document.js';
import { readContents } from '../sim/systems/shared/backup/read-contents.js';
import { restoreOf } from '../sim/systems/shared/backup/restore.js';
import { asClient, forbiddenClient, openTestDatabase, type TestDatabase, worldAround } from './operations-world.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await openTestDatabase(schema);
}, 60_000);

afterAll(() => database.close());

beforeEach(async () => {
  await database.session.query(`
    TRUNCATE events, bookings RESTART IDENTITY;
    INSERT INTO events (name, starts_at, total_seats, available_seats, version) VALUES ('Opening night', '2026-03-01T18:00:00.000Z', 9, 8, 0);
    INSERT INTO bookings (event_id, user_id, seats, status) VALUES (1, 1, 1, 'active')`);
});

const book = "INSERT INTO bookings (event_id, user_id, seats, status) VALUES (1, 2, 1, 'active'); UPDATE events SET available_seats = 7";

/** Reads in the snapshot that it is given; an archive is what it has read. Somebody books before it comes to that. */
const tools: ServerTools = {
  dump: async (_database, snapshot) => {
    const session = await database.connect();
    await session.query(book);
    await session.query(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT '${snapshot}'`);
    const contents = await readContents(asClient(session), eventsBackup);
    await session.end();
    return Buffer.from(JSON.stringify(contents)).toString('base64');
  },
  contents: async (archive) => JSON.parse(Buffer.from(archive, 'base64').toString()),
};

const broken = (message: string, what: Partial<ServerTools> = {}): ServerTools => ({
  dump: () => Promise.reject(new ToolError(message)),
  contents: () => Promise.reject(new ToolError(message)),
  ...what,
});

describe('a backup', () => {
  it('shows what was committed when its snapshot was exported, and no booking since', async () => {
    const world = worldAround(database.session);
    expect(await world.run(archiveOf(eventsBackup, tools), {})).toMatchObject({ events: 1, bookings: 1 });
    expect((await database.session.query('SELECT id FROM bookings')).rows).toHaveLength(2);
    expect(await world.run(restoreOf(eventsBackup, {}, openArchive(tools)), {})).toMatchObject({
      dropped: { bookings: [2], bookingCount: 1 },
    });
    const { rows } = await database.session.query(
      'SELECT available_seats, (SELECT last_value::int FROM bookings_id_seq) AS given FROM events',
    );
    expect(rows).toEqual([{ available_seats: 8, given: 2 }]);
  });

  it('keeps the newest, and leaves nothing else behind', async () => {
    const world = worldAround(database.session);
    for (let day = 0; day < 4; day += 1) {
      world.passTime(86_400_000);
      await world.run(archiveOf(eventsBackup, tools, { keep: 2 }), {});
    }
    expect([...world.files.keys()].map((name) => name.slice(0, 17))).toEqual(['backup-2026-01-04', 'backup-2026-01-05']);
    expect(await database.openTransactions()).toBe(0);
  });

  const unfitting = { tables: { events: [{ id: 'one' }] }, sequences: {} };
  it.each<[string, ServerTools, string, string]>([
    ['the tool refuses', broken('pg_dump: error: invalid snapshot'), 'DATABASE_UNAVAILABLE', 'invalid snapshot'],
    [
      'what it wrote cannot be restored',
      broken('pg_restore: error: no', { dump: tools.dump }),
      'DATABASE_UNAVAILABLE',
      'pg_restore: error: no',
    ],
    ['what it wrote does not fit', { ...tools, contents: async () => unfitting }, 'INVALID_INPUT', 'rows that do not fit table events'],
  ])('writes nothing where %s, and says why', async (_what, used, code, message) => {
    const world = worldAround(database.session);
    const refused = { rejected: true, code, message: expect.stringContaining(message) };
    expect(await world.run(archiveOf(eventsBackup, used), {})).toMatchObject(refused);
    expect({ files: world.files.size, open: await database.openTransactions() }).toEqual({ files: 0, open: 0 });
  });

  it('does not hide what is nobody’s refusal', async () => {
    const world = worldAround(database.session);
    const used: ServerTools = { ...tools, dump: () => Promise.reject(new TypeError('a mistake of ours')) };
    await expect(world.run(archiveOf(eventsBackup, used), {})).rejects.toThrow('a mistake of ours');
  });
});

describe('a restore touches nothing where', () => {
  const nothing = { tables: { events: [], bookings: [] }, sequences: { events_id_seq: 0, bookings_id_seq: 0 } };
  const sealed = sealArchive(eventsBackup, new Date(0), Buffer.from(JSON.stringify(nothing)).toString('base64'));

  it.each<[string, string | null, ServerTools, string]>([
    ['there is no backup', null, tools, 'there is no backup'],
    ['it is empty', '', tools, 'is empty, truncated, or no JSON object'],
    ['it is no object', '7', tools, 'is empty, truncated, or no JSON object'],
    [
      'it is a backup of the first kind',
      sealDocument(eventsBackup, new Date(0), nothing),
      tools,
      'is not a backup of lastseat.events.backup.archive',
    ],
    ['it lacks a part', seal({ format: 'lastseat.events.backup.archive', version: 1, createdAt: '' }), tools, 'lacks one of its parts'],
    ['it is damaged', sealed.replace('"archive":"ey', '"archive":"eZ'), tools, 'checksum'],
    ['it is of a later version', sealArchive({ ...eventsBackup, version: 2 }, new Date(0), ''), tools, 'has version 2'],
    [
      'it is of another system',
      sealArchive({ ...eventsBackup, name: 'another' }, new Date(0), ''),
      tools,
      'is not a backup of lastseat.events.backup.archive',
    ],
    ['the tool refuses it', sealed, broken('pg_restore: error: could not read from input file'), 'could not read from input file'],
    [
      'its tables are not what they should be',
      sealed,
      { ...tools, contents: async () => ({ tables: { events: [{ id: 'one' }] }, sequences: {} }) },
      'rows that do not fit table events',
    ],
  ])('%s', async (_what, text, used, message) => {
    const world = worldAround(database.session);
    if (text !== null) world.files.set('backup-1.json', text);
    const refused = await world.run(restoreOf(eventsBackup, {}, openArchive(used)), {}, forbiddenClient);
    expect(refused).toMatchObject({ rejected: true, message: expect.stringContaining(message) });
  });
});
