/** Runs of specifications, for the tests. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { PostgresServer } from '../src/engine/postgres/providers/server.js';
import { renderSpecEvent, type SpecEvent } from '../src/spec/events.js';
import { parseSpecification } from '../src/spec/parse.js';
import { runSpecification, SPEC_DEFAULTS, type SpecOptions, type SpecOutcome } from '../src/spec/run.js';

export interface SpecRun {
  readonly outcome: SpecOutcome;
  readonly events: readonly SpecEvent[];
  /** What `npm run sim -- spec` writes to standard output. */
  readonly transcript: string;
}

export async function runSpec(text: string, server: PostgresServer | null, options: Partial<SpecOptions> = {}): Promise<SpecRun> {
  const specification = parseSpecification(text);
  const events: SpecEvent[] = [];
  const show = (event: SpecEvent) => {
    events.push(event);
  };
  const outcome = await runSpecification(specification, { ...SPEC_DEFAULTS, withModel: false, ...options, server, show });
  const transcript = `Parsed test spec with ${specification.sessions.length} sessions\n${events.map(renderSpecEvent).join('')}`;
  return { outcome, events, transcript };
}

const FIXTURES = fileURLToPath(new URL('../fixtures/', import.meta.url));

/** Names of the specifications in a folder of fixtures, without `.spec`. */
export const specNames = (folder: string): string[] =>
  readdirSync(`${FIXTURES}${folder}`)
    .filter((name) => name.endsWith('.spec'))
    .map((name) => name.slice(0, -'.spec'.length))
    .sort();

export const readFixture = (path: string): string => readFileSync(`${FIXTURES}${path}`, 'utf8');
