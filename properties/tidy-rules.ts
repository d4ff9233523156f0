/** Habits of this repository that a machine can see, each with code that it must refuse. */
import { Visitor } from 'rolldown/utils';
import type { NodeOf, SourceFile } from '../.ci/source.js';

export interface Finding {
  readonly offset: number;
  readonly what: string;
}

export interface TidyRule {
  readonly name: string;
  /** Path prefixes that the rule is for, and of those the ones that it is not for: where the thing has its home. */
  readonly in: readonly string[];
  readonly home?: readonly string[];
  readonly find: (file: SourceFile) => readonly Finding[];
  /** Code that it refuses. */
  readonly bad: readonly string[];
  /** Path of that code, where it matters. */
  readonly badPath?: string;
  /** Code without a finding that looks like one. */
  readonly good: readonly string[];
}

/** What a run is made of: the library and the booking systems. */
const RUNS = ['src/', 'sim/systems/'];
const ALL = [''];

/** `Date.now` for a member of that name, also of `globalThis`; null where its parts are not plain names. */
function dotted(node: NodeOf<'MemberExpression'>['object'] | NodeOf<'MemberExpression'>): string | null {
  if (node.type === 'Identifier') return node.name;
  if (node.type !== 'MemberExpression') return null;
  const { object, property } = node;
  const name =
    property.type === 'Identifier' && !node.computed ? property.name : property.type === 'Literal' ? String(property.value) : null;
  const left = dotted(object);
  if (left === null || name === null) return null;
  return left === 'globalThis' ? name : `${left}.${name}`;
}

/** Members such as `Date.now`, or all of `console.*`; names such as `setTimeout`, wherever they stand; calls and constructors without arguments. */
function uses(forbidden: { members?: readonly string[]; names?: readonly string[]; empty?: readonly string[] }): TidyRule['find'] {
  const { members = [], names = [], empty = [] } = forbidden;
  return ({ program }) => {
    const found: Finding[] = [];
    const emptyCall = ({ callee, arguments: given, start }: NodeOf<'CallExpression'> | NodeOf<'NewExpression'>) => {
      if (callee.type === 'Identifier' && empty.includes(callee.name) && given.length === 0)
        found.push({ offset: start, what: `${callee.name}()` });
    };
    new Visitor({
      MemberExpression: (node) => {
        const name = dotted(node);
        if (name !== null && (members.includes(name) || members.includes(`${name.split('.')[0]}.*`)))
          found.push({ offset: node.start, what: name });
      },
      Identifier: ({ name, start }) => {
        if (names.includes(name)) found.push({ offset: start, what: name });
      },
      CallExpression: emptyCall,
      NewExpression: emptyCall,
    }).visit(program);
    return found;
  };
}

function unexplainedAny({ text, program, comments }: SourceFile): Finding[] {
  const found: Finding[] = [];
  const lineAt = (offset: number) => text.lastIndexOf('\n', offset);
  new Visitor({
    TSAnyKeyword: ({ start }) => {
      const explained = comments.some(
        ({ value, end }) => /biome-ignore .*noExplicitAny: ./.test(value) && text.indexOf('\n', end) === lineAt(start),
      );
      if (!explained) found.push({ offset: start, what: 'any' });
    },
  }).visit(program);
  return found;
}

function privateKeyword({ program }: SourceFile): Finding[] {
  const found: Finding[] = [];
  const check = ({ start, accessibility }: { start: number; accessibility?: string | null }) => {
    if (accessibility === 'private' || accessibility === 'protected') found.push({ offset: start, what: accessibility });
  };
  new Visitor({
    PropertyDefinition: check,
    MethodDefinition: (node) => {
      // A constructor has no #name.
      if (node.kind !== 'constructor') check(node);
    },
  }).visit(program);
  return found;
}

const MAX_LINES = 800;

export const TIDY: readonly TidyRule[] = [
  {
    name: 'the time of day and timers are waiting.ts’s, turn.ts’s where an operation is waited for, and watchdog.ts’s where one is looked on',
    in: RUNS,
    home: ['src/engine/postgres/waiting.ts', 'src/actor/turn.ts', 'src/crew/watchdog.ts'],
    find: uses({
      members: ['Date.now', 'performance.*', 'process.hrtime', 'process.uptime', 'AbortSignal.timeout'],
      names: ['setTimeout', 'setInterval', 'setImmediate'],
      empty: ['Date'],
    }),
    bad: [
      'const now = Date.now();',
      "const now = Date['now']();",
      'const now = globalThis.Date.now();',
      'const now = new Date();',
      'const now = Date();',
      'const now = performance.now();',
      'setTimeout(() => {}, 10);',
      'globalThis.setTimeout(() => {}, 10);',
      "import { setTimeout as delay } from 'node:timers/promises';",
      'const later = setTimeout;',
      'setInterval(tick, 10);',
      'setImmediate(tick);',
    ],
    good: [
      'const start = new Date(clockMs);',
      'const now = clock.now();',
      '// Not Date.now(), and no setTimeout().',
      "const text = 'new Date()';",
    ],
  },
  {
    name: 'chance comes from the seed; names and passwords of servers are no part of a run',
    in: RUNS,
    home: ['src/engine/postgres/providers/'],
    find: uses({
      members: ['Math.random'],
      names: ['randomBytes', 'randomFill', 'randomInt', 'randomUUID', 'getRandomValues'],
    }),
    bad: ['const die = Math.random() * 6;', 'const id = crypto.randomUUID();', "import { randomBytes } from 'node:crypto';"],
    good: ['const die = random.integer(1, 6);', "import { createHash } from 'node:crypto';"],
  },
  {
    name: 'the library neither speaks, nor listens, nor ends the process, but where a process is all its own',
    in: RUNS,
    home: ['src/crew/strays.ts', 'src/crew/worker.ts'],
    find: uses({
      members: ['console.*', 'process.argv', 'process.exit', 'process.exitCode', 'process.stdin', 'process.stdout', 'process.stderr'],
    }),
    bad: ['console.log(1);', 'const [, , seed] = process.argv;', 'process.exit(1);', 'process.exitCode = 1;', "process.stdout.write('1');"],
    good: ['child.stdout.read();', 'const exit = (code: number) => code;'],
  },
  {
    name: 'the environment is read where servers are found',
    in: RUNS,
    home: ['src/engine/postgres/providers/'],
    find: uses({ members: ['process.env'] }),
    bad: ['const seed = process.env.SEED;'],
    good: ['const seed = environment.SEED;'],
  },
  {
    name: 'no text depends on the language of the machine',
    in: RUNS,
    find: uses({ names: ['toLocaleString', 'toLocaleDateString', 'toLocaleTimeString', 'localeCompare', 'Intl'] }),
    bad: ['const text = (1234).toLocaleString();', 'names.sort((a, b) => a.localeCompare(b));', 'new Intl.NumberFormat();'],
    good: ['names.sort((a, b) => (a < b ? -1 : 1));'],
  },
  {
    name: 'what is to be done is an issue, not a comment',
    in: ALL,
    find: ({ comments }) =>
      comments
        .filter(({ value }) => /\b(TODO|FIXME|XXX|HACK)\b/.test(value))
        .map(({ start, value }) => ({ offset: start, what: value.trim() })),
    bad: ['// TODO: later', '/** FIXME */', '/* a HACK, sorry */'],
    good: ["const word = 'TODO';"],
  },
  {
    name: 'any says why',
    in: ALL,
    find: unexplainedAny,
    bad: ['let value: any;', 'const value = thing as any;', '// biome-ignore lint/suspicious/noExplicitAny: here.\n\nlet value: any;'],
    good: ['let value: unknown;', '// biome-ignore lint/suspicious/noExplicitAny: the shape is its own affair.\nlet value: any;'],
  },
  {
    name: 'what is private has a #',
    in: ALL,
    find: privateKeyword,
    bad: ['class Seat { private taken = 1; }', 'class Seat { protected take() {} }'],
    good: ['class Seat { #taken = 1; private constructor() {} }'],
  },
  {
    name: `no file is longer than ${MAX_LINES} lines`,
    in: ALL,
    find: ({ text }) => {
      const lines = text.split('\n').length - 1;
      return lines > MAX_LINES ? [{ offset: text.length, what: `${lines} lines` }] : [];
    },
    bad: ['let a = 1;\n'.repeat(MAX_LINES + 1)],
    good: ['let a = 1;\n'.repeat(MAX_LINES)],
  },
  {
    name: 'files are named in kebab-case',
    in: ALL,
    find: ({ path }) => {
      const names = path.split('/').map((name) => name.replace(/(\.test|\.d)?\.ts$/, ''));
      const wrong = names.find((name) => !/^\.?[a-z0-9]+(-[a-z0-9]+)*$/.test(name));
      return wrong === undefined ? [] : [{ offset: 0, what: wrong }];
    },
    bad: [''],
    badPath: 'src/bookSeats.ts',
    good: [''],
  },
  {
    name: 'no test is left out, or left alone',
    in: ['properties/'],
    find: uses({
      members: ['test', 'it', 'describe'].flatMap((name) => [`${name}.only`, `${name}.skip`, `${name}.todo`, `${name}.fails`]),
    }),
    bad: ["test.only('books', () => {});", "describe.skip('books', () => {});", "it.todo('books');"],
    badPath: 'properties/bad.test.ts',
    good: ["test.each([1])('books %i', () => {});"],
  },
];

/** What a rule finds in a file, if it is for that file. */
export function findings(rule: TidyRule, file: SourceFile): readonly Finding[] {
  const isFor = rule.in.some((prefix) => file.path.startsWith(prefix)) && !(rule.home ?? []).some((prefix) => file.path.startsWith(prefix));
  return isFor ? rule.find(file) : [];
}

/** Names that a file gives to others without a comment of the kind that editors show. `files` are all files by path. */
export function undocumented(index: string, files: ReadonlyMap<string, SourceFile>): string[] {
  return publicNames(index, files).flatMap(({ path, name }) => {
    const file = files.get(path);
    const declared = file && declarations(file).find((item) => item.name === name);
    if (declared === undefined) return [`${path}: ${name} is not declared here`];
    return hasDocComment(file!, declared.start) ? [] : [`${path}: ${name}`];
  });
}

function publicNames(index: string, files: ReadonlyMap<string, SourceFile>): { path: string; name: string }[] {
  const found: { path: string; name: string }[] = [];
  const pathOf = (source: string) => `${index.slice(0, index.lastIndexOf('/'))}/${source.slice(2).replace(/\.js$/, '.ts')}`;
  new Visitor({
    ExportAllDeclaration: ({ source }) => {
      const path = pathOf(source.value);
      for (const { name } of declarations(files.get(path)!)) found.push({ path, name });
    },
    ExportNamedDeclaration: ({ source, specifiers }) => {
      for (const { local } of specifiers)
        if (local.type === 'Identifier') found.push({ path: source === null ? index : pathOf(source.value), name: local.name });
    },
  }).visit(files.get(index)!.program);
  return found;
}

/** Exported declarations, with where they start. */
function declarations({ program }: SourceFile): { name: string; start: number }[] {
  const found: { name: string; start: number }[] = [];
  new Visitor({
    ExportNamedDeclaration: ({ declaration, start }) => {
      if (declaration === null) return;
      const named =
        'declarations' in declaration ? declaration.declarations.map((item) => item.id) : 'id' in declaration ? [declaration.id] : [];
      for (const id of named) if (id?.type === 'Identifier') found.push({ name: id.name, start });
    },
  }).visit(program);
  return found;
}

function hasDocComment({ text, comments }: SourceFile, start: number): boolean {
  const before = comments.filter(({ end }) => end <= start);
  for (let at = start, comment = before.pop(); comment !== undefined; at = comment.start, comment = before.pop()) {
    if (text.slice(comment.end, at).trim() !== '') return false;
    if (comment.type === 'Block' && comment.value.startsWith('*')) return true;
  }
  return false;
}
