// bensheldon/good_job#731, fixed in #767: the unique index on (cron_key, cron_at) guards nothing once the first job has run and is deleted.
// npm run sim -- --scenario ./examples/reported/goodjob/buggy.ts (or fixed.ts)
import { always, defineScenario, type Monitor, type Operation, type Scenario, type StepEvent } from 'lastseat';

export const schema = (id: string) => `
  CREATE TABLE good_jobs (
    id uuid ${id} NOT NULL PRIMARY KEY,
    queue_name text,
    priority integer,
    serialized_params jsonb,
    scheduled_at timestamp(6) without time zone,
    performed_at timestamp(6) without time zone,
    finished_at timestamp(6) without time zone,
    error text,
    created_at timestamp(6) without time zone NOT NULL,
    updated_at timestamp(6) without time zone NOT NULL,
    active_job_id uuid,
    concurrency_key text,
    cron_key text,
    retried_good_job_id uuid,
    cron_at timestamp(6) without time zone,
    labels text[],
    locked_by_id uuid
  );
  CREATE UNIQUE INDEX index_good_jobs_on_cron_key_and_cron_at_cond ON good_jobs (cron_key, cron_at) WHERE (cron_key IS NOT NULL);
  CREATE INDEX index_good_job_jobs_for_candidate_lookup ON good_jobs (priority ASC NULLS LAST, created_at) WHERE (finished_at IS NULL);
`;
const AT = '2026-01-01 00:00:00';

export const cron =
  (explicitId: boolean): Operation =>
  async ({ client, random }, { key }: { key: string }) => {
    const active = random.uuid();
    await client.query('BEGIN');
    try {
      await client.query(
        `INSERT INTO "good_jobs" (${explicitId ? '"id", ' : ''}"queue_name", "priority", "serialized_params", "scheduled_at", "performed_at", "finished_at", "created_at", "updated_at", "active_job_id", "cron_key", "cron_at", "labels")
       VALUES (${explicitId ? '$9, ' : ''}$1, $2, $3, $4, NULL, NULL, $5, $5, $6, $7, $8, NULL) RETURNING "id"`,
        [
          'default',
          0,
          JSON.stringify({ job_class: 'DigestJob', job_id: active, arguments: [] }),
          AT,
          AT,
          active,
          key,
          AT,
          ...(explicitId ? [active] : []),
        ],
      );
      await client.query('COMMIT');
      return { enqueued: true };
    } catch (error) {
      await client.query('ROLLBACK');
      if ((error as { code?: string }).code === '23505') return { enqueued: false };
      throw error;
    }
  };
/** A worker: takes the next job under an advisory lock of its session, looks that it is not finished, runs it, and deletes it or says that it is finished. */
export const worker =
  (preserve: boolean, lockInOneQuery: boolean): Operation =>
  async ({ client, emit }) => {
    let job: { id: string; cron_key: string | null } | undefined;
    if (lockInOneQuery) {
      const { rows } = await client.query<{ id: string; cron_key: string | null }>(
        `SELECT "good_jobs".* FROM "good_jobs" WHERE "good_jobs"."id" IN (
         WITH "rows" AS MATERIALIZED (SELECT "good_jobs"."id", "good_jobs"."active_job_id" FROM "good_jobs" WHERE "good_jobs"."finished_at" IS NULL AND ("good_jobs"."scheduled_at" <= $1 OR "good_jobs"."scheduled_at" IS NULL) ORDER BY priority ASC NULLS LAST, created_at ASC, id ASC)
         SELECT "rows"."id" FROM "rows" WHERE pg_try_advisory_lock(('x' || substr(md5('good_jobs-' || "rows"."active_job_id"::text), 1, 16))::bit(64)::bigint) LIMIT 1
       ) ORDER BY priority ASC NULLS LAST, created_at ASC, id ASC`,
        ['2026-01-01 00:00:01'],
      );
      job = rows[0];
    } else {
      const { rows } = await client.query<{ id: string; cron_key: string | null }>(
        `UPDATE "good_jobs" SET "locked_by_id" = $1 WHERE "id" = (SELECT "id" FROM "good_jobs" WHERE "finished_at" IS NULL AND "locked_by_id" IS NULL AND ("scheduled_at" <= $2 OR "scheduled_at" IS NULL) ORDER BY priority ASC NULLS LAST, created_at ASC, id ASC LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING *`,
        ['00000000-0000-4000-8000-000000000001', '2026-01-01 00:00:01'],
      );
      job = rows[0];
    }
    if (job === undefined) return { performed: null };
    emit({ type: 'performed', key: job.cron_key });
    if (preserve && job.cron_key !== null)
      await client.query(
        `UPDATE "good_jobs" SET "finished_at" = now(), "locked_by_id" = NULL, "updated_at" = now() WHERE "good_jobs"."id" = $1`,
        [job.id],
      );
    else await client.query(`DELETE FROM "good_jobs" WHERE "good_jobs"."id" = $1`, [job.id]);
    return { performed: job.id };
  };

const once: Monitor = {
  name: 'performed-once',
  initial: () => ({}),
  observe: (ran: Record<string, number>, { events }: StepEvent) => {
    const more = { ...ran };
    for (const { type, key } of events) if (type === 'performed') more[String(key)] = (more[String(key)] ?? 0) + 1;
    return more;
  },
  violations: (ran: Record<string, number>) =>
    Object.entries(ran)
      .filter(([, n]) => n > 1)
      .map(([key, n]) => ({ resource: `cron ${key}`, message: `performed ${n} times for one moment`, usage: n, capacity: 1 })),
};
export const scenario = (name: string, rest: Pick<Scenario, 'description' | 'operations' | 'expect' | 'schema'>) =>
  defineScenario({
    name: `goodjob/${name}`,
    // A job that nobody takes yet: over an empty table the query of the worker is refused.
    seed: () =>
      `INSERT INTO good_jobs (id, queue_name, priority, scheduled_at, created_at, updated_at) VALUES ('00000000-0000-4000-8000-0000000000ff', 'default', 0, '2027-01-01', '2026-01-01', '2026-01-01');`,
    workloads: [
      {
        name: 'two-crons',
        capacity: always(1),
        roles: [
          { operation: 'cron', min: 2, max: 2, input: always({ key: 'digest' }) },
          { operation: 'work', min: 2, max: 2, input: always({}) },
        ],
      },
    ],
    invariants: [],
    monitors: [once],
    ...rest,
  });
