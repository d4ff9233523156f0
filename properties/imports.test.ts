/** Imports point one way. Every rule is broken once on purpose, in a folder of its own, and must be refused. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PARTS } from '../.ci/import-rules.js';
import { wrongImports } from '../.ci/imports.js';

const REPOSITORY = fileURLToPath(new URL('..', import.meta.url));
const run = promisify(execFile);

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'lastseat-imports-'));
});

afterEach(() => {
  rmSync(root, { recursive: true });
});

function write(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

function wrongIn(files: Readonly<Record<string, string>>): string[] {
  write(files);
  return wrongImports(root);
}

const check = (cwd: string) => run(process.execPath, ['--import', import.meta.resolve('tsx'), join(REPOSITORY, '.ci/imports.ts')], { cwd });

test('this repository imports one way only', async () => {
  await check(REPOSITORY);
});

test('npm run imports fails, and says what it refuses', async () => {
  write({ 'src/run.ts': "import pg from 'pg';" });
  await expect(check(root)).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('src/run.ts:1 imports pg; ') });
});

describe('an import the wrong way is refused', () => {
  test.each([
    ['people run what is public', 'sim/commands/replay.ts', '../../src/machine.js'],
    ['a booking system knows nothing of the command line', 'sim/systems/events/restore.ts', '../../jobs.js'],
    ['a booking system opens no files and no connections', 'sim/systems/events/restore.ts', 'node:fs'],
    ['a booking system brings no driver', 'sim/systems/events/restore.ts', 'pg'],
    ['an example uses what is public', 'docs/examples/seats.ts', '../../src/scenario.js'],
    ['the library knows no command', 'src/run.ts', '../sim/exit-codes.js'],
    ['the library knows no measurement', 'src/run.ts', '../bench/figure.js'],
    ['the library knows no test', 'src/run.ts', '../properties/model-scripts.js'],
    ['nor does its public list', 'src/index.ts', '../sim/exit-codes.js'],
    ['a run does not explore', 'src/run.ts', './explore/search.js'],
    ['a report shows what is in the history', 'src/report/text.ts', '../machine.js'],
    ['a report does not run anything', 'src/report/text.ts', '../explore/plan.js'],
    ['a history knows nothing', 'src/history/history.ts', '../plan/plan.js'],
    ['the minimiser knows no engine', 'src/minimise/minimise.ts', '../engine/contract.js'],
    ['the minimiser is given its search', 'src/minimise/minimise.ts', '../explore/search.js'],
    ['the engines do not know each other', 'src/engine/model/engine.ts', '../postgres/engine.js'],
    ['the contract knows no engine', 'src/engine/contract.ts', './model/state.js'],
    ['an engine knows no scheduler', 'src/engine/postgres/engine.ts', '../../schedule/policy.js'],
    ['pg is the PostgreSQL engine’s', 'src/explore/plan.ts', 'pg'],
    ['and not the explorer’s', 'src/explore/plan.ts', 'pg/lib/utils.js'],
    ['nor that of the command line', 'sim/main.ts', 'pg'],
    ['containers are the PostgreSQL engine’s', 'src/explore/plan.ts', 'testcontainers'],
    ['in each of their packages', 'src/explore/plan.ts', '@testcontainers/postgresql'],
    ['pg-mem is the model’s', 'src/engine/postgres/engine.ts', 'pg-mem'],
    ['as is the parser', 'src/machine.ts', 'pgsql-ast-parser'],
    ['draws come from plan and schedule', 'src/explore/plan.ts', 'fast-check'],
    ['and so does randomness', 'src/actor/live.ts', 'seedrandom'],
    ['files, processes and sockets are the PostgreSQL engine’s', 'src/machine.ts', 'node:fs'],
    ['under either name', 'src/machine.ts', 'fs'],
    ['a package that nobody has asked for', 'src/report/text.ts', 'left-pad'],
  ])('%s: %s does not import %s', (_rule, path, name) => {
    expect(wrongIn({ [path]: `import { thing } from '${name}';` })).toEqual([expect.stringContaining(`${path}:1 imports ${name}; `)]);
  });

  test.each([
    ['a value', "import { thing } from '../machine.js';"],
    ['a type', "import type { Thing } from '../machine.js';"],
    ['everything', "import * as machine from '../machine.js';"],
    ['nothing but its effects', "import '../machine.js';"],
    ['a name that is passed on', "export { thing } from '../machine.js';"],
    ['a type that is passed on', "export type { Thing } from '../machine.js';"],
    ['all that is passed on', "export * from '../machine.js';"],
    ['a module when it is needed', "const machine = await import('../machine.js');"],
    ['a type in place', "export type Thing = import('../machine.js').Thing;"],
    ['a module as CommonJS has it', "import machine = require('../machine.js');"],
  ])('whatever is imported: %s', (_what, text) => {
    expect(wrongIn({ 'src/report/text.ts': `\n${text}` })).toEqual([
      expect.stringContaining('src/report/text.ts:2 imports ../machine.js; '),
    ]);
  });

  test('a name that is known only when it runs', () => {
    const text = 'export const load = (name: string) => import(name);';
    expect(wrongIn({ 'src/machine.ts': text })).toEqual([expect.stringContaining('src/machine.ts:1 imports (computed); ')]);
  });
});

test('what is allowed is not refused', () => {
  const files = {
    'src/index.ts': "export * from './explore/plan.js'; export * from './report/text.js';",
    'src/explore/plan.ts': "import { thing } from '../engine/model/engine.js'; import { other } from './search.js';",
    'src/engine/postgres/session.ts': "import pg from 'pg'; import utils from 'pg/lib/utils.js'; import { kill } from 'node:process';",
    'src/report/text.ts': "import type { History } from '../history/history.js'; import width from 'string-width';",
    'sim/main.ts': "import { thing } from '../src/index.js'; const mine = await import(process.argv[2]!);",
    'properties/any.test.ts': "import pg from 'pg'; import { thing } from '../src/explore/plan.js';",
  };
  expect(wrongIn(files)).toEqual([]);
});

test('files that import each other are refused, types included', () => {
  const files = {
    'src/report/text.ts': "import type { Lane } from './lanes.js';",
    'src/report/lanes.ts': "import { wrap } from './wrap.js';",
    'src/report/wrap.ts': "export { text } from './text.js';",
    'src/report/json.ts': "import './text.js';",
  };
  expect(wrongIn(files)).toEqual(['a cycle: src/report/lanes.ts -> src/report/wrap.ts -> src/report/text.ts -> src/report/lanes.ts']);
});

test('a file outside every part is refused', () => {
  expect(wrongIn({ 'src/telemetry/send.ts': '' })).toEqual(['src/telemetry/send.ts belongs to no part of .ci/import-rules.ts']);
});

test('a file that cannot be read as TypeScript is an error, not a pass', () => {
  expect(() => wrongIn({ 'src/run.ts': 'import { from' })).toThrow('src/run.ts cannot be parsed');
});

test.each(['src/history', 'src/minimise', 'src/plan', 'src/report', 'src/schedule'])('no way leads from %s to an engine', (start) => {
  const reached = new Set([start]);
  for (const path of reached) {
    const { imports } = PARTS.find((part) => part.path === path)!;
    for (const next of imports) reached.add(next);
  }
  expect([...reached].filter((path) => path.startsWith('src/engine/'))).toEqual([]);
});
