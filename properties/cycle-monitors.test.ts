import { describe, expect, test } from 'vitest';
import { eventsBackup } from '../sim/systems/events/backup-format.js';
import { cycleMonitors } from '../sim/systems/events/cycle-monitor.js';
import { sealDocument } from '../sim/systems/shared/backup/document.js';
import type { BackupRow } from '../sim/systems/shared/backup/format.js';
import type { CommittedState, Monitor, StepEvent } from '../src/index.js';

/** A committed state in which one event of two seats has these bookings, each for one seat. */
function sold(...ids: readonly number[]): CommittedState {
  const event = { id: 1, name: 'Opening night', starts_at: '2026-03-01T18:00:00.000Z', total_seats: 2, available_seats: 2 - ids.length };
  const bookings = ids.map((id) => ({ id, event_id: 1, user_id: 1, seats: 1, status: 'active' }));
  return { tables: { events: [{ ...event, version: ids.length }], bookings }, sequences: {} };
}

function file({ tables }: CommittedState): string {
  const contents = {
    tables: tables as Readonly<Record<string, readonly BackupRow[]>>,
    sequences: { events_id_seq: 1, bookings_id_seq: 2 },
  };
  return sealDocument(eventsBackup, new Date(0), contents);
}

const half: CommittedState = { ...sold(1), tables: { ...sold(1).tables, bookings: [] } };

type Step = Partial<StepEvent> & Pick<StepEvent, 'operation' | 'committed'>;

const reads = (committed: CommittedState, first = false): Step => ({ operation: 'backup', committed, first, rows: [] });
const writes = (committed: CommittedState, content: CommittedState): Step => ({
  operation: 'backup',
  committed,
  kind: 'store',
  file: { name: 'backup.json.tmp', content: file(content) },
});
const opens = (committed: CommittedState, content: CommittedState): Step => ({
  operation: 'restore',
  committed,
  kind: 'store',
  file: { name: 'backup.json', content: file(content) },
});
const restores = (committed: CommittedState): Step => ({
  operation: 'restore',
  committed,
  kind: 'commit',
  changed: true,
  finished: { value: {} },
});
const books = (id: number, committed: CommittedState): Step => ({
  operation: 'bookSeats',
  committed,
  kind: 'commit',
  changed: true,
  finished: { value: { bookingId: id } },
});

function violationsOf(name: string, steps: readonly Step[]): readonly string[] {
  const monitor = cycleMonitors.find((candidate) => candidate.name === name) as Monitor;
  let state = monitor.initial(steps[0]!.committed);
  for (const step of steps) {
    const before = JSON.stringify(state);
    const next = monitor.observe(state, complete(step));
    expect(JSON.stringify(state)).toBe(before);
    expect(JSON.parse(JSON.stringify(next))).toEqual(next);
    state = next;
  }
  return monitor.violations(state, steps.at(-1)!.committed).map(({ resource }) => resource);
}

function complete(step: Step): StepEvent {
  return {
    actor: step.operation,
    input: {},
    first: false,
    kind: 'statement',
    text: '',
    outcome: 'done',
    code: null,
    rows: null,
    rowCount: null,
    file: null,
    finished: null,
    events: [],
    changed: false,
    openTransactions: [],
    clockMs: 0,
    ...step,
  };
}

describe('backup-content', () => {
  test('accepts any state committed between the first step and the last read', () => {
    for (const content of [sold(), sold(1), sold(1, 2)]) {
      const steps = [reads(sold(), true), books(1, sold(1)), books(2, sold(1, 2)), reads(sold(1, 2)), writes(sold(1, 2), content)];
      expect(violationsOf('backup-content', steps)).toEqual([]);
    }
  });

  test('refuses a mixture of two states', () => {
    expect(violationsOf('backup-content', [reads(sold(), true), books(1, sold(1)), reads(sold(1)), writes(sold(1), half)])).toEqual([
      'backup',
    ]);
  });

  test('refuses a state from before the first step', () => {
    expect(violationsOf('backup-content', [books(1, sold(1)), reads(sold(1), true), writes(sold(1), sold())])).toEqual(['backup']);
  });

  test('refuses a state from after the last read', () => {
    expect(violationsOf('backup-content', [reads(sold(), true), books(1, sold(1)), writes(sold(1), sold(1))])).toEqual(['backup']);
  });

  test('forgets the states once the file is written', () => {
    const monitor = cycleMonitors.find(({ name }) => name === 'backup-content') as Monitor;
    const state = [reads(sold(), true), writes(sold(), sold())].map(complete).reduce(monitor.observe, monitor.initial(sold()));
    expect(state).toEqual(monitor.initial(sold()));
  });
});

describe('restore-content', () => {
  test('accepts tables that differ in version only', () => {
    const raised = { ...sold(1), tables: { ...sold(1).tables, events: sold(1).tables.events!.map((event) => ({ ...event, version: 9 })) } };
    expect(violationsOf('restore-content', [opens(sold(1, 2), sold(1)), restores(raised)])).toEqual([]);
  });

  test('refuses tables that keep a newer booking', () => {
    expect(violationsOf('restore-content', [opens(sold(1, 2), sold(1)), restores(sold(1, 2))])).toEqual(['restore']);
  });

  test('asks nothing of a restore that refused', () => {
    const refused: Step = { ...restores(sold(1, 2)), finished: { value: { rejected: true } } };
    expect(violationsOf('restore-content', [opens(sold(1, 2), sold(1)), refused])).toEqual([]);
  });
});

describe('acknowledged-ids', () => {
  test('refuses an id that was given out before a restore', () => {
    expect(violationsOf('acknowledged-ids', [books(1, sold(1)), restores(sold()), books(1, sold(1))])).toEqual(['booking 1']);
  });

  test('refuses a booking that fails on a taken id', () => {
    const collides: Step = { operation: 'bookSeats', committed: sold(1), outcome: 'failed', code: '23505' };
    expect(violationsOf('acknowledged-ids', [restores(sold(1)), collides])).toEqual(['bookSeats']);
  });

  test('accepts ids that only grow', () => {
    expect(violationsOf('acknowledged-ids', [books(1, sold(1)), restores(sold()), books(2, sold(2))])).toEqual([]);
  });
});

describe('acknowledged-bookings', () => {
  const backedUp = [books(1, sold(1)), reads(sold(1), true), writes(sold(1), sold(1))];

  test('refuses a restore that loses what was acknowledged before the backup', () => {
    expect(violationsOf('acknowledged-bookings', [...backedUp, opens(sold(1), sold(1)), restores(sold())])).toEqual(['booking 1']);
  });

  test('accepts one that keeps it', () => {
    expect(violationsOf('acknowledged-bookings', [...backedUp, opens(sold(1), sold(1)), restores(sold(1))])).toEqual([]);
  });

  test('asks nothing for a booking made while the backup ran', () => {
    const steps = [reads(sold(), true), books(1, sold(1)), writes(sold(1), sold()), opens(sold(1), sold()), restores(sold())];
    expect(violationsOf('acknowledged-bookings', steps)).toEqual([]);
  });
});

describe('versions-grow', () => {
  const at = (version: number): CommittedState => ({ tables: { events: [{ id: 1, version }], bookings: [] }, sequences: {} });

  test('accepts versions that stay or rise', () => {
    expect(violationsOf('versions-grow', [books(1, at(0)), books(2, at(1)), restores(at(2))])).toEqual([]);
  });

  test('refuses a restore that brings back a version, even the current one', () => {
    expect(violationsOf('versions-grow', [books(1, at(1)), restores(at(0))])).toEqual(['events 1']);
    expect(violationsOf('versions-grow', [books(1, at(1)), restores(at(1))])).toEqual(['events 1']);
  });
});
