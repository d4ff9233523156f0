import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ParseResult, parseSync, type VisitorObject } from 'rolldown/utils';

/** Folders with code of ours. */
const FOLDERS = ['.ci', 'bench', 'docs', 'properties', 'sim', 'src'];

/** A TypeScript file, parsed. Paths are relative to the repository, with forward slashes. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly program: ParseResult['program'];
  readonly comments: ParseResult['comments'];
}

/** What a callback for one kind of node is given. */
export type NodeOf<K extends keyof VisitorObject> = Parameters<NonNullable<VisitorObject[K]>>[0];

export function sourceFiles(root: string): SourceFile[] {
  const paths = FOLDERS.flatMap((folder) => typeScriptIn(root, folder)).sort();
  return paths.map((path) => parse(path, readFileSync(join(root, path), 'utf8')));
}

export function parse(path: string, text: string): SourceFile {
  const { program, comments, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path} cannot be parsed: ${errors[0]!.message}`);
  return { path, text, program, comments };
}

export const lineOf = (text: string, offset: number): number => text.slice(0, offset).split('\n').length;

function typeScriptIn(root: string, folder: string): string[] {
  let entries: string[];
  try {
    entries = readdirSync(join(root, folder), { encoding: 'utf8', recursive: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return entries.filter((entry) => entry.endsWith('.ts')).map((entry) => `${folder}/${entry.replaceAll('\\', '/')}`);
}
