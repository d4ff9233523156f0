import { type Reference, referencesIn } from './references.js';
import type { Routine } from './routines.js';

/** A table that a statement touches, and what it was reached through: `view v`, `function f`, `trigger t`; null where the statement names it. */
export interface Touch extends Reference {
  readonly through: string | null;
}

export interface Touched {
  readonly touches: readonly Touch[];
  /** Functions of which nobody can tell what they touch. */
  readonly opaque: readonly string[];
  /** Null where every column may be read. */
  readonly words: ReadonlySet<string> | null;
  readonly verb: string;
}

/** Everything that a statement touches, with what the schema puts behind the names in it. */
export function touchedBy(text: string, values: readonly unknown[], routines: readonly Routine[]): Touched {
  const { tables, functions, words, verb } = referencesIn(text, values);
  const touches: Touch[] = [];
  const opaque = new Set<string>();
  const entered = new Set<Routine>();
  const enter = (routine: Routine, through: string) => {
    if (entered.has(routine)) return;
    entered.add(routine);
    if (routine.opaque) opaque.add(through);
    for (const table of routine.reads) touch({ table, access: 'read', conditions: [] }, through);
    for (const table of routine.writes) touch({ table, access: 'insert', conditions: [] }, through);
    for (const name of routine.calls) call(name, through);
  };
  const call = (name: string, through: string | null) => {
    const found = routines.find((routine) => routine.kind === 'function' && routine.name === name);
    if (found !== undefined) enter(found, through ?? `function ${name}`);
  };
  const touch = (reference: Reference, through: string | null) => {
    const view = routines.find((routine) => routine.kind === 'view' && routine.name === reference.table);
    if (view !== undefined) return enter(view, through ?? `view ${view.name}`);
    touches.push({ ...reference, through });
    if (reference.access === 'read') return;
    for (const trigger of routines)
      if (trigger.kind === 'trigger' && trigger.on === reference.table) enter(trigger, through ?? `trigger ${trigger.name}`);
  };
  for (const reference of tables) touch(reference, null);
  for (const name of functions) call(name, null);
  return { touches, opaque: [...opaque], words: entered.size > 0 ? null : words, verb };
}
