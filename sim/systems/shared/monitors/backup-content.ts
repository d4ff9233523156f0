import type { CommittedState, Monitor, StepEvent } from '../../../../src/index.js';
import { backedUpTables, type CycleOptions, digestOf, fileContent, withElement, withEntry, withoutEntry } from './cycle.js';

/** The states that a running backup may show: those committed up to its latest read, and those that will count if it reads again. */
interface Candidates {
  readonly upToLastRead: readonly string[];
  readonly sinceThen: readonly string[];
}

interface State {
  /** By actor, while a backup has not written its file. */
  readonly running: Readonly<Record<string, Candidates>>;
  readonly torn: readonly string[];
}

/** What a backup writes equals a state that was committed at some moment from its first step to its last read. */
export function backupContent(options: CycleOptions): Monitor {
  const digestOfCommitted = (committed: CommittedState) => digestOf(backedUpTables(committed, options.tables));

  const started = (state: State, event: StepEvent): State =>
    event.first && event.operation === options.backup
      ? { ...state, running: withEntry(state.running, event.actor, { upToLastRead: [digestOfCommitted(event.committed)], sinceThen: [] }) }
      : state;

  const changed = (state: State, event: StepEvent): State => {
    if (!event.changed) return state;
    const digest = digestOfCommitted(event.committed);
    const running = Object.entries(state.running).map(([actor, candidates]) => [actor, withCandidate(candidates, digest)]);
    return { ...state, running: Object.fromEntries(running) };
  };

  const read = (state: State, event: StepEvent): State => {
    const candidates = state.running[event.actor];
    if (candidates === undefined || candidates.sinceThen.length === 0 || event.rows === null) return state;
    const upToLastRead = candidates.sinceThen.reduce(withElement<string>, candidates.upToLastRead);
    return { ...state, running: withEntry(state.running, event.actor, { upToLastRead, sinceThen: [] }) };
  };

  const written = (state: State, event: StepEvent): State => {
    const candidates = state.running[event.actor];
    const text = fileContent(event);
    if (candidates === undefined || text === null) return state;
    const tables = options.parse(text);
    const whole = tables !== null && candidates.upToLastRead.includes(digestOf(tables));
    const torn = whole ? state.torn : withElement(state.torn, event.actor);
    return { running: withoutEntry(state.running, event.actor), torn };
  };

  const ended = (state: State, event: StepEvent): State =>
    event.finished !== null && event.actor in state.running ? { ...state, running: withoutEntry(state.running, event.actor) } : state;

  return {
    name: 'backup-content',
    initial: (): State => ({ running: {}, torn: [] }),
    observe: (before: State, event): State => {
      const state = started(before, event);
      if (Object.keys(state.running).length === 0) return state;
      return [changed, read, written, ended].reduce((current, rule) => rule(current, event), state);
    },
    violations: ({ torn }: State) =>
      torn.map((actor) => ({ resource: actor, message: 'wrote a backup that shows no state that was ever committed while it ran' })),
  };
}

function withCandidate({ upToLastRead, sinceThen }: Candidates, digest: string): Candidates {
  return { upToLastRead, sinceThen: upToLastRead.includes(digest) ? sinceThen : withElement(sinceThen, digest) };
}
