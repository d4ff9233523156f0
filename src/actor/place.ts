import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** This folder: frames within it are not the operation's. */
const HERE = fileURLToPath(new URL('.', import.meta.url));

/**
 * Where in the operation's code an error was made, as `file:line`, relative to the working directory: the first frame that is neither ours
 * nor Node's. A file elsewhere is told by its name alone. Null where there is none.
 */
export function placeOf(error: Error): string | null {
  for (const line of (error.stack ?? '').split('\n')) {
    const match = /(?:\(|at )(?:async )?((?:file:\/\/)?\/[^():]+|[A-Za-z]:[^():]+):(\d+):\d+\)?$/.exec(line);
    if (match === null) continue;
    const file = match[1]!.replace('file://', '');
    if (file.startsWith(HERE) || file.includes('/node_modules/')) continue;
    const name = relative(process.cwd(), file);
    return `${name.startsWith('..') ? file.split('/').at(-1) : name}:${match[2]}`;
  }
  return null;
}
