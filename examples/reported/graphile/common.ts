// graphile/worker#580: a keyed add_job first clears the key of a running job, then inserts ON CONFLICT DO UPDATE ... WHERE locked_at IS NULL;
// a worker that takes the job between the two makes the request vanish: no row comes back.
// npm run sim -- --scenario ./examples/reported/graphile/buggy.ts (or fixed.ts)
import { always, type Client, defineScenario, type Monitor, type Operation, type Scenario, type StepEvent } from 'lastseat';

export const tables = `
  CREATE TABLE _private_tasks (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    identifier text NOT NULL UNIQUE CHECK (length(identifier) <= 128)
  );
  CREATE TABLE _private_jobs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_queue_id int,
    task_id int NOT NULL REFERENCES _private_tasks (id),
    payload json DEFAULT '{}'::json NOT NULL,
    priority smallint DEFAULT 0 NOT NULL,
    run_at timestamptz DEFAULT now() NOT NULL,
    attempts smallint DEFAULT 0 NOT NULL,
    max_attempts smallint DEFAULT 25 NOT NULL CHECK (max_attempts >= 1),
    last_error text,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    key text UNIQUE CHECK (length(key) > 0 AND length(key) <= 512),
    locked_at timestamptz,
    locked_by text CHECK (length(locked_by) > 3),
    revision int DEFAULT 0 NOT NULL,
    flags jsonb,
    is_available boolean GENERATED ALWAYS AS ((locked_at IS NULL) AND (attempts < max_attempts)) STORED NOT NULL
  );
  CREATE INDEX jobs_main_index ON _private_jobs USING btree (priority, run_at) INCLUDE (id, task_id, job_queue_id) WHERE (is_available = true);
`;
/** The statements of add_jobs for one specification, with names for the parameters. */
const clear = `
  UPDATE _private_jobs AS jobs SET key = null, attempts = jobs.max_attempts, updated_at = now()
   WHERE jobs.key = $1 AND is_available IS NOT TRUE`;
const upsert = (tail: string) => `
  INSERT INTO _private_jobs AS jobs (job_queue_id, task_id, payload, run_at, max_attempts, key, priority, flags)
    SELECT null::int, tasks.id, coalesce($2::json, '{}'::json), coalesce($3::timestamptz, now()), 25, $1, 0, null::jsonb
      FROM _private_tasks AS tasks WHERE tasks.identifier = $4
  ON CONFLICT (key) DO UPDATE SET
    task_id = excluded.task_id,
    payload = CASE WHEN json_typeof(jobs.payload) = 'array' AND json_typeof(excluded.payload) = 'array' THEN (jobs.payload::jsonb || excluded.payload::jsonb)::json ELSE excluded.payload END,
    max_attempts = excluded.max_attempts,
    run_at = excluded.run_at,
    priority = excluded.priority,
    revision = jobs.revision + 1,
    flags = excluded.flags,
    attempts = 0,
    last_error = null,
    updated_at = now()
   ${tail}
  RETURNING *`;
export const addJobFunction = `
  CREATE FUNCTION add_job(job_key text, payload json, run_at timestamptz, identifier text) RETURNS SETOF _private_jobs LANGUAGE plpgsql AS $$
  BEGIN
    ${clear.replaceAll('$1', 'add_job.job_key')};
    RETURN QUERY ${upsert('WHERE jobs.locked_at IS NULL').replaceAll('$1', 'add_job.job_key').replaceAll('$2', 'add_job.payload').replaceAll('$3', 'add_job.run_at').replaceAll('$4', 'add_job.identifier')};
  END;
  $$;`;

interface Add {
  readonly key: string;
  readonly n: number;
}
async function transaction<T>(client: Client, work: () => Promise<T>): Promise<T> {
  await client.query('BEGIN');
  try {
    const value = await work();
    await client.query('COMMIT');
    return value;
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}
const told = (rows: readonly { id: string }[]) => ({ scheduled: rows[0]?.id ?? null });
export const addByFunction: Operation = async ({ client }, { key, n }: Add) =>
  told((await client.query<{ id: string }>('SELECT * FROM add_job($1, $2, $3, $4)', [key, JSON.stringify({ n }), null, 'printer'])).rows);
export const addInSteps: Operation = ({ client }, { key, n }: Add) =>
  transaction(client, async () => {
    await client.query(clear, [key]);
    return told(
      (await client.query<{ id: string }>(upsert('WHERE jobs.locked_at IS NULL'), [key, JSON.stringify({ n }), null, 'printer'])).rows,
    );
  });
/** A fix: where nothing came back the job has been taken meanwhile; clear its key, and insert once more. */
export const addWithRetry: Operation = ({ client }, { key, n }: Add) =>
  transaction(client, async () => {
    for (let attempt = 0; attempt < 5; attempt++) {
      await client.query(clear, [key]);
      const { rows } = await client.query<{ id: string }>(upsert('WHERE jobs.locked_at IS NULL'), [
        key,
        JSON.stringify({ n }),
        null,
        'printer',
      ]);
      if (rows.length > 0) return told(rows);
    }
    return told([]);
  });
/** A worker: takes a job, does it, deletes it. */
export const work: Operation = async ({ client }, { worker }: { worker: string }) => {
  const { rows } = await client.query<{ id: string; payload: unknown }>(
    `WITH j AS (
       SELECT jobs.job_queue_id, jobs.priority, jobs.run_at, jobs.id FROM _private_jobs AS jobs
        WHERE jobs.is_available = true AND run_at <= now() AND task_id = ANY ($2::int[])
        ORDER BY priority ASC, run_at ASC, id ASC LIMIT 1 FOR UPDATE SKIP LOCKED
     )
     UPDATE _private_jobs AS jobs SET attempts = jobs.attempts + 1, locked_by = $1::text, locked_at = now()
       FROM j WHERE jobs.id = j.id RETURNING jobs.id, jobs.task_id, jobs.payload, jobs.key`,
    [worker, [1]],
  );
  if (rows[0] === undefined) return { did: null };
  await client.query('DELETE FROM _private_jobs AS jobs WHERE id = $1::bigint', [rows[0].id]);
  return { did: rows[0].id };
};
const scheduled: Monitor = {
  name: 'every-request-is-scheduled',
  initial: () => false,
  observe: (dropped: boolean, { finished }: StepEvent) =>
    dropped || (finished !== null && 'value' in finished && (finished.value as { scheduled?: string | null }).scheduled === null),
  violations: (dropped: boolean) =>
    dropped ? [{ resource: 'key printer', message: 'a request to run the job came back without a job' }] : [],
};
export const scenario = (name: string, rest: Pick<Scenario, 'description' | 'operations' | 'expect' | 'schema'>) =>
  defineScenario({
    name: `graphile/${name}`,
    seed: () => `
      INSERT INTO _private_tasks (identifier) VALUES ('printer');
      INSERT INTO _private_jobs (task_id, key, payload) VALUES (1, 'printer', '{"n": 0}');`,
    workloads: [
      {
        name: 'add-and-work',
        capacity: always(1),
        roles: [
          { operation: 'add', input: always({ key: 'printer', n: 1 }) },
          { operation: 'work', input: always({ worker: 'worker-a' }) },
        ],
      },
      {
        name: 'two-add',
        capacity: always(1),
        roles: [
          { operation: 'add', min: 2, max: 2, input: always({ key: 'printer', n: 1 }) },
          { operation: 'work', input: always({ worker: 'worker-a' }) },
        ],
      },
    ],
    invariants: [],
    monitors: [scheduled],
    ...rest,
  });
