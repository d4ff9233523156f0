/** The data from which docs/zoo.md is made, in fixtures/zoo. Whoever runs something for it writes its file; times in them are measured. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { IsolationLevel, Score, Verdict } from '../../src/index.js';
import type { MutationResult } from './mutations.js';

const DIRECTORY = new URL('../../fixtures/zoo/', import.meta.url);

/** Where and when something was measured. */
export interface Measured {
  /** `2026-03-01`. */
  readonly date: string;
  readonly machine: string;
  readonly node: string;
  readonly postgres: string | null;
}

/** A verdict of the suite. Counts are decimal strings where they outgrow numbers. */
export interface SuiteVerdict {
  readonly name: string;
  readonly isolation: IsolationLevel;
  readonly expect: string;
  readonly verdict: Verdict;
  readonly interleavings: string;
  readonly violating: string;
  readonly transitions: number;
  readonly transitionsConfirmed: number;
  readonly transitionsUnforceable: number;
  /** Null where nothing was found. */
  readonly found: {
    readonly schedules: number | null;
    readonly actors: number;
    readonly steps: number;
    readonly switches: number;
    readonly toViolationMs: number;
  } | null;
  readonly elapsedMs: number;
}

/** `npm run zoo -- --suite`. */
export interface SuiteData {
  readonly seed: string;
  readonly measured: Measured;
  readonly score: Score;
  readonly verdicts: readonly SuiteVerdict[];
}

/** `npm run zoo -- --mutations`. Nothing in it is a matter of time. */
export interface MutationData {
  readonly seed: string;
  readonly isolation: IsolationLevel;
  readonly results: readonly MutationResult[];
}

/** How often a stress test sees a variant violate. */
export interface StressResult {
  readonly name: string;
  readonly isolation: IsolationLevel;
  readonly rounds: number;
  readonly failed: number;
  /** On the model some interleaving violates an invariant, without monitors and without what no actor does: neither has the stress test. */
  readonly inReach: boolean;
}

/** `npm run zoo -- --stress`. */
export interface StressData {
  readonly seed: string;
  readonly measured: Measured;
  readonly results: readonly StressResult[];
}

interface Files {
  readonly suite: SuiteData;
  readonly mutations: MutationData;
  readonly stress: StressData;
}

/** Null where nobody has run it. */
export function readData<K extends keyof Files>(name: K): Files[K] | null {
  const file = new URL(`${name}.json`, DIRECTORY);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Files[K]) : null;
}

/** A line for each entry of a list, so that differences can be read. */
export function writeData<K extends keyof Files>(name: K, data: Files[K]): void {
  mkdirSync(DIRECTORY, { recursive: true });
  const fields = Object.entries(data).map(([key, value]) => {
    const lines = Array.isArray(value)
      ? `[\n${value.map((item) => `    ${JSON.stringify(item)}`).join(',\n')}\n  ]`
      : JSON.stringify(value);
    return `  ${JSON.stringify(key)}: ${lines}`;
  });
  writeFileSync(fileURLToPath(new URL(`${name}.json`, DIRECTORY)), `{\n${fields.join(',\n')}\n}\n`);
}

export function here(postgres: string | null): Measured {
  const [first] = cpus();
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} cores, ${first?.model.trim() ?? 'unknown'}`,
    node: process.versions.node,
    postgres,
  };
}
