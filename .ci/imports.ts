import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Visitor } from 'rolldown/utils';
import { PARTS, type Part } from './import-rules.js';
import { lineOf, type SourceFile, sourceFiles } from './source.js';

interface Import {
  readonly from: string;
  readonly line: number;
  /** As written; `(computed)` where it is no text. */
  readonly name: string;
  /** The file that a relative import names, else null. */
  readonly file: string | null;
}

/** Imports that point the wrong way, and cycles: one line each. Types count as much as values do. */
export function wrongImports(root: string): string[] {
  const files = sourceFiles(root);
  const imports = files.flatMap(importsOf);
  const strays = files
    .filter(({ path }) => partOf(path) === undefined)
    .map(({ path }) => `${path} belongs to no part of .ci/import-rules.ts`);
  return [...strays, ...imports.flatMap((item) => refusal(item) ?? []), ...cycles(files, imports)];
}

function refusal({ from, line, name, file }: Import): string | null {
  const part = partOf(from);
  if (part === undefined) return null;
  const say = (may: Part['imports']) => `${from}:${line} imports ${name}; ${part.path} may import ${list(may)} (.ci/import-rules.ts)`;
  if (file === null) return part.packages === 'any' || part.packages.some((item) => names(item, name)) ? null : say(part.packages);
  const target = partOf(file)?.path ?? file;
  return target === part.path || part.imports === 'any' || part.imports.includes(target) ? null : say(part.imports);
}

function partOf(path: string): Part | undefined {
  const around = PARTS.filter((part) => path === part.path || path.startsWith(`${part.path}/`));
  return around.sort((left, right) => right.path.length - left.path.length)[0];
}

const list = (items: Part['imports']): string => (items.length === 0 ? 'nothing' : [...items].join(', '));

/** `pg` allows `pg` and `pg/lib/utils.js`. */
const names = (allowed: string, name: string): boolean =>
  allowed === 'node:*' ? name.startsWith('node:') : name === allowed || name.startsWith(`${allowed}/`);

function importsOf({ path, text, program }: SourceFile): Import[] {
  const found: Import[] = [];
  const add = (node: { readonly type: string; readonly start: number; readonly value?: unknown } | null) => {
    if (node === null) return;
    const name = node.type === 'Literal' && typeof node.value === 'string' ? node.value : '(computed)';
    found.push({ from: path, line: lineOf(text, node.start), name, file: name.startsWith('.') ? fileOf(path, name) : null });
  };
  new Visitor({
    ImportDeclaration: (node) => add(node.source),
    ExportNamedDeclaration: (node) => add(node.source),
    ExportAllDeclaration: (node) => add(node.source),
    ImportExpression: (node) => add(node.source),
    TSImportType: (node) => add(node.source),
    TSExternalModuleReference: (node) => add(node.expression),
  }).visit(program);
  return found;
}

const fileOf = (from: string, name: string): string => posix.join(posix.dirname(from), name).replace(/\.js$/, '.ts');

/** One way round for every group of files that import each other. */
function cycles(files: readonly SourceFile[], imports: readonly Import[]): string[] {
  const targets = new Map(files.map(({ path }) => [path, new Set<string>()]));
  for (const { from, file } of imports) if (file !== null && targets.has(file)) targets.get(from)!.add(file);
  const told = new Set<string>();
  return [...targets.keys()].flatMap((start) => {
    const way = wayBack(start, targets);
    if (way === null || way.some((path) => told.has(path))) return [];
    for (const path of way) told.add(path);
    return [`a cycle: ${[...way, start].join(' -> ')}`];
  });
}

/** The shortest way from a file to itself. */
function wayBack(start: string, targets: ReadonlyMap<string, ReadonlySet<string>>): string[] | null {
  const queue: string[][] = [[start]];
  const seen = new Set<string>();
  for (let way = queue.shift(); way !== undefined; way = queue.shift())
    for (const next of targets.get(way[way.length - 1]!) ?? []) {
      if (next === start) return way;
      if (!seen.has(next)) queue.push([...way, next]);
      seen.add(next);
    }
  return null;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const wrong = wrongImports(process.cwd());
  for (const line of wrong) console.error(line);
  process.exitCode = wrong.length > 0 ? 1 : 0;
}
