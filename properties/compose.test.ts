/** docker-compose.yml, the documents and the code mean the same server. That it starts needs an engine, and is not shown here. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseConnectionUrl } from '../src/engine/postgres/providers/connection-url.js';
import { imageName } from '../src/engine/postgres/providers/testcontainers.js';

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const compose = read('docker-compose.yml');

/** The only match's first group. */
function only(pattern: RegExp): string {
  const matches = [...compose.matchAll(new RegExp(pattern, 'gm'))];
  expect(matches).toHaveLength(1);
  return matches[0]![1]!;
}

describe('docker-compose.yml', () => {
  const url = only(/--postgres (postgres:\/\/\S+)/);

  test('has the URL of its own server in a comment, with its port and its password', () => {
    const [address, port] = only(/- "([\d.]+:\d+):5432"/).split(':');
    expect({ ...parseConnectionUrl(url, {}) }).toEqual({
      host: 'localhost',
      port: Number(port),
      user: 'postgres',
      password: only(/POSTGRES_PASSWORD: (\S+)/),
      database: 'postgres',
      ssl: false,
    });
    // Everybody can read that password.
    expect(address).toBe('127.0.0.1');
  });

  test('has the image that Testcontainers starts, of the major version that comes from npm', () => {
    const image = only(/image: (\S+)/);
    expect(image).toBe(imageName({}));
    const { optionalDependencies } = JSON.parse(read('package.json')) as { optionalDependencies: Record<string, string> };
    for (const version of Object.values(optionalDependencies)) expect(image).toMatch(new RegExp(`^postgres:${version.split('.')[0]}-`));
  });

  test('is told of in the documents with the same URL', () => {
    expect(read('docs/command-line.md')).toContain(url);
  });
});
