// mohdmaazgani/symptom-scribe-clean#806: check_rate_limit in PL/pgSQL reads, compares, and writes the count it has read plus one.
// npm run sim -- --scenario ./examples/reported/ratelimit/buggy.ts (or fixed.ts)
import { always, defineScenario, integer, type Monitor, type Operation, record, type Scenario, type StepEvent } from 'lastseat';

export const table = `CREATE TABLE public.rate_limits (ip TEXT PRIMARY KEY, request_count INT NOT NULL DEFAULT 1, window_start TIMESTAMPTZ NOT NULL DEFAULT NOW());`;
export const buggy = `
  CREATE OR REPLACE FUNCTION public.check_rate_limit(client_ip TEXT, max_requests INT, window_size_seconds INT) RETURNS BOOLEAN AS $$
  DECLARE
    current_count INT;
    current_start TIMESTAMPTZ;
    now_time TIMESTAMPTZ := NOW();
  BEGIN
    SELECT request_count, window_start INTO current_count, current_start FROM public.rate_limits WHERE ip = client_ip;
    IF NOT FOUND THEN
      INSERT INTO public.rate_limits (ip, request_count, window_start) VALUES (client_ip, 1, now_time);
      RETURN TRUE;
    END IF;
    IF current_start < now_time - (window_size_seconds || ' seconds')::INTERVAL THEN
      UPDATE public.rate_limits SET request_count = 1, window_start = now_time WHERE ip = client_ip;
      RETURN TRUE;
    END IF;
    IF current_count >= max_requests THEN
      RETURN FALSE;
    END IF;
    UPDATE public.rate_limits SET request_count = current_count + 1 WHERE ip = client_ip;
    RETURN TRUE;
  END;
  $$ LANGUAGE plpgsql SECURITY DEFINER;`;
const upsert = (ip: string, window: string) => `
    INSERT INTO public.rate_limits AS r (ip, request_count, window_start) VALUES (${ip}, 1, NOW())
    ON CONFLICT (ip) DO UPDATE SET
      request_count = CASE WHEN r.window_start < NOW() - make_interval(secs => ${window}) THEN 1 ELSE r.request_count + 1 END,
      window_start = CASE WHEN r.window_start < NOW() - make_interval(secs => ${window}) THEN NOW() ELSE r.window_start END
    RETURNING request_count`;
export const fixed = `
  CREATE OR REPLACE FUNCTION public.check_rate_limit(client_ip TEXT, max_requests INT, window_size_seconds INT) RETURNS BOOLEAN AS $$
  DECLARE new_count INT;
  BEGIN
    ${upsert('client_ip', 'window_size_seconds')} INTO new_count;
    RETURN new_count <= max_requests;
  END;
  $$ LANGUAGE plpgsql SECURITY DEFINER;`;

export const byRpc: Operation = async ({ client, emit }, { ip, max }: { ip: string; max: number }) => {
  const { rows } = await client.query<{ allowed: boolean }>('SELECT public.check_rate_limit($1, $2, $3) AS allowed', [ip, max, 60]);
  if (!rows[0]!.allowed) return { rejected: true, code: 'RATE_LIMITED', status: 429, message: 'too many requests' };
  emit({ type: 'allowed', ip, max });
  return { allowed: true };
};
/** The fix as a statement of the application's own. */
export const byUpsert: Operation = async ({ client, emit }, { ip, max }: { ip: string; max: number }) => {
  const { rows } = await client.query<{ request_count: number }>(upsert('$1', '$2::int'), [ip, 60]);
  if (rows[0]!.request_count > max) return { rejected: true, code: 'RATE_LIMITED', status: 429, message: 'too many requests' };
  emit({ type: 'allowed', ip, max });
  return { allowed: true };
};
const limit: Monitor = {
  name: 'limit-of-the-window',
  initial: () => ({ allowed: 0, max: 0 }),
  observe: (at: { allowed: number; max: number }, { events }: StepEvent) =>
    events.reduce((now, e) => (e.type === 'allowed' ? { allowed: now.allowed + 1, max: e.max as number } : now), at),
  violations: ({ allowed, max }: { allowed: number; max: number }) =>
    allowed > max ? [{ resource: 'ip 192.0.2.1', message: 'more requests than the limit', usage: allowed, capacity: max }] : [],
};
export const scenario = (name: string, rest: Pick<Scenario, 'description' | 'operations' | 'expect' | 'schema'>) =>
  defineScenario({
    name: `ratelimit/${name}`,
    seed: () => `INSERT INTO public.rate_limits (ip, request_count, window_start) VALUES ('192.0.2.1', 0, NOW());`,
    workloads: [
      {
        name: 'burst',
        capacity: integer(1, 2),
        roles: [{ operation: 'call', min: 2, max: 3, input: record({ ip: always('192.0.2.1'), max: always(1) }) }],
      },
    ],
    invariants: [],
    monitors: [limit],
    ...rest,
  });
