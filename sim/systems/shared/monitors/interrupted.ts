import type { Monitor } from '../../../../src/index.js';
import { isBackupName } from '../backup/files.js';
import { backedUpTables, type CycleOptions, digestOf, fileContent, withElement, withEntry } from './cycle.js';

/** What bears a backup's name is a whole backup, at every moment, and those that are older than the one being made stay until it is there. */
export function wholeBackups(options: CycleOptions): Monitor {
  return {
    name: 'whole-backups',
    initial: (): readonly string[] => [],
    observe: (torn: readonly string[], { kind, outcome, file }): readonly string[] => {
      if (kind !== 'store' || outcome !== 'done' || file === null || !isBackupName(file.name)) return torn;
      return file.content !== null && options.parse(file.content) === null ? withElement(torn, file.name) : torn;
    },
    violations: (torn: readonly string[]) => torn.map((name) => ({ resource: name, message: 'bears the name of a backup, and is none' })),
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
      const tables = options.parse(fileContent(event) ?? '');
      const restoring = tables === null ? state.restoring : withEntry(state.restoring, event.actor, digestOf(options.comparable(tables)));
      if (!event.changed) return { ...state, restoring };
      const committed = digestOf(options.comparable(backedUpTables(event.committed, options.tables)));
      const whole = restoring[event.actor] === committed;
      return { restoring, partial: whole ? state.partial : withElement(state.partial, event.actor) };
    },
    violations: ({ partial }: Restores) =>
      partial.map((actor) => ({ resource: actor, message: 'has left tables that are neither what they were nor what its backup holds' })),
  };
}
