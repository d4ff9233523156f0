/** A process to be killed: opens an embedded server, freezes a backend of it, says each on standard output, and stays. */
import { withSession } from '../src/engine/postgres/providers/admin.js';
import { openServer } from '../src/engine/postgres/providers/open.js';

console.log('opening');
const server = await openServer('embedded');
const database = await server.createDatabase();
await withSession(database.connection, async (client) => {
  const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
  process.kill((rows[0] as { pid: number }).pid, 'SIGSTOP');
  console.log(`frozen in ${database.connection.host}`);
  await new Promise((resolve) => setTimeout(resolve, 60_000));
});
