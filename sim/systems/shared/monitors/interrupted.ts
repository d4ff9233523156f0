import type { Monitor } from '../../../../src/index.js';
import { isBackupName } from '../backup/files.js';
import { type CycleOptions, restoredDigest, restoringAfter, withElement } from './cycle.js';

interface Backups {
  /** One has been written, or read, whole. */
  readonly whole: boolean;
  readonly torn: readonly string[];
  readonly tooEarly: readonly string[];
}

/** What bears a backup's name is a whole backup, at every moment, and none is removed before another is known to be whole. */
export function wholeBackups(options: CycleOptions): Monitor {
  return {
    name: 'whole-backups',
    initial: (): Backups => ({ whole: false, torn: [], tooEarly: [] }),
    observe: (state: Backups, { kind, outcome, file, text }): Backups => {
      if (kind !== 'store' || outcome !== 'done' || file === null || !isBackupName(file.name)) return state;
      if (file.content === null) {
        const early = text.startsWith('store remove ') && !state.whole;
        return early ? { ...state, tooEarly: withElement(state.tooEarly, file.name) } : state;
      }
      return options.parse(file.content) === null ? { ...state, torn: withElement(state.torn, file.name) } : { ...state, whole: true };
    },
    violations: ({ torn, tooEarly }: Backups) => [
      ...torn.map((name) => ({ resource: name, message: 'bears the name of a backup, and is none' })),
      ...tooEarly.map((name) => ({ resource: name, message: 'was removed before another backup was whole' })),
    ],
  };
}

interface Restores {
  /** By actor: what the backup holds that it restores. */
  readonly restoring: Readonly<Record<string, string>>;
  readonly partial: readonly string[];
}

/** Whatever a restore commits, and whatever becomes of it later: the tables are what its backup holds, never a part of it. */
export function wholeRestores(options: CycleOptions): Monitor {
  return {
    name: 'whole-restores',
    initial: (): Restores => ({ restoring: {}, partial: [] }),
    observe: (state: Restores, event): Restores => {
      if (event.operation !== options.restore) return state;
      const restoring = restoringAfter(options, state.restoring, event);
      if (!event.changed) return { ...state, restoring };
      const whole = restoring[event.actor] === restoredDigest(options, event.committed);
      return { restoring, partial: whole ? state.partial : withElement(state.partial, event.actor) };
    },
    violations: ({ partial }: Restores) =>
      partial.map((actor) => ({ resource: actor, message: 'has left tables that are neither what they were nor what its backup holds' })),
  };
}
