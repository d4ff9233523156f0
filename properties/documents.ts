import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The documents as tests see them: commands, outputs, pieces of code. */

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Read from the root of the repository. */
export const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

export interface Block {
  readonly language: string;
  /** What stands behind the language: the path of a file that the block is, or a part of. */
  readonly path: string | null;
  readonly text: string;
}

export interface Command {
  readonly text: string;
  /** 0, unless a comment behind the command says `exit code N`. */
  readonly exitCode: number;
}

/** A block that shows what a command prints: the command stands in a comment above it. */
export interface Output {
  readonly command: string;
  readonly text: string;
}

const BLOCK = /^```(\w+)(?: (\S+))?\n([\s\S]*?)^```$/gm;
const OUTPUT = /^<!-- output of: (.+) -->\n```text\n([\s\S]*?)^```$/gm;

export function blocksOf(document: string): Block[] {
  return [...document.matchAll(BLOCK)].map(([, language, path, text]) => ({ language: language!, path: path ?? null, text: text! }));
}

/** Commands of the sh blocks, one a line. */
export function commandsOf(document: string): Command[] {
  return blocksOf(document)
    .filter(({ language }) => language === 'sh')
    .flatMap(({ text }) => text.replaceAll('\\\n', ' ').split('\n'))
    .flatMap((line) => {
      const [, text, comment] = /^(.*?)(?:(?:^|\s)#\s(.*))?$/.exec(line.trim())!;
      if (text === undefined || text.trim() === '') return [];
      return [{ text: text.trim(), exitCode: Number(/exit code (\d+)/.exec(comment ?? '')?.[1] ?? 0) }];
    });
}

export function outputsOf(document: string): Output[] {
  return [...document.matchAll(OUTPUT)].map(([, command, text]) => ({ command: command!, text: text! }));
}

/** The document with another text in its output blocks. */
export function withOutputs(document: string, printed: ReadonlyMap<string, string>): string {
  return document.replace(OUTPUT, (whole, command: string) => {
    const text = printed.get(command);
    return text === undefined ? whole : `<!-- output of: ${command} -->\n\`\`\`text\n${text}\`\`\``;
  });
}

const PLAYBOOK = /^```sh\n(.+)\n```\n\n<!-- playbook: \d+ -->\n```text\n([\s\S]*?)^```$/gm;

/** Commands that belong together, in order, each with what it prints: they need a world of their own. */
export function playbookIn(document: string): Output[] {
  return [...document.matchAll(PLAYBOOK)].map(([, command, text]) => ({ command: command!, text: text! }));
}

/** The document with another text behind each command of its playbook. */
export function withPlaybook(document: string, texts: readonly string[]): string {
  let at = 0;
  return document.replace(
    PLAYBOOK,
    (whole, _command, old: string) => `${whole.slice(0, whole.length - old.length - 3)}${texts[at++]}\`\`\``,
  );
}

/** What differs from run to run, or would fill a page: seconds, and the middle of a replay token. */
export function stable(printed: string): string {
  return printed
    .replace(/(\d+\.\d|…) s\b/g, '… s')
    .replace(/(ls1\.[\w-]{6})[\w-]+\.([\w-]{6})/g, '$1….$2')
    .replace(/[ \t]+$/gm, '');
}

/** Lines set in as they like: a piece of code may stand deeper in its file. */
export const withoutIndentation = (text: string): string => text.replace(/^[ \t]+/gm, '').trim();

/** A diff block's new lines, put behind the line that stands above them, which must be there once. */
export function applyDiff(content: string, diff: string): string {
  let lines = content.split('\n');
  let at = -1;
  for (const line of diff.split('\n').filter((part) => part !== '')) {
    const text = line.slice(1);
    if (line.startsWith('+')) {
      at += 1;
      lines = [...lines.slice(0, at), text, ...lines.slice(at)];
      continue;
    }
    const found = lines.flatMap((other, index) => (other === text ? [index] : []));
    if (found.length !== 1) throw new Error(`"${text}" stands ${found.length} times in the file that the diff is for`);
    at = found[0]!;
  }
  return lines.join('\n');
}

/** A directory in which the documents' commands run as in a clone, and leave nothing in this one. */
export class Clone {
  readonly directory = mkdtempSync(join(tmpdir(), 'lastseat-docs-'));

  constructor() {
    for (const name of readdirSync(ROOT)) {
      if (['.git', '.lastseat'].includes(name)) continue;
      const [from, to] = [join(ROOT, name), join(this.directory, name)];
      // What a document adds to is a copy.
      if (['sim', 'fixtures'].includes(name)) cpSync(from, to, { recursive: true });
      else symlinkSync(from, to);
    }
  }

  /** Files and diffs that a document tells its reader to write. */
  write(blocks: readonly Block[]): void {
    for (const { language, path, text } of blocks) {
      if (path === null) continue;
      const target = join(this.directory, path);
      if (relative(this.directory, target).startsWith('..')) throw new Error(`${path} is not in the repository`);
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, language === 'diff' ? applyDiff(readFileSync(target, 'utf8'), text) : text);
    }
  }

  has(path: string): boolean {
    return existsSync(join(this.directory, path));
  }

  read(path: string): string {
    return readFileSync(join(this.directory, path), 'utf8');
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Runs a line of shell. `npm run sim` is what it is in package.json, without npm's banner and its half second; `literally` leaves it as it is. */
  run(line: string, literally = false): Promise<{ exitCode: number; stdout: string; stderr: string }> {
    const { FORCE_COLOR: _color, ...environment } = process.env;
    const child = spawn('sh', ['-c', literally ? line : line.replaceAll('npm run sim --', 'node --import tsx sim/main.ts')], {
      cwd: this.directory,
      env: { ...environment, LASTSEAT_POSTGRES: 'embedded', NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    return new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) => resolve({ exitCode: code ?? -1, stdout, stderr }));
    });
  }
}
