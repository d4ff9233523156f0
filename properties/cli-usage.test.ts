import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { againCommand } from '../sim/again.js';
import { EXIT, exitCode } from '../sim/exit-codes.js';
import type { ExploreArguments } from '../sim/explore-arguments.js';
import { allShipped } from '../sim/scenarios.js';
import { useColor } from '../sim/terminal.js';
import { VERSION } from '../sim/version.js';
import { workFor } from '../sim/work.js';
import type { Item, ScenarioOutcome, Verdict } from '../src/index.js';
import { scratchDirectory, simHere, start, writeScenario } from './cli-process.js';

const shipped = await allShipped();

const EXPLORE: ExploreArguments = {
  seed: null,
  scenarios: [],
  engine: 'both',
  postgres: 'auto',
  actors: null,
  capacity: null,
  isolation: null,
  strategy: 'auto',
  reduction: true,
  plans: null,
  runs: null,
  timeSeconds: null,
  maxStates: null,
  workers: null,
  shard: { index: 1, of: 1 },
  json: null,
  reporters: [],
  report: '.lastseat',
  save: null,
  exportSpec: null,
  expect: false,
};

describe('bad usage exits 2, says what is wrong and what is wanted, and does nothing', () => {
  it.each([
    [['--isolation', 'FOO'], "'FOO' is invalid", '"read committed"'],
    [['--runs', '0'], "'0' is invalid", 'from 1 to'],
    [['--runs', '1e3'], "'1e3' is invalid", 'whole number'],
    [['--actors', '0'], "'0' is invalid", 'from 1 to 1,000'],
    [['--capacity', '-1'], "'-1' is invalid", 'from 0 to'],
    [['--time', 'soon'], "'soon' is invalid", 'whole number'],
    [['--max-states', '0'], "'0' is invalid", 'whole number'],
    [['--workers', '65'], "'65' is invalid", 'from 1 to 64'],
    [['--shard', '5/4'], "'5/4' is invalid", '1/4: the first of four slices'],
    [['--shard', '0/4'], "'0/4' is invalid", '1/4'],
    [['--engine', 'x'], "'x' is invalid", 'both, model, postgres'],
    [['--strategy', 'x'], "'x' is invalid", 'auto, exhaustive, dpor, uniform, pct, bounded'],
    [['--strategy', 'exhaustive', '--engine', 'postgres'], 'needs the model', '--engine both'],
    [['--postgres', 'oracle'], '"oracle"', 'embedded, testcontainers, or a URL'],
    [['doctor', '--postgres', 'oracle'], '"oracle"', 'embedded, testcontainers, or a URL'],
    [['fuzz', '--runs', '0'], "'0' is invalid", 'npm run fuzz -- --help'],
    [['fuzz', '--major', '14'], "'14' is invalid", '15, 16, 17, 18'],
    [['fuzz', '--major', '15', '--postgres', 'postgres://me@nowhere/x'], '--major 15 is for embedded servers', 'without --postgres'],
    [['--seed'], 'argument missing', '--help'],
    [['--reporter', 'junt:x.xml'], 'Did you mean junit?', 'There are text, markdown, json, junit, github'],
    [['--reporter', 'junit:'], 'A file is wanted behind the colon', 'junit:report'],
    [['--reporter', 'json', '--reporter', 'junit'], 'Only one of json, junit can have standard output', 'junit:FILE'],
    [['--reporter', 'json', '--json', '-'], '--json - and a reporter without a file both want standard output', '--reporter NAME:FILE'],
    [['--nope'], "unknown option '--nope'", 'npm run sim -- --help'],
    [['list', '--nope'], "unknown option '--nope'", 'npm run sim -- list --help'],
    [['list', 'x'], 'too many arguments', 'npm run sim -- list --help'],
    [['reply', 'x'], 'no command "reply"', 'Did you mean replay?'],
    [['frobnicate'], 'no command "frobnicate"', 'explore, replay, spec, fuzz, backup, restore, coverage, explain, list, doctor'],
    [['ls1.abc.def'], 'a replay token', 'npm run sim -- replay TOKEN'],
    [['package.json'], 'a file, and no command', 'npm run sim -- replay FILE'],
    [['events/conditional'], 'is a scenario', '--scenario events/conditional'],
    [
      ['--scenario', 'events/chek-then-insert'],
      'no scenario is called "events/chek-then-insert"',
      'Did you mean events/check-then-insert or',
    ],
    [['--scenario', 'optimistic'], 'no scenario is called "optimistic"', 'Did you mean events/optimistic?'],
    [['--scenario', 'hostel/*'], 'no scenario is called "hostel/*"', 'npm run sim -- list'],
    [['--scenario', './nowhere.ts'], 'no file ./nowhere.ts', 'docs/your-own-code.md'],
    [['--actors', '2', '--scenario', 'events/torn-backup'], '"cycle" of events/torn-backup has 3 actors', 'without --actors'],
    [['--report', 'package.json/x'], 'package.json/x cannot be written', '--report DIR'],
    [['--save', 'package.json'], 'package.json cannot be written', '--save DIR'],
    [['--json', 'package.json/x.json'], 'cannot be written', '--json FILE'],
    [['list', '--json', 'package.json/x.json'], 'cannot be written', '--json FILE'],
  ])('%j', async (args, wrong, wanted) => {
    const { code, stdout, stderr } = await simHere(...args);
    expect(code).toBe(EXIT.usage);
    expect(stderr).toContain(wrong);
    expect(stderr).toContain(wanted);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(stdout).toBe('');
  });

  it.each(['postgres://user:secret@h:port/d', 'mysql://user:secret@h/d', 'postgres://user:sec/ret@h/d'])(
    '--postgres %s is refused without its password',
    async (url) => {
      for (const command of [['--postgres', url], [`--postgres=${url}`], ['doctor', '--postgres', url], [url]]) {
        const { code, stdout, stderr } = await simHere(...command);
        expect(code).toBe(EXIT.usage);
        expect(`${stdout}${stderr}`).not.toMatch(/sec|ret@/);
      }
    },
  );
});

describe('a file of a scenario with a mistake in it exits 2 and names the file and the mistake', () => {
  it.each<[name: string, text: { before?: string; instead?: string }, message: string]>([
    ['throws', { before: "throw new Error('no free seat anywhere');" }, 'could not be loaded: no free seat anywhere'],
    ['lost-import', { before: "import './seats.js';" }, 'could not be loaded: '],
    ['nobody', { instead: 'workloads: [],' }, 'own/nobody has no workloads'],
    [
      'no-roles',
      { instead: "workloads: [{ name: 'none', capacity: always(1), roles: [] }]," },
      'workload "none" of own/no-roles has no roles',
    ],
    [
      'other-operation',
      { instead: "workloads: [{ name: 'two', capacity: always(1), roles: [{ operation: 'buch', input: always({}) }] }]," },
      'uses the operation "buch", which is not among its operations (book)',
    ],
    [
      'fault',
      {
        instead:
          "workloads: [{ name: 'two', capacity: always(1), roles: [{ operation: 'book', input: always({}) }], faults: [{ kind: 'tick' }] }],",
      },
      'workload "two" of own/fault has a fault that is none: {"kind":"tick"}',
    ],
    [
      'two-of-a-name',
      {
        instead:
          "workloads: [{ name: 'two', capacity: always(1), roles: [{ operation: 'book', input: always({}), name: 'ann' }, { operation: 'book', input: always({}), name: 'ann' }] }],",
      },
      'workload "two" of own/two-of-a-name has two roles that would have an actor called "ann": actors are told apart by their names',
    ],
    [
      'numbered-name',
      {
        instead:
          "workloads: [{ name: 'two', capacity: always(1), roles: [{ operation: 'book', input: always({}), name: 'ann', max: 2 }, { operation: 'book', input: always({}), name: 'ann2' }] }],",
      },
      'has two roles that would have an actor called "ann2"',
    ],
    ['drawn-plans', { instead: 'drawnPlans: 0,' }, '"drawnPlans" of own/drawn-plans is 0; it must be a whole number from 1'],
    ['level', { instead: "expect: { 'READ COMITTED': 'holds' }," }, '"expect" of own/level names the isolation level "READ COMITTED"'],
    ['expectation', { instead: "expect: { 'READ COMMITTED': 'hold' }," }, 'at READ COMMITTED is "hold"; it must be "holds" or "violated"'],
    ['witness', { instead: "requires: ['deadlok']," }, 'requires the witness "deadlok", which does not exist (overlap, '],
    ['invariant', { instead: "invariants: [{ name: 'empty' }]," }, 'invariant "empty" of own/invariant must have exactly one'],
    [
      'generator',
      { instead: "workloads: [{ name: 'two', capacity: 1, roles: [{ operation: 'book', input: always({}) }] }]," },
      'no plan of workload "two" of own/generator can be made',
    ],
  ])('%s', async (name, text, message) => {
    const directory = scratchDirectory();
    const file = writeScenario(directory, name, text);
    const { code, stdout, stderr } = await simHere('--scenario', file, '--engine', 'model', '--report', directory);
    expect(code).toBe(EXIT.usage);
    expect(stderr).toContain(`error: ${file}`);
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(stdout).toBe('');
  });

  it('exports no scenario', async () => {
    const file = join(scratchDirectory(), 'empty.ts');
    writeFileSync(file, 'export const seats = 1;\n');
    expect(await simHere('--scenario', file)).toMatchObject({ code: EXIT.usage, stderr: expect.stringContaining('exports no scenario') });
  });
});

describe('the exit code', () => {
  const outcome = (verdict: Verdict, expect: 'holds' | 'violated' | null = 'holds') => ({ verdict, expect }) as ScenarioOutcome;

  it.each<[Verdict, number]>([
    ['proved', 0],
    ['explored', 0],
    ['passed', 0],
    ['violated', 1],
    ['diverged', 3],
    ['racy', 3],
    ['inconclusive', 5],
    ['vacuous', 5],
    ['unmodelled', 5],
    ['error', 70],
  ])('of a scenario that is named is that of its verdict: %s %i', (verdict, code) => {
    expect(exitCode([outcome(verdict)], false)).toBe(code);
    expect(exitCode([outcome(verdict, 'violated')], false)).toBe(code);
  });

  it('in the suite is that of what differs from what is expected', () => {
    expect(exitCode([outcome('proved'), outcome('violated', 'violated')], true)).toBe(0);
    expect(exitCode([outcome('violated')], true)).toBe(1);
    expect(exitCode([outcome('proved', 'violated')], true)).toBe(1);
    expect(exitCode([outcome('vacuous', 'violated')], true)).toBe(5);
    expect(exitCode([outcome('diverged', 'violated')], true)).toBe(3);
    expect(exitCode([outcome('violated', null)], true)).toBe(1);
  });

  it('is the first of 130, 70, 2, 4, 3, 1, 5 where several apply', () => {
    const order = [EXIT.interrupted, EXIT.internal, EXIT.usage, EXIT.environment, EXIT.mismatch, EXIT.violation, EXIT.inconclusive];
    expect(order).toEqual([130, 70, 2, 4, 3, 1, 5]);
    order.forEach((code, index) => {
      expect(exitCode([], false, order.slice(index).reverse())).toBe(code);
    });
    expect(exitCode([outcome('vacuous'), outcome('violated'), outcome('racy')], false)).toBe(3);
    expect(exitCode([outcome('vacuous'), outcome('violated')], false)).toBe(1);
    expect(exitCode([outcome('inconclusive'), outcome('violated')], false, [EXIT.environment])).toBe(4);
    expect(exitCode([outcome('error')], false, [EXIT.environment])).toBe(70);
    expect(exitCode([outcome('error')], false, [EXIT.interrupted])).toBe(130);
  });
});

const plansOfItem = ({ coverings }: Item) => coverings.flatMap(({ plans }) => plans);

describe('options that fix a part of every plan', () => {
  const plansOf = async (args: Partial<ExploreArguments>, seed = 'fix') =>
    (await workFor({ ...EXPLORE, ...args }, seed)).items.flatMap(plansOfItem);

  it('--actors, --capacity and --isolation do, and draw the rest', async () => {
    const free = await plansOf({ scenarios: ['events/*'] });
    expect(new Set(free.map((plan) => plan.actors.length)).size).toBeGreaterThan(1);
    expect(new Set(free.map((plan) => plan.capacity)).size).toBeGreaterThan(1);
    expect(new Set(free.map((plan) => plan.isolation)).size).toBeGreaterThan(1);
    const fixed = await plansOf({ scenarios: ['events/*'], actors: 4, capacity: 3, isolation: 'REPEATABLE READ' });
    expect(fixed.length).toBeGreaterThan(shipped.filter(({ name }) => name.startsWith('events/')).length);
    expect(fixed.filter((plan) => plan.actors.length !== 4 || plan.capacity !== 3 || plan.isolation !== 'REPEATABLE READ')).toEqual([]);
  });

  it('leave out, and name, workloads that cannot have so few actors', async () => {
    const { items, leftOut } = await workFor({ ...EXPLORE, actors: 2 }, 'fix');
    expect(items.flatMap(plansOfItem).filter((plan) => plan.actors.length !== 2)).toEqual([]);
    expect(items.map(({ source }) => source.scenario.name)).not.toContain('events/backup-restore');
    expect(leftOut).toContain('workload "cycle" of events/backup-restore has 3 actors at the least');
  });

  it.each(['42', '', ' ', 'ünï ☂', '--engine', "it's"])('--seed takes any text: %j', async (seed) => {
    const plans = await plansOf({ scenarios: ['events/optimistic'] }, seed);
    expect(plans.every((plan) => plan.seed === seed)).toBe(true);
    expect(await plansOf({ scenarios: ['events/optimistic'] }, seed)).toEqual(plans);
  });

  it.each([1, 2, 3, 5, 40])('--shard: %i slices have every verdict once', async (of) => {
    const name = ({ source, isolation }: Item) => `${source.scenario.name} ${isolation}`;
    const whole = (await workFor(EXPLORE, 's')).items;
    const slices = await Promise.all(
      Array.from({ length: of }, (_, index) => workFor({ ...EXPLORE, shard: { index: index + 1, of } }, 's')),
    );
    const all = slices.flatMap(({ items }) => items);
    expect(all.map(name).sort()).toEqual(whole.map(name).sort());
    for (const item of all) expect(plansOfItem(item)).toEqual(plansOfItem(whole.find((other) => name(other) === name(item))!));
    const sizes = slices.map(({ items }) => items.length);
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
  });
});

describe('the line that repeats a run', () => {
  it('has the seed and every option that has a say in what is found', () => {
    expect(againCommand(EXPLORE, '42')).toBe('npm run sim -- --seed 42');
    const args: ExploreArguments = {
      ...EXPLORE,
      scenarios: ['events/check*', './mine.ts'],
      engine: 'postgres',
      postgres: 'postgres://user:secret@h:1/d',
      actors: 3,
      capacity: 0,
      isolation: 'REPEATABLE READ',
      strategy: 'pct',
      plans: 'all',
      runs: 40,
      timeSeconds: 9,
      maxStates: 10,
      shard: { index: 2, of: 3 },
      workers: 7,
      json: '-',
      save: 'fixtures',
      expect: true,
    };
    expect(againCommand(args, "it's")).toBe(
      "npm run sim -- --seed 'it'\\''s' --scenario 'events/check*' --scenario ./mine.ts --engine postgres --postgres postgres://user@h:1/d --actors 3 --capacity 0 --isolation 'repeatable read' --strategy pct --plans all --runs 40 --time 9 --max-states 10 --shard 2/3 --expect",
    );
  });
});

describe('help and version', () => {
  const LONG = /--[a-z][a-z-]*/g;

  it('the first page names every command, every option of explore, and every exit code', async () => {
    for (const args of [['--help'], ['-h'], ['help']]) {
      const { code, stdout, stderr } = await simHere(...args);
      expect(code).toBe(0);
      expect(stderr).toBe('');
      for (const command of ['explore', 'replay', 'spec', 'backup', 'restore', 'coverage', 'list', 'doctor'])
        expect(stdout).toContain(command);
      const options = (await simHere('explore', '--help')).stdout.match(LONG) ?? [];
      expect(options.length).toBeGreaterThan(17);
      for (const option of options) expect(stdout).toContain(option);
      for (const exit of Object.values(EXIT)) expect(stdout).toMatch(new RegExp(`^ *${exit} `, 'm'));
    }
  });

  it.each(['explore', 'replay', 'spec', 'backup', 'restore', 'coverage', 'list', 'doctor'])(
    '%s --help shows its options with their defaults, one each, and no line that wraps',
    async (command) => {
      const { code, stdout } = await simHere(command, '--help');
      expect(code).toBe(0);
      expect(stdout).toContain(`Usage: npm run sim -- ${command}`);
      expect(stdout).not.toMatch(/\(default: (\[|\{|false)|default: .*default: /);
      expect(stdout.split('\n').filter((line) => line.length > 130)).toEqual([]);
      expect((await simHere('help', command)).stdout).toBe(stdout);
    },
  );

  it.each([[[]], [['explore']], [['replay']], [['spec']], [['backup']], [['restore']], [['list']], [['doctor']]])(
    '%j --version',
    async (command) => {
      expect(await simHere(...command, '--version')).toMatchObject({ code: 0, stdout: `${VERSION}\n`, stderr: '' });
    },
  );
});

describe('list', () => {
  it('shows every variant with what is expected of it at which level', async () => {
    const { code, stdout } = await simHere('list');
    expect(code).toBe(0);
    for (const { name, description, expect: expected } of shipped) {
      const line = stdout.split('\n').find((text) => text.trim().startsWith(`${name} `));
      for (const [level, verdict] of Object.entries(expected)) expect(line).toContain(`${level} ${verdict}`);
      expect(stdout).toContain(description);
    }
  });

  it('is JSON with --json, on standard output or in a file', async () => {
    const { stdout } = await simHere('list', '--json', '-');
    const document = JSON.parse(stdout) as { format: string; scenarios: { name: string; expect: object }[] };
    expect(document.format).toBe('lastseat.list.v1');
    expect(document.scenarios.map(({ name, expect }) => [name, expect])).toEqual(shipped.map(({ name, expect }) => [name, expect]));
    const file = join(scratchDirectory(), 'new', 'list.json');
    expect(await simHere('list', '--json', file)).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(readFileSync(file, 'utf8')).toBe(stdout);
  });

  it('ends quietly where nobody reads any more', async () => {
    const running = start('list');
    running.process.stdout?.destroy();
    expect((await running.ended).stderr).toBe('');
  });
});

describe('doctor', () => {
  it('says what is here; 4 where what was asked for is not', async () => {
    const { code, stdout } = await simHere('doctor', '--postgres', 'embedded');
    expect(code).toBe(0);
    expect(stdout).toContain(`lastseat ${VERSION} · Node ${process.versions.node}`);
    expect(stdout).toMatch(/^ok embedded +PostgreSQL \d+\.\d+: /m);
    const closed = await simHere('doctor', '--postgres', 'postgres://u:secret@127.0.0.1:1/d');
    expect(closed.code).toBe(EXIT.environment);
    expect(closed.stdout).toContain('nothing answers at 127.0.0.1:1');
    expect(closed.stdout).not.toContain('secret');
  });
});

describe('without a server', () => {
  it('both engines stop at once with 4, what doctor shows, and the model as a way out', async () => {
    const { code, stdout, stderr } = await simHere(
      '--scenario',
      'events/conditional',
      '--report',
      scratchDirectory(),
      '--workers',
      '1',
      '--postgres',
      'postgres://u:secret@127.0.0.1:1/d',
    );
    expect(code).toBe(EXIT.environment);
    expect(stderr).toContain('error: nothing answers at 127.0.0.1:1\n');
    expect(stderr).toMatch(/^ok embedded/m);
    expect(stderr).toContain('npm run sim -- --engine model');
    expect(`${stdout}${stderr}`).not.toContain('secret');
  });
});

describe('colour', () => {
  const terminal = { isTTY: true } as NodeJS.WriteStream;
  const pipe = { isTTY: false } as NodeJS.WriteStream;

  it.each([
    [{}, true, false],
    [{ NO_COLOR: '1' }, false, false],
    [{ NO_COLOR: '' }, true, false],
    [{ FORCE_COLOR: '1' }, true, true],
    [{ FORCE_COLOR: '0' }, false, false],
    [{ FORCE_COLOR: '' }, true, false],
    [{ NO_COLOR: '1', FORCE_COLOR: '1' }, false, false],
  ])('%j: on a terminal %s, elsewhere %s', (environment, onTerminal, elsewhere) => {
    expect(useColor(terminal, environment)).toBe(onTerminal);
    expect(useColor(pipe, environment)).toBe(elsewhere);
  });
});
