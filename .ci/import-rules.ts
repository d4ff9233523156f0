/** A folder, or a single file, and what its code may import besides itself. */
export interface Part {
  readonly path: string;
  /** Other parts. What lies below a part and is listed on its own is another part. */
  readonly imports: readonly string[] | 'any';
  /** Packages and Node's own modules; `node:*` is all of the latter, `(computed)` an import whose name is known only when it runs. */
  readonly packages: readonly string[] | 'any';
}

const part = (path: string, imports: Part['imports'], packages: Part['packages'] = []): Part => ({ path, imports, packages });

/**
 * Which way imports point: from what people run, over what explores, runs and reports, to what everybody shares. A file belongs to the
 * longest path that it lies under; a file that lies under none is refused, so that every new part gets its line here.
 */
export const PARTS: readonly Part[] = [
  part('src/context.ts', []),
  part('src/limits.ts', []),
  part('src/maybe-promise.ts', []),
  part('src/verdict.ts', []),
  part('src/history', []),
  part('src/reply.ts', ['src/context.ts']),
  part('src/scenario.ts', ['src/context.ts', 'src/history', 'src/plan']),
  part('src/plan', ['src/scenario.ts'], ['fast-check', 'seedrandom']),
  part('src/invariants', ['src/context.ts', 'src/maybe-promise.ts', 'src/plan', 'src/scenario.ts', 'src/scenario-error.ts']),
  part('src/engine', ['src/context.ts', 'src/maybe-promise.ts', 'src/reply.ts', 'src/scenario.ts']),
  part('src/scenario-error.ts', ['src/engine', 'src/maybe-promise.ts']),
  part(
    'src/engine/model',
    ['src/context.ts', 'src/engine', 'src/maybe-promise.ts', 'src/reply.ts', 'src/scenario.ts'],
    // `pg` for how it writes parameters and reads values: PGlite's are read as a client reads a server's.
    ['@electric-sql/pglite', 'node:*', 'pg', 'pg-mem', 'pgsql-ast-parser'],
  ),
  part(
    'src/engine/postgres',
    ['src/context.ts', 'src/engine', 'src/maybe-promise.ts', 'src/reply.ts', 'src/scenario.ts'],
    ['@testcontainers/postgresql', 'node:*', 'pg', 'testcontainers'],
  ),
  part(
    'src/schedule',
    ['src/context.ts', 'src/engine', 'src/history', 'src/plan', 'src/scenario.ts'],
    ['fast-check', 'node:crypto', 'seedrandom'],
  ),
  part('src/actor', ['src/context.ts', 'src/reply.ts', 'src/schedule']),
  part('src/world.ts', ['src/actor', 'src/reply.ts']),
  part('src/machine.ts', [
    'src/actor',
    'src/context.ts',
    'src/engine',
    'src/invariants',
    'src/maybe-promise.ts',
    'src/plan',
    'src/reply.ts',
    'src/scenario.ts',
    'src/scenario-error.ts',
    'src/schedule',
    'src/world.ts',
  ]),
  part('src/run.ts', ['src/invariants', 'src/machine.ts', 'src/schedule']),
  part(
    'src/record.ts',
    ['src/context.ts', 'src/history', 'src/machine.ts', 'src/reply.ts', 'src/run.ts', 'src/scenario.ts', 'src/schedule'],
    ['node:crypto'],
  ),
  part('src/outcome.ts', ['src/history', 'src/plan', 'src/scenario.ts', 'src/schedule', 'src/verdict.ts']),
  part('src/minimise', ['src/outcome.ts', 'src/plan', 'src/scenario.ts', 'src/schedule']),
  part('src/explore', [
    'src/engine',
    'src/engine/model',
    'src/engine/postgres',
    'src/invariants',
    'src/limits.ts',
    'src/machine.ts',
    'src/maybe-promise.ts',
    'src/minimise',
    'src/outcome.ts',
    'src/plan',
    'src/record.ts',
    'src/reply.ts',
    'src/run.ts',
    'src/scenario.ts',
    'src/schedule',
    'src/verdict.ts',
  ]),
  part('src/replay.ts', [
    'src/engine',
    'src/explore',
    'src/history',
    'src/machine.ts',
    'src/record.ts',
    'src/run.ts',
    'src/scenario.ts',
    'src/schedule',
  ]),
  part('src/spec', [
    'src/engine',
    'src/engine/model',
    'src/engine/postgres',
    'src/explore',
    'src/history',
    'src/machine.ts',
    'src/maybe-promise.ts',
    'src/plan',
    'src/record.ts',
    'src/reply.ts',
    'src/run.ts',
    'src/scenario.ts',
    'src/schedule',
  ]),
  part(
    'src/fuzz',
    [
      'src/context.ts',
      'src/engine',
      'src/engine/model',
      'src/explore',
      'src/machine.ts',
      'src/outcome.ts',
      'src/plan',
      'src/scenario.ts',
      'src/schedule',
    ],
    ['fast-check'],
  ),
  part('src/report', ['src/history', 'src/outcome.ts', 'src/plan', 'src/verdict.ts'], ['string-width']),
  part('src/index.ts', [
    'src/context.ts',
    'src/engine',
    'src/engine/model',
    'src/engine/postgres',
    'src/explore',
    'src/fuzz',
    'src/history',
    'src/invariants',
    'src/limits.ts',
    'src/outcome.ts',
    'src/plan',
    'src/replay.ts',
    'src/report',
    'src/scenario.ts',
    'src/schedule',
    'src/spec',
    'src/verdict.ts',
  ]),
  part('sim', ['sim/systems', 'src/index.ts'], ['(computed)', 'commander', 'node:*']),
  part('sim/systems', ['src/index.ts'], ['node:crypto']),
  // Counters are for whoever runs the service: no operation knows of them.
  part('sim/systems/restaurant/metrics.ts', ['src/index.ts'], ['prom-client']),
  part('sim/systems/restaurant/alerts.ts', ['sim/systems/restaurant/metrics.ts']),
  part('docs', ['src/index.ts'], ['lastseat']),
  part('bench', 'any', 'any'),
  part('properties', 'any', 'any'),
  part('.ci', ['sim', 'src/engine/postgres'], ['node:*', 'rolldown']),
];
