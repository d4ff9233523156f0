import type { CacheCall, StoreCall } from './actor/request.js';
import type { Reply } from './reply.js';

/** What actors share besides the database: backup files, the cache, the clock. A value, like the model's states. */
export interface World {
  readonly files: Readonly<Record<string, string>>;
  readonly cache: Readonly<Record<string, { readonly value: string; readonly expiresMs: number }>>;
  readonly clockMs: number;
  /** The cache answers nobody any more. */
  readonly cacheDown?: boolean;
}

const value = (content: unknown): Reply => ({ kind: 'value', value: content });

export function callStore(world: World, call: StoreCall): { world: World; reply: Reply } {
  const { files } = world;
  switch (call.op) {
    case 'read':
      return { world, reply: value(files[call.name] ?? null) };
    case 'list':
      return { world, reply: value(Object.keys(files).sort()) };
    case 'write':
      return { world: { ...world, files: { ...files, [call.name]: call.content } }, reply: value(null) };
    case 'remove': {
      const { [call.name]: _removed, ...rest } = files;
      return { world: { ...world, files: rest }, reply: value(null) };
    }
    case 'rename': {
      const { [call.from]: content, ...rest } = files;
      if (content === undefined)
        return {
          world,
          reply: { kind: 'error', code: 'ENOENT', message: `no such file: ${call.from}`, constraint: null, table: null },
        };
      return { world: { ...world, files: { ...rest, [call.to]: content } }, reply: value(null) };
    }
  }
}

/** What a client of a cache says when nobody listens where it was. */
const CACHE_DOWN: Reply = { kind: 'error', code: 'ECONNREFUSED', message: 'connect ECONNREFUSED', constraint: null, table: null };

export function callCache(world: World, call: CacheCall): { world: World; reply: Reply } {
  const { cache, clockMs, cacheDown } = world;
  if (cacheDown) return { world, reply: CACHE_DOWN };
  switch (call.op) {
    case 'get': {
      const entry = cache[call.key];
      return { world, reply: value(entry !== undefined && entry.expiresMs > clockMs ? entry.value : null) };
    }
    case 'set':
      return {
        world: { ...world, cache: { ...cache, [call.key]: { value: call.value, expiresMs: clockMs + call.ttlMs } } },
        reply: value(null),
      };
    case 'delete': {
      const { [call.key]: _removed, ...rest } = cache;
      return { world: { ...world, cache: rest }, reply: value(null) };
    }
  }
}

const keys = new WeakMap<World, string>();

/** The world as text, in an order of its own. Most steps leave the world alone, so each is written once. */
export function worldKey(world: World): string {
  let key = keys.get(world);
  if (key === undefined) {
    const sorted = <T>(record: Readonly<Record<string, T>>) => Object.entries(record).sort(([left], [right]) => (left < right ? -1 : 1));
    key = JSON.stringify([sorted(world.files), sorted(world.cache), world.clockMs, world.cacheDown ?? false]);
    keys.set(world, key);
  }
  return key;
}
