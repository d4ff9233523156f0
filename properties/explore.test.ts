/** The sentence: what `explore` and `replay` give to whoever calls them, in this process and over others. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadOne } from '../sim/scenarios.js';
import { closeSharedServers, type ExploreProgress, explore, replay, type Scenario, type ScenarioOutcome } from '../src/index.js';
import { scratchDirectory, simHere, UNSAFE, writeScenario } from './cli-process.js';
import { seatsScenario } from './small-scenarios.js';

afterAll(closeSharedServers);

const SEATS = seatsScenario({
  take: async ({ client }) => {
    await client.query('UPDATE seats SET free = free - 1 WHERE id = 1');
  },
});

const load = (name: string, book?: string) => {
  const file = writeScenario(scratchDirectory(), name, book === undefined ? {} : { book });
  return loadOne(`own/${name}`, file).then((scenario) => ({ scenario, file }));
};

/** What does not depend on the clock. */
const figures = ({ verdict, model, postgres, witnesses, counterexample, planCounts }: ScenarioOutcome) => ({
  verdict,
  model,
  postgres,
  witnesses,
  planCounts,
  token: counterexample?.token ?? null,
});

describe('explore', () => {
  it('comes to what the command comes to, in this process and over others', async () => {
    const { scenario, file } = await load('unsafe', UNSAFE);
    const { stdout } = await simHere('--scenario', file, '--seed', '1', '--json', '-', '--report', scratchDirectory());
    const [told] = (JSON.parse(stdout) as { scenarios: ScenarioOutcome[] }).scenarios;
    const here = await explore(scenario);
    const elsewhere = await explore(scenario, { workers: 1, module: file });
    expect(here).toMatchObject({ name: 'own/unsafe', verdict: 'violated', holds: false, failures: [], leftOut: [] });
    expect(figures(here.outcomes[0]!)).toEqual(figures(told!));
    expect(figures(elsewhere.outcomes[0]!)).toEqual(figures(told!));
    expect(here.counterexample).toMatchObject({ confirmedOnPostgres: true, minimal: true });
  });

  it('has a verdict for each level, and holds where all of them do', async () => {
    const { scenario } = await load('safe');
    expect(await explore(scenario, { engine: 'model' })).toMatchObject({
      verdict: 'explored',
      holds: true,
      postgres: null,
      counterexample: null,
    });
    // A statement sees what its transaction saw first.
    const both: Scenario = { ...scenario, expect: { 'READ COMMITTED': 'holds', 'REPEATABLE READ': 'violated' } };
    const explored = await explore(both, { engine: 'model' });
    expect(explored.outcomes.map(({ isolation, verdict }) => `${isolation} ${verdict}`)).toEqual([
      'READ COMMITTED explored',
      'REPEATABLE READ violated',
    ]);
    expect(explored).toMatchObject({ verdict: 'violated', holds: false });
  });

  it('two at once share one server, and take turns', async () => {
    const { scenario } = await load('unsafe', UNSAFE);
    const explored = await Promise.all([explore(scenario), explore(scenario, { seed: '2' })]);
    expect(explored.map(({ verdict }) => verdict)).toEqual(['violated', 'violated']);
  });

  it('tells how far it is, and its reporters what was found', async () => {
    const { scenario } = await load('unsafe', UNSAFE);
    const progress: ExploreProgress[] = [];
    const told: string[] = [];
    const reporter = {
      onOutcome: ({ verdict }: ScenarioOutcome) => void told.push(`outcome ${verdict}`),
      onEnd: ({ verdict }: { verdict: string }) => void told.push(`end ${verdict}`),
    };
    await explore(scenario, { engine: 'model', reporters: [reporter], onProgress: (item) => progress.push(item) });
    expect(told).toEqual(['outcome violated', 'end violated']);
    expect(progress[0]).toMatchObject({ isolation: 'READ COMMITTED', done: 0, plans: 1 });
    expect(progress.at(-1)).toMatchObject({ done: 1, plans: 1 });
  });

  it('gives a verdict and its reason where the scenario itself fails', async () => {
    const { scenario } = await load('safe');
    const check = () => {
      throw new RangeError('no such day');
    };
    const explored = await explore({ ...scenario, invariants: [{ name: 'broken', check }] }, { engine: 'model' });
    expect(explored).toMatchObject({ verdict: 'error', holds: false });
    expect(explored.failures).toMatchObject([{ kind: 'scenario', message: expect.stringContaining('no such day') }]);
  });

  it('refuses what is no scenario, options that leave nothing, and processes that cannot load it', async () => {
    await expect(explore({ ...SEATS, workloads: [] })).rejects.toThrow('has no workloads: nobody would do anything');
    const workloads = SEATS.workloads.map((workload) => ({ ...workload, levels: ['SERIALIZABLE' as const] }));
    await expect(explore({ ...SEATS, workloads }, { isolation: 'READ COMMITTED' })).rejects.toThrow('nothing is left to explore');
    await expect(explore(SEATS, { workers: 2 })).rejects.toThrow('`workers` needs `module`');
  });

  it('rejects with the reason of its signal', async () => {
    const reason = new Error('enough');
    await expect(explore(SEATS, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const aborting = new AbortController();
    const exploring = explore(SEATS, { signal: aborting.signal, onProgress: () => aborting.abort(reason) });
    await expect(exploring).rejects.toBe(reason);
  });
});

describe('replay', () => {
  it('finds the violation again, and says so where it does not', async () => {
    const { scenario } = await load('unsafe', UNSAFE);
    const { counterexample } = await explore(scenario);
    const { token } = counterexample!;
    const again = await replay(token, { scenario, times: 2 });
    expect(again).toMatchObject({ result: 'violated', gone: null });
    expect(again.engines.map(({ matched, of }) => `${matched}/${of}`)).toEqual(['2/2', '2/2']);
    const { scenario: safe } = await load('safe');
    expect(await replay(token, { scenario: safe, engine: 'model' })).toMatchObject({ result: 'differs' });
    expect(await replay(token, { scenario: { ...safe, operations: {} } })).toMatchObject({
      result: 'differs',
      gone: { operation: 'book' },
    });
  });
});

describe('the shared server', () => {
  const clusters = () =>
    ['/dev/shm', '/tmp'].flatMap((home) => (existsSync(home) ? readdirSync(home) : [])).filter((name) => /^lastseat-\d+-/.test(name));
  const script = (rest: string) => {
    const directory = scratchDirectory();
    const file = writeScenario(directory, 'unsafe', { book: UNSAFE });
    const path = join(directory, 'script.mts');
    writeFileSync(
      path,
      `import { explore, scenariosIn } from '${new URL('../src/index.ts', import.meta.url).href}';
const [scenario] = await scenariosIn('${file}');
const { verdict } = await explore(scenario);
console.log(verdict);
${rest}`,
    );
    return spawn(process.execPath, ['--import', import.meta.resolve('tsx'), path], { stdio: ['ignore', 'pipe', 'inherit'] });
  };

  it('keeps nobody from ending, and is gone when the process is', async () => {
    const child = script('');
    await new Promise((resolve) => child.once('close', resolve));
    expect(child.exitCode).toBe(0);
    expect(clusters().filter((name) => name.startsWith(`lastseat-${child.pid}-`))).toEqual([]);
  });

  it('is gone when the process is killed', async () => {
    const child = script('setInterval(() => undefined, 1000);');
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const mine = () => clusters().filter((name) => name.startsWith(`lastseat-${child.pid}-`));
    expect(mine()).toHaveLength(1);
    child.kill('SIGKILL');
    await expect.poll(mine, { timeout: 10_000 }).toEqual([]);
  });
});
