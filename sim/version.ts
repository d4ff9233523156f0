import { readFileSync } from 'node:fs';

interface PackageFile {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
}

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as PackageFile;

export const VERSION = manifest.version;
/** Pinned exactly: what the model says depends on it. */
export const PG_MEM_VERSION = manifest.dependencies['pg-mem']!;
