/** A database of a booking system on a real server, as an operator has one, and the commands that work on it. */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { schema as events } from '../sim/systems/events/schema.js';
import { schema as hotel } from '../sim/systems/hotel/schema.js';
import { schema as rental } from '../sim/systems/rental/schema.js';
import { schema as restaurant } from '../sim/systems/restaurant/schema.js';
import { openServer, type PostgresServer } from '../src/index.js';
import { asClient } from './operations-world.js';

export const SCHEMAS = { events, rental, hotel, restaurant } as const;
export type System = keyof typeof SCHEMAS;

/** Two rows or more in every table; some bookings have ids after a gap, one was cancelled. */
const CONTENTS: Readonly<Record<System, string>> = {
  events: `
    INSERT INTO events (name, starts_at, total_seats, available_seats, version)
      VALUES ('Opening night', '2026-03-01T18:00:00.000Z', 9, 6, 4), ('Matinee', '2026-03-02T12:00:00.123Z', 5, 5, 0);
    INSERT INTO bookings (id, event_id, user_id, seats, status) VALUES (1, 1, 7, 1, 'active'), (3, 1, 8, 2, 'active'), (4, 2, 8, 1, 'cancelled');
    SELECT setval('bookings_id_seq', 4);`,
  rental: `
    INSERT INTO packages (name, capacity) VALUES ('Camera kit', 5), ('Lights "large", 2 × 1 kW', 3);
    INSERT INTO bookings (package_id, user_id, start_date, end_date, quantity, status)
      VALUES (1, 7, '2026-03-01', '2026-03-02', 1, 'confirmed'), (2, 8, '2026-03-02', '2026-03-02', 2, 'cancelled'), (1, 9, '2026-03-02', '2026-03-02', 1, 'pending');
    INSERT INTO equipment_availability VALUES (1, '2026-03-01', 1, 1), (1, '2026-03-02', 1, 1), (1, '2026-03-02', 3, 1);`,
  hotel: `
    INSERT INTO room_inventory VALUES (1, '2026-03-01', 5, 1, 0), (1, '2026-03-02', 5, 1, 0);
    INSERT INTO booking_holds (room_type_id, check_in, check_out, rooms, user_id, hold_expiry, status)
      VALUES (1, '2026-03-01', '2026-03-03', 1, 7, '2026-02-01T00:00:00.000Z', 'confirmed'), (1, '2026-03-01', '2026-03-02', 1, 8, '2026-02-01T00:00:00.000Z', 'released');
    INSERT INTO bookings (hold_id, status) VALUES (1, 'confirmed');
    INSERT INTO booking_details (booking_id, date, rooms) VALUES (1, '2026-03-01', 1), (1, '2026-03-02', 1);`,
  restaurant: `
    INSERT INTO restaurants (name) VALUES ('Zum Anker'), ('Le Phare');
    INSERT INTO capacity_rules VALUES (1, '18:00', 4), (1, '20:00', NULL), (2, '18:00', 4);
    INSERT INTO capacity_overrides VALUES (1, '2026-03-01', '18:00', 2), (2, '2026-03-01', '18:00', NULL);
    INSERT INTO bookings (restaurant_id, date, slot, party_size, idempotency_key, status, source)
      VALUES (1, '2026-03-01', '18:00', 2, 'first', 'active', 'guest'), (2, '2026-03-01', '18:00', 4, 'second', 'cancelled', 'phone');`,
};

/** What somebody books in each system after a backup: one more booking. */
export const LATER: Readonly<Record<System, string>> = {
  events:
    "INSERT INTO bookings (event_id, user_id, seats, status) VALUES (1, 9, 1, 'active'); UPDATE events SET available_seats = 5, version = 5 WHERE id = 1",
  rental: `WITH booked AS (INSERT INTO bookings (package_id, user_id, start_date, end_date, quantity, status) VALUES (1, 9, '2026-03-03', '2026-03-03', 1, 'pending') RETURNING id)
    INSERT INTO equipment_availability SELECT 1, '2026-03-03', id, 1 FROM booked`,
  hotel: "INSERT INTO bookings (hold_id, status) VALUES (2, 'confirmed')",
  restaurant:
    "INSERT INTO bookings (restaurant_id, date, slot, party_size, idempotency_key, status, source) VALUES (1, '2026-03-01', '20:00', 2, 'third', 'active', 'guest')",
};

export const PASSWORD = 'open,sesame';

export interface StoredDatabase {
  readonly system: System;
  /** With a role of its own, which owns everything and has `PASSWORD`. */
  readonly url: string;
  readonly session: pg.Client;
  readonly connect: () => Promise<pg.Client>;
  /** Every row of every table as text, but for versions, which a restore raises. */
  readonly contents: () => Promise<string>;
  /** Sessions of the commands, in whatever state. */
  readonly othersOpen: () => Promise<number>;
}

/** Databases on one embedded server that asks for passwords. */
export class StoredDatabases {
  readonly #server: PostgresServer;
  readonly #sessions: pg.Client[] = [];
  #made = 0;

  private constructor(server: PostgresServer) {
    this.#server = server;
  }

  static async open(): Promise<StoredDatabases> {
    const server = await openServer('embedded');
    await askForPasswords((await server.createDatabase()).connection);
    return new StoredDatabases(server);
  }

  async create(system: System, { empty = false, schema = SCHEMAS[system] as string } = {}): Promise<StoredDatabase> {
    const { connection } = await this.#server.createDatabase();
    const connect = async () => {
      const client = new pg.Client(connection);
      client.on('error', () => {});
      await client.connect();
      this.#sessions.push(client);
      return client;
    };
    const session = await connect();
    this.#made += 1;
    const role = `operator_${this.#made}`;
    await session.query(
      `CREATE ROLE ${role} LOGIN PASSWORD '${PASSWORD}'; ALTER DATABASE ${connection.database} OWNER TO ${role}; SET ROLE ${role}`,
    );
    await session.query('SET search_path TO public; RESET ROLE');
    await session.query(`GRANT CREATE ON SCHEMA public TO ${role}; SET ROLE ${role}; ${schema}`);
    if (!empty) await session.query(CONTENTS[system]);
    await session.query('RESET ROLE');
    return {
      system,
      session,
      connect,
      url: urlOf({ ...connection, user: role, password: PASSWORD }),
      contents: () => contentsOf(session),
      othersOpen: async () => {
        const { rows } = await session.query<{ n: number }>(
          "SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'lastseat' AND usename = $1",
          [role],
        );
        return rows[0]!.n;
      },
    };
  }

  /** Ends all sessions of the test's own: the server has few. */
  async endSessions(): Promise<void> {
    await Promise.all(this.#sessions.splice(0).map((session) => session.end().catch(() => {})));
  }

  async close(): Promise<void> {
    await this.endSessions();
    await this.#server.close();
  }
}

/** Everybody but the superuser, whom the harness comes as. */
async function askForPasswords(connection: pg.ClientConfig): Promise<void> {
  const session = new pg.Client(connection);
  await session.connect();
  const { rows } = await session.query<{ hba_file: string }>('SHOW hba_file');
  await session.query(`COPY (VALUES ('local all ${connection.user} trust'), ('local all all scram-sha-256')) TO '${rows[0]!.hba_file}'`);
  await session.query("CREATE ROLE nobody LOGIN PASSWORD 'x'; SELECT pg_reload_conf()");
  await session.end();
  // The postmaster reads the file again when it gets to it.
  while (await isLetIn({ ...connection, user: 'nobody', password: 'y' }));
}

async function isLetIn(connection: pg.ClientConfig): Promise<boolean> {
  const client = new pg.Client(connection);
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

export function urlOf({
  host,
  port,
  user,
  password,
  database,
}: {
  host: string;
  port: number;
  user: string;
  password: string;
  database: string;
}): string {
  const address = host.startsWith('/') ? `/${database}?host=${host}&port=${port}` : `${host}:${port}/${database}`;
  return `postgres://${user}:${encodeURIComponent(password)}@${address}`;
}

async function contentsOf(session: pg.Client): Promise<string> {
  const client = asClient(session);
  const { rows: tables } = await client.query<{ name: string }>(
    "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1",
  );
  const rows: unknown[] = [];
  for (const { name } of tables)
    rows.push(name, (await client.query(`SELECT (to_jsonb(t) - 'version')::text AS row FROM ${name} t ORDER BY 1`)).rows);
  return JSON.stringify(rows);
}

/** Backups of a system in a directory, oldest first, with their texts. */
export function backupsIn(directory: string, system: System): { name: string; text: string }[] {
  mkdirSync(directory, { recursive: true });
  return readdirSync(directory)
    .filter((name) => name.startsWith(`${system}-backup-`) && name.endsWith('.json'))
    .sort()
    .map((name) => ({ name, text: readFileSync(join(directory, name), 'utf8') }));
}
