import { describe, expect, it } from 'vitest';
import { EXIT_OF_FAILURE, failureText } from '../sim/failure.js';
import { loadOne } from '../sim/scenarios.js';
import { DEFAULT_LIMITS, drawPlans, explainFailure, Pool, type PostgresServer, VERDICT_OF_FAILURE } from '../src/index.js';
import { scratchDirectory, writeScenario } from './cli-process.js';

const server = (createDatabase: PostgresServer['createDatabase']) => ({ version: '18.4', kind: 'url', createDatabase }) as PostgresServer;
const answering = server(async () => ({ connection: {} as never, drop: async () => undefined }));
const gone = server(async () => Promise.reject(new Error('nothing answers')));

describe('whose affair a failure is', () => {
  it.each([
    ['a lost connection, though the server is there again', Object.assign(new Error('terminated'), { code: '57P01' }), answering],
    ['a lost connection of a session', new Error('the connection is lost: closed by peer'), answering],
    ['anything, where the server is gone', new TypeError('rows is undefined'), gone],
  ])('the server: %s', async (_, error, where) => {
    const report = await explainFailure(error, 'own/x', where);
    expect(report).toMatchObject({
      kind: 'server',
      message: 'the connection to PostgreSQL 18.4 (url) was lost in the middle of the run',
      trace: [],
    });
    expect([VERDICT_OF_FAILURE[report.kind], EXIT_OF_FAILURE[report.kind]]).toEqual(['inconclusive', 4]);
  });

  it('ours: anything else that our own code throws, with its trace', async () => {
    const error = new TypeError('rows is undefined');
    error.stack = `TypeError: rows is undefined\n    at look (${new URL('../src/run.ts', import.meta.url).pathname}:1:2)\n    at own (/elsewhere/mine.ts:3:4)`;
    const report = await explainFailure(error, 'own/x', answering);
    expect(report.kind).toBe('defect');
    expect([VERDICT_OF_FAILURE.defect, EXIT_OF_FAILURE.defect]).toEqual(['error', 70]);
    expect(failureText(report)).toMatch(
      /^error: this is a defect of lastseat, not of yours: TypeError: rows is undefined\n {4}at look .*\n {4}at own .*\nPlease report/,
    );
  });

  it("the scenario's: what its own code throws, also within a library that it calls, with its own places only", async () => {
    const ours = new URL('../src/machine.ts', import.meta.url).pathname;
    const frames = [
      'at deep (/elsewhere/node_modules/dates/index.js:1:2)',
      'at Array.map (<anonymous>)',
      'at check (/elsewhere/mine.ts:3:4)',
      `at #check (${ours}:5:6)`,
    ];
    const error = new RangeError('no such day');
    error.stack = ['RangeError: no such day', ...frames.map((frame) => `    ${frame}`)].join('\n');
    const report = await explainFailure(error, 'own/x', null);
    expect(report).toMatchObject({ kind: 'scenario', message: 'the code of own/x throws RangeError: no such day' });
    expect(report.trace).toEqual(['    at check (/elsewhere/mine.ts:3:4)']);
  });

  it('what is thrown and is no Error', async () => {
    expect(await explainFailure('no seats', 'own/x', null)).toMatchObject({
      kind: 'defect',
      message: 'a value that is no Error: no seats',
    });
  });
});

it('a pool whose last worker is gone refuses what comes later', async () => {
  const file = writeScenario(scratchDirectory(), 'exit', { book: '\n    process.reallyExit(7);' });
  const scenario = await loadOne('own/exit', file);
  const [plan] = drawPlans(scenario, scenario.workloads[0]!, 'READ COMMITTED', {}, '1', 1);
  const pool = new Pool(1, () => ({
    kind: 'setup',
    postgres: null,
    natives: null,
    cpu: null,
    model: true,
    strategy: 'auto',
    reduction: true,
    limits: DEFAULT_LIMITS,
    deadlineMs: null,
  }));
  await pool.opened;
  const job = { kind: 'plan', runs: null, plan: plan! } as const;
  const run = () => pool.run({ source: { scenario, module: file }, job }, 0, () => undefined);
  const ended = 'a worker process ended by itself (exit code 7)';
  const [first, queued] = [run(), run()];
  await expect(first).rejects.toThrow(ended);
  await expect(queued).rejects.toThrow(ended);
  await expect(run()).rejects.toThrow(ended);
  await pool.close();
});
