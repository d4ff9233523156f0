/**
 * What the documents say is true: their commands run and print what is shown, their code is code of this repository, their tables name all
 * that there is. `npm run docs:update` writes what the commands print into the documents.
 */
import { existsSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readData, type StressData, type SuiteData } from '../bench/zoo/data.js';
import { readOutcome } from '../bench/zoo/suite.js';
import courses, { enrol } from '../docs/examples/course-places.js';
import { EXIT, exitCode } from '../sim/exit-codes.js';
import { allShipped } from '../sim/scenarios.js';
import { ModelEngine } from '../src/engine/model/engine.js';
import { grouped } from '../src/grouped.js';
import {
  DEFAULT_LIMITS,
  explorePlan,
  type OperationContext,
  openServer,
  type Plan,
  type Scenario,
  type ScenarioOutcome,
  UnmodelledError,
} from '../src/index.js';
import { SHIPPED_WITNESSES } from '../src/invariants/witnesses.js';
import { VERDICTS, type Verdict } from '../src/verdict.js';
import {
  applyDiff,
  type Block,
  blocksOf,
  Clone,
  type Command,
  commandsOf,
  outputsOf,
  playbookIn,
  ROOT,
  read,
  stable,
  withOutputs,
  withoutIndentation,
} from './documents.js';

const shipped = await allShipped();

const documentsIn = (folder: string) =>
  readdirSync(join(ROOT, folder)).flatMap((name) => (name.endsWith('.md') ? [`${folder}/${name}`] : []));
const SYSTEMS = documentsIn('docs/systems');
const DOCUMENTS = ['README.md', 'CONTRIBUTING.md', ...documentsIn('docs'), ...SYSTEMS];
const UPDATE = process.env.LASTSEAT_UPDATE === '1';
const SUITE = 'npm run sim -- --seed 42';
/** On a machine that is busy with other tests. */
const LIMIT_MS = 1_200_000;

const PLAYBOOK = { why: 'needs a database with bookings', coveredBy: 'properties/playbook.test.ts' };

/** Commands that no document's own test runs: why, and what does. */
const ELSEWHERE: Readonly<Record<string, { readonly why: string; readonly coveredBy: string }>> = {
  'npm ci': { why: 'installs', coveredBy: '.ci/run' },
  'npm ci && npm run sim -- --seed 42': { why: 'installs; the suite takes long', coveredBy: 'properties/docs.test.ts' },
  'npm test': { why: 'this is it', coveredBy: '.ci/run' },
  'npm run test:conformance': { why: 'takes long', coveredBy: '.ci/run' },
  'npm run test:whole': { why: 'this is among it', coveredBy: '.ci/run' },
  'npm run coverage': { why: 'takes long', coveredBy: '.ci/run' },
  'npx vitest run properties/docs.test.ts': { why: 'this is it', coveredBy: '.ci/run' },
  'npm run lint && npm run format:check && npm run typecheck': { why: 'takes long', coveredBy: '.ci/run' },
  'npm run test:testcontainers': { why: 'needs a container engine', coveredBy: '.ci/run' },
  'npm run test:server-tools': { why: 'needs a container engine', coveredBy: '.ci/run' },
  '.ci/run': { why: 'runs everything', coveredBy: '.github/workflows/ci.yml' },
  'npm run zoo': { why: 'writes a document', coveredBy: 'properties/zoo.test.ts' },
  'npm run zoo -- --suite --stress': { why: 'takes long', coveredBy: 'properties/docs.test.ts' },
  'npm run zoo -- --suite': { why: 'the suite takes long', coveredBy: 'properties/docs.test.ts' },
  'npm run zoo -- --mutations': { why: 'takes long', coveredBy: 'properties/zoo-mutations.test.ts' },
  'npm run zoo -- --stress': { why: 'takes long', coveredBy: 'properties/docs.test.ts' },
  ...Object.fromEntries(playbookIn(read('README.md')).map(({ command }) => [command, PLAYBOOK])),
  'npm run docs:update': { why: 'writes the documents, by this test', coveredBy: 'properties/docs.test.ts' },
};

/** A copy of the repository for all documents: what several of them tell their readers to run is run once. The suite has one for itself. */
let clone: Clone;
let suiteClone: Clone;
const clones: Clone[] = [];
const running = new Map<string, ReturnType<Clone['run']>>();

function newClone(): Clone {
  const made = new Clone();
  clones.push(made);
  return made;
}

function once(command: string): ReturnType<Clone['run']> {
  const known =
    running.get(command) ?? (command === SUITE ? suiteClone.run(command.replace('npm run', 'npm run --silent'), true) : clone.run(command));
  running.set(command, known);
  return known;
}

beforeAll(() => {
  clone = newClone();
  suiteClone = newClone();
});

afterAll(async () => {
  await Promise.allSettled(running.values());
  for (const made of clones) made.remove();
}, LIMIT_MS);

describe.concurrent('commands', { timeout: LIMIT_MS }, () => {
  it.each(DOCUMENTS)('of %s end as it says, and print what it shows', async (path) => {
    const document = read(path);
    const additions = blocksOf(document).filter(isAddition);
    // What adds to the repository does so in a copy of its own.
    const own = additions.length > 0 ? newClone() : null;
    own?.write(additions);
    const printed = new Map<string, string>();
    for (const { text, exitCode } of commandsIn(document)) {
      if (ELSEWHERE[text] !== undefined) continue;
      const done = await (own === null ? once(text) : own.run(text));
      expect(done, `${text}\n${done.stderr}`).toMatchObject({ exitCode });
      printed.set(text, stable(done.stdout));
    }
    if (UPDATE) writeFileSync(join(ROOT, path), withOutputs(read(path), printed));
    else for (const { command, text } of outputsOf(document)) expect(stable(text), command).toBe(printed.get(command));
  });

  it('of the suite with seed 42: every verdict is as its variant expects', async () => {
    const { exitCode, stdout, stderr } = await once(SUITE);
    const verdicts = shipped.reduce((sum, scenario) => sum + Object.keys(scenario.expect).length, 0);
    expect(stdout, stderr).toContain(`${verdicts} of ${verdicts} verdicts as expected`);
    expect(exitCode).toBe(EXIT.fine);
  });

  it('of the suite with seed 42: what docs/zoo.md says of it, but for times', async () => {
    const { exitCode, stderr } = await once(SUITE);
    expect(exitCode, stderr).toBe(EXIT.fine);
    const data = readOutcome(join(suiteClone.directory, '.lastseat/outcome.json'));
    const exact = ({ score, verdicts }: SuiteData) =>
      JSON.parse(JSON.stringify({ score, verdicts }, (key, value) => (key.endsWith('Ms') ? undefined : value)));
    expect(exact(readData('suite')!)).toEqual(exact(data));
  });

  it('of the stress test of the zoo run to their end', async () => {
    const { exitCode, stdout, stderr } = await clone.run('node --import tsx bench/zoo.ts --stress --rounds 1 --only events/ --json -');
    expect(exitCode, stderr).toBe(0);
    const { results } = JSON.parse(stdout) as StressData;
    expect(results.length).toBeGreaterThan(0);
    for (const { rounds, failed } of results) expect([rounds, failed <= 1]).toEqual([1, true]);
  });

  it('of the comparison with a stress test and fast-check run to their end; what is exact is what the README says', async () => {
    const { exitCode, stdout, stderr } = await clone.run('node --import tsx bench/compare.ts --rounds 1');
    expect(exitCode, stderr).toBe(0);
    const printed = [...stdout.matchAll(/^(\w+\/[\w-]+) +\d of 1 rounds violate +(\d+) of (\d+) violate$/gm)].map(
      ([, name, violating, all]) => [name!, `${grouped(violating!)} of ${grouped(all!)}`] as const,
    );
    const row = /^(\| `(\w+\/[\w-]+)`.* \| \d+ of \d+ \| )(.*)( \|)$/gm;
    if (UPDATE)
      writeFileSync(
        join(ROOT, 'README.md'),
        read('README.md').replace(row, (_, left, name, exact, right) => `${left}${new Map(printed).get(name) ?? exact}${right}`),
      );
    const shown = [...read('README.md').matchAll(row)].map(([, , name, exact]) => [name, exact]);
    expect(shown.sort()).toEqual(printed.sort());
    expect(stdout).toMatch(/^events\/pessimistic +run 1 never ended/m);
  });
});

/** A file that the reader is to write, or to add to. */
const isAddition = ({ language, path }: Block) => path !== null && (language === 'diff' || !existsSync(join(ROOT, path)));

/** One after the other, each once; those that only an output block names come last. */
function commandsIn(document: string): Command[] {
  const shown = outputsOf(document).map(({ command }) => ({ text: command, exitCode: 0 }));
  const all = [...commandsOf(document), ...shown];
  return all.filter(({ text }, index) => all.findIndex((other) => other.text === text) === index);
}

it('commands that are left to other tests are in a document, and what covers them is there', () => {
  const all = DOCUMENTS.flatMap((path) => commandsOf(read(path)).map(({ text }) => text));
  for (const [command, { coveredBy }] of Object.entries(ELSEWHERE)) {
    expect(all).toContain(command);
    expect(existsSync(join(ROOT, coveredBy)), coveredBy).toBe(true);
  }
});

describe('code in the documents', () => {
  const sources = ['docs/examples/course-places.ts', 'docs/examples/lastseat.yml'].map((path) => withoutIndentation(read(path)));

  it.each(DOCUMENTS)('%s: every piece is part of an example', (path) => {
    for (const block of blocksOf(read(path))) {
      const { language, text } = block;
      // What the reader is to write is tried out with the commands.
      if (!['ts', 'yaml', 'json'].includes(language) || isAddition(block)) continue;
      const piece = withoutIndentation(text);
      expect(
        sources.some((source) => source.includes(piece)),
        text,
      ).toBe(true);
    }
  });

  it('a diff is applied behind the line that it names, and nowhere else', () => {
    expect(applyDiff('a\nb\nc', ' a\n+x\n+y\n c\n+z\n')).toBe('a\nx\ny\nb\nc\nz');
    expect(() => applyDiff('a\nb', ' c\n+x\n')).toThrow('"c" stands 0 times');
    expect(() => applyDiff('a\na', ' a\n+x\n')).toThrow('"a" stands 2 times');
  });

  it.each(DOCUMENTS)('%s: links lead somewhere', (path) => {
    const targets = [...read(path).matchAll(/\]\((?!https?:)([^)#]*)(?:#[\w-]+)?\)/g)].map(([, target]) => target!);
    expect(targets.filter((target) => !existsSync(join(ROOT, target === '' ? path : join(dirname(path), target))))).toEqual([]);
  });
});

describe('docs/your-own-code.md', () => {
  const [unlocked] = courses as [Scenario, ...Scenario[]];
  const document = read('docs/your-own-code.md');
  const listed = (list: string) =>
    new RegExp(`<!-- sql: ${list} -->\\n\`\`\`sql\\n([\\s\\S]*?)\`\`\``).exec(document)![1]!.trim().split('\n');

  const ask = async (text: string) => {
    const engine = new ModelEngine();
    const seed = unlocked.seed({ capacity: 2 });
    const first = await engine.open({ schema: unlocked.schema, seed, actors: 1, isolation: 'READ COMMITTED', clockMs: 0 });
    const send = (state: typeof first, sql: string) =>
      engine.apply(state, { kind: 'statement', actor: 0, statement: { text: sql, values: [], prelude: [] } });
    const { outcome } = await send((await send(first, 'BEGIN')).state, text);
    return outcome.kind === 'blocked' ? 'blocked' : outcome.reply;
  };

  it.each(listed('answered'))('the model answers %s', async (text) => {
    expect(await ask(text)).toMatchObject({ kind: 'result' });
  });

  it.each(listed('refused'))('the model refuses %s', async (text) => {
    await expect(ask(text)).rejects.toThrow(UnmodelledError);
  });

  it('an operation of the example runs over pg as it stands', async () => {
    const server = await openServer('embedded');
    try {
      const { connection } = await server.createDatabase();
      const client = new pg.Client(connection);
      await client.connect();
      await client.query(`${unlocked.schema}${unlocked.seed({ capacity: 2 })}`);
      const context = { client } as unknown as OperationContext;
      expect(await enrol(context, { course: 1, student: 'bea' })).toEqual({ student: 'bea', status: 'enrolled' });
      expect(await enrol(context, { course: 1, student: 'cem' })).toEqual({ student: 'cem', status: 'waiting' });
      expect(await enrol(context, { course: 2, student: 'dee' })).toMatchObject({ rejected: true, code: 'NOT_FOUND' });
      await client.end();
    } finally {
      await server.close();
    }
  });

  it.each([
    ['capacity', unlocked, 'rush', 2],
    ['no-idle-place', unlocked, 'change', 1],
    ['served-in-order', unlocked, 'change', 1],
  ])('the example finds what breaks %s, if that alone is asked for', async (name, scenario, workload, capacity) => {
    const alone: Scenario = {
      ...scenario,
      invariants: scenario.invariants.filter((invariant) => invariant.name === name),
      monitors: (scenario.monitors ?? []).filter((monitor) => monitor.name === name),
    };
    const outcome = await explorePlan(alone, planOf(alone, workload, capacity), {
      strategy: 'exhaustive',
      limits: DEFAULT_LIMITS,
      postgres: null,
      model: true,
    });
    expect(outcome).toMatchObject({ verdict: 'violated', failure: { invariant: name } });
  });

  function planOf(scenario: Scenario, workload: string, capacity: number): Plan {
    const { roles } = scenario.workloads.find((item) => item.name === workload)!;
    const actors = roles.map(({ name, operation }) => ({ name: name!, operation, input: { course: 1, student: name } }));
    return { scenario: scenario.name, workload, isolation: 'READ COMMITTED', capacity, actors, seed: '1' };
  }

  it('the workflow for another repository refuses a bug that is there again, and passes when it is mended', {
    timeout: LIMIT_MS,
  }, async () => {
    // A repository of somebody's, with lastseat in a folder of its own.
    const theirs = join(clone.directory, 'theirs');
    await mkdir(join(theirs, 'pinned'), { recursive: true });
    symlinkSync(ROOT, join(theirs, 'lastseat'));
    const file = (operations: string) =>
      `${read('docs/examples/course-places.ts').replace(/export default .*/, '')}
         const [rush] = [{ name: 'rush', capacity: always(2), roles: [bea, cem] }];
         export default { ...unlocked, operations: ${operations}, workloads: [rush], expect: { 'READ COMMITTED': 'holds' } };`;
    writeFileSync(join(theirs, 'booking.lastseat.ts'), file('unlocked.operations'));
    const [, link, replay, explore] = [...read('docs/examples/lastseat.yml').matchAll(/^ {6}- run: (?:\|\n((?: {10}.*\n)+)|(.*))/gm)].map(
      ([, many, one]) => many ?? one!,
    );
    const step = (text: string) => clone.run(`cd theirs && export GITHUB_RUN_ID=42 && set -e && ${text}`, true);
    expect(await step(link!)).toMatchObject({ exitCode: 0 });
    expect((await step(`${explore!} --save "$PWD/pinned" --engine model`)).exitCode).toBe(EXIT.violation);
    expect(await step(replay!)).toMatchObject({ exitCode: 1 });
    writeFileSync(join(theirs, 'booking.lastseat.ts'), file('locked.operations'));
    const again = await step(replay!);
    expect(again, again.stderr).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('step 1 is now: bea SELECT id FROM courses'),
    });
  });
});

describe('nothing is left out of', () => {
  it('docs/command-line.md: options, limits, exit codes, variables', () => {
    const document = read('docs/command-line.md');
    const missing = (patterns: readonly (string | RegExp)[]) =>
      patterns.filter((pattern) => (typeof pattern === 'string' ? !document.includes(pattern) : !pattern.test(document)));
    const options = optionsIn(readdirSync(join(ROOT, 'sim')).filter((name) => name.endsWith('.ts'))).filter(
      // The last is one of V8's.
      (option) => !['--version', '--help', '--max-inlined-bytecode-size-cumulative', '--max-semi-space-size'].includes(option),
    );
    expect(options).toContain('--max-states');
    expect(missing(options.map((option) => new RegExp(`^\\| [^|]*\`${option}\\b`, 'm')))).toEqual([]);
    const limits = Object.entries(DEFAULT_LIMITS);
    expect(missing(limits.map(([name, value]) => new RegExp(`^\\| \`${name}\`.*\\| ${value.toLocaleString('en')} \\|`, 'm')))).toEqual([]);
    expect(missing(Object.values(EXIT).map((code) => new RegExp(`^\\| ${code} \\|`, 'm')))).toEqual([]);
    const variables = filesUnder('src', 'sim').flatMap((path) => [...read(path).matchAll(/\benv(?:ironment)?\.([A-Z_]+)\b/g)]);
    expect(variables.map(([, name]) => name)).toContain('LASTSEAT_POSTGRES');
    // PATH is looked through for programs, as everywhere.
    expect(missing(variables.map(([, name]) => `\`${name}\``).filter((name) => name !== '`PATH`'))).toEqual([]);
  });

  it('docs/command-line.md: names in the JSON are those of a real outcome', { timeout: LIMIT_MS }, async () => {
    const { exitCode, stderr } = await once(SUITE);
    expect(exitCode, stderr).toBe(EXIT.fine);
    const outcome = JSON.parse(suiteClone.read('.lastseat/outcome.json'));
    const broken = outcome.scenarios.find((scenario: { counterexample: unknown }) => scenario.counterexample !== null);
    const { text } = blocksOf(read('docs/command-line.md')).find(({ language }) => language === 'jsonc')!;
    const shown = JSON.parse(text.replace(/ \/\/ .*$/gm, ''));
    expect(Object.keys(shown)).toEqual(Object.keys(outcome));
    for (const part of ['model', 'postgres', 'counterexample'])
      expect(Object.keys(shown.scenarios[0][part]).sort()).toEqual(Object.keys(broken[part]).sort());
    expect(Object.keys(shown.scenarios[0])).toEqual(Object.keys(broken));
  });

  it('docs/legend.md: verdicts and witnesses', () => {
    const document = read('docs/legend.md');
    expect(VERDICTS.filter((verdict) => !document.includes(`\n| \`${verdict}\` | ${exitCode([outcomeWith(verdict)], false)} |`))).toEqual(
      [],
    );
    expect(SHIPPED_WITNESSES.filter(({ name }) => !document.includes(`\`${name}\``))).toEqual([]);
  });

  it.each(SYSTEMS)('%s: variants, what is expected of them at which level, and what repairs them', (path) => {
    const system = /(\w+)\.md$/.exec(path)![1]!;
    const rows = shipped
      .filter(({ name }) => name.startsWith(`${system}/`))
      .map(({ name, description, expect: levels, zoo }) => {
        const verdicts = (['READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE'] as const).map((level) => levels[level] ?? '');
        const fix = zoo === undefined ? '' : ` Fix: \`${zoo.fix.replace(`${system}/`, '')}\``;
        return `| \`${name}\` | ${verdicts.join(' | ')} | ${description}${fix} |`.replaceAll('|  |', '| |');
      });
    expect(
      read(path)
        .split('\n')
        .filter((line) => line.startsWith(`| \`${system}/`)),
    ).toEqual(rows);
  });

  it('docs/architecture.md: what is in src', () => {
    const document = read('docs/architecture.md');
    const entries = readdirSync(join(ROOT, 'src'), { withFileTypes: true }).map(
      (entry) => `${entry.name}${entry.isDirectory() ? '/' : ''}`,
    );
    const parts = entries.flatMap((entry) => (entry === 'engine/' ? ['engine/contract.ts', 'engine/model/', 'engine/postgres/'] : [entry]));
    expect(parts.filter((part) => !document.includes(`\`${part}\``))).toEqual([]);
    const named = [...document.matchAll(/`(src\/[\w/-]+\.ts)`/g)].map(([, path]) => path!);
    expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });
});

it('workflows use actions by their commit', () => {
  const workflows = [
    ...readdirSync(join(ROOT, '.github/workflows')).map((name) => `.github/workflows/${name}`),
    'docs/examples/lastseat.yml',
  ];
  for (const path of workflows) {
    const used = [...read(path).matchAll(/uses: (.*)/g)].map(([, action]) => action!);
    expect(used.length).toBeGreaterThan(0);
    for (const action of used) expect(action).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  }
});

/** Options as commander is told of them. */
const optionsIn = (files: readonly string[]) =>
  files.flatMap((file) => [...read(`sim/${file}`).matchAll(/'(?:-\w, )?(--[a-z-]+)/g)].map(([, option]) => option!));

const outcomeWith = (verdict: Verdict) => ({ verdict, expect: null }) as unknown as ScenarioOutcome;

function filesUnder(...folders: string[]): string[] {
  return folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
      .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length)),
  );
}
