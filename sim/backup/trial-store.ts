import type { Store } from '../../src/index.js';

/** Shows what another store would hold, and leaves that one as it is: for dry runs. */
export function trialStore(inner: Store): Store {
  const changed = new Map<string, string | null>();
  return {
    read: async (name) => (changed.has(name) ? changed.get(name)! : inner.read(name)),
    write: async (name, content) => void changed.set(name, content),
    rename: async (from, to) => {
      changed.set(to, changed.get(from) ?? null).set(from, null);
    },
    remove: async (name) => void changed.set(name, null),
    list: async () => [...new Set([...(await inner.list()), ...changed.keys()])].filter((name) => changed.get(name) !== null).sort(),
  };
}
