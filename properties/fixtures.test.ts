import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { allShipped } from '../sim/scenarios.js';
import type { History } from '../src/history/history.js';
import {
  ModelEngine,
  openServer,
  PostgresEngine,
  type PostgresServer,
  type Recording,
  readScheduleFile,
  replayOn,
  type Scenario,
} from '../src/index.js';

const shipped = await allShipped();

const DIRECTORY = new URL('../fixtures/counterexamples/', import.meta.url);

interface Fixture {
  readonly file: string;
  readonly text: string;
  readonly recording: Recording;
  readonly scenario: Scenario;
}

const fixtures = readdirSync(DIRECTORY)
  .sort()
  .map((file): Fixture => {
    const text = readFileSync(new URL(file, DIRECTORY), 'utf8');
    const recording = readScheduleFile(text);
    return { file, text, recording, scenario: shipped.find(({ name }) => name === recording.plan.scenario)! };
  });

/** Call sites move with every line that is added above them; nothing else may. */
const withoutSites = (history: History | null): string => JSON.stringify(history, (key, value) => (key === 'site' ? null : value));

let server: PostgresServer;
let postgres: PostgresEngine;

beforeAll(async () => {
  server = await openServer('embedded');
  postgres = new PostgresEngine(server);
});

afterAll(async () => {
  postgres?.release();
  await server?.close();
});

const broken = shipped.flatMap(({ name, expect: levels }) => {
  const levelsOfIt = Object.entries(levels).flatMap(([level, verdict]) => (verdict === 'violated' ? [level] : []));
  return levelsOfIt.length === 0 ? [] : [{ name, levels: levelsOfIt }];
});
const pinned = fixtures.map(({ recording }) => `${recording.plan.scenario} ${recording.plan.isolation}`);

test('every variant that breaks has a pinned counterexample, at the first level at which it does', () => {
  expect(pinned).toEqual(expect.arrayContaining(broken.map(({ name, levels: [first] }) => `${name} ${first}`)));
});

test('no counterexample is pinned for a variant that does not break at its level', () => {
  const all = broken.flatMap(({ name, levels }) => levels.map((level) => `${name} ${level}`));
  expect(pinned.filter((each) => !all.includes(each))).toEqual([]);
});

test('pinned counterexamples of the zoo have as few actors as the zoo says that it takes', () => {
  const ofTheZoo = fixtures.filter(({ scenario }) => scenario.zoo !== undefined);
  expect(ofTheZoo.map(({ file, recording }) => [file, recording.plan.actors.length])).toEqual(
    ofTheZoo.map(({ file, scenario }) => [file, scenario.zoo!.leastActors]),
  );
});

describe.each(fixtures)('$file', ({ text, recording, scenario }) => {
  const { history } = JSON.parse(text) as { history: History };

  test('comes out on the model as it was recorded', async () => {
    const replayed = await replayOn(scenario, recording, new ModelEngine());
    expect(replayed).toMatchObject({ matches: true, violated: true, difference: null });
    expect(withoutSites(replayed.history)).toBe(withoutSites(history));
  });

  test('comes out on PostgreSQL as it was recorded, time and again', async () => {
    for (let time = 0; time < 3; time += 1) {
      const replayed = await replayOn(scenario, recording, postgres);
      expect(replayed).toMatchObject({ matches: true, violated: true, difference: null });
      expect(withoutSites(replayed.history)).toBe(withoutSites(history));
    }
  });
});

describe('a replay that is not what was recorded', () => {
  const { recording, scenario } = fixtures.find(({ file }) => file.startsWith('events-check-then-insert-read'))!;

  test('is refused where the code has moved on, with the first step that differs', async () => {
    const mended = shipped.find(({ name }) => name === 'events/pessimistic')!;
    const replayed = await replayOn({ ...mended, name: scenario.name }, recording, new ModelEngine());
    expect(replayed).toMatchObject({ matches: false, violated: false });
    expect(replayed.difference!.step).toBe(0);
  });

  test('is refused where the violation was not recorded', async () => {
    const replayed = await replayOn(scenario, { ...recording, violation: null }, new ModelEngine());
    expect(replayed.matches).toBe(false);
  });

  test('is refused where the recorded violation does not come', async () => {
    const violation = { invariant: 'capacity', resource: 'event 2' };
    expect((await replayOn(scenario, { ...recording, violation }, new ModelEngine())).matches).toBe(false);
  });

  test('is refused where the schedule is cut', async () => {
    const cut = { ...recording, schedule: recording.schedule.slice(0, -1), hashes: recording.hashes.slice(0, -1) };
    const replayed = await replayOn(scenario, cut, new ModelEngine());
    expect(replayed.difference?.message).toContain('the schedule ends after');
  });
});
