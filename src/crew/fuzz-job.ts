import { ModelEngine } from '../engine/model/engine.js';
import type { PostgresEngine } from '../engine/postgres/engine.js';
import type { PostgresServer } from '../engine/postgres/providers/server.js';
import { FUZZ_DEFAULTS, fuzz } from '../fuzz/fuzz.js';
import { tallyOf } from '../fuzz/tally.js';
import { type Catalogue, readCatalogue } from '../fuzz/wide/catalogue.js';
import type { FuzzJob, Progress } from './jobs.js';

/** What programs draw from is a server's own, and does not change. */
const catalogues = new WeakMap<PostgresServer, Catalogue>();

/** Each program is told of as soon as it is done: an interruption costs the one under way. */
export async function fuzzPrograms(
  { seed, from, to, schedules }: FuzzJob,
  server: PostgresServer,
  postgres: PostgresEngine,
  onProgress: (progress: Progress) => void,
): Promise<void> {
  const { major, version } = server;
  const engines = { model: new ModelEngine({ major }), postgres };
  const catalogue = catalogues.get(server) ?? (await readCatalogue(postgres, major));
  catalogues.set(server, catalogue);
  let maxShrinks = FUZZ_DEFAULTS.maxShrinks;
  for (let index = from; index < to; index += 1) {
    const found = await fuzz(seed, index, engines, { maxShrinks, schedules, catalogue });
    // What went wrong before the first step is the schema's, which the others have too: small once is enough.
    if (found.divergence?.schedule.length === 0) maxShrinks = 0;
    const fuzzed = tallyOf(found, index, `seed ${seed}, program ${index}, PostgreSQL ${version}`);
    onProgress({ states: 0, runs: index + 1 - from, of: to - from, fuzzed });
  }
}
