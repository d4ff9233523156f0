import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { KeptFiles } from './pglite/kept-files.js';

/** Different inputs after which a shape that never differed is taken for right. */
const ENOUGH_INPUTS = 25;

/**
 * A form of statement on one schema, and how far pg-mem's answers to it have been held against PostgreSQL's. `open`: every new input is asked of both.
 * `verified`: of enough inputs both said the same. `refuted`: once they did not, and PostgreSQL answers it for ever.
 */
export class Shape {
  #state: 'open' | 'verified' | 'refuted';
  #difference: string | null;
  readonly #inputs: Set<string>;
  readonly #changed: () => void;
  readonly #refuted: () => void;
  /** Inputs met in this process, under keys of this process: not worth a digest again. */
  readonly #met = new Set<string>();
  #answers = 0;

  constructor(kept: KeptShape, changed: () => void, refuted: () => void) {
    this.#difference = kept.difference;
    this.#inputs = new Set(kept.inputs);
    this.#state = kept.difference !== null ? 'refuted' : this.#inputs.size >= ENOUGH_INPUTS ? 'verified' : 'open';
    this.#changed = changed;
    this.#refuted = refuted;
  }

  get state(): 'open' | 'verified' | 'refuted' {
    return this.#state;
  }

  /** Whether the two readings of the statement, its outputs and its locks, were compared before. */
  get isKnown(): boolean {
    return this.#state !== 'open' || this.#inputs.size > 0;
  }

  /** What the two answers were where they differed. */
  get difference(): string | null {
    return this.#difference;
  }

  get kept(): KeptShape {
    return { inputs: [...this.#inputs], difference: this.#difference };
  }

  /** Whether an answer to this input is to be asked of both. `key` tells inputs apart within the process, `input` between processes. */
  wants(key: string, input: () => string, canSample: () => boolean): boolean {
    this.#answers += 1;
    if (this.#state === 'verified') return this.#answers >= FIRST_SAMPLE && isPowerOfTwo(this.#answers) && canSample();
    if (this.#met.has(key)) return false;
    if (!this.#inputs.has(digest(input()))) return true;
    this.#met.add(key);
    return false;
  }

  /** Both have said the same of it. */
  agree(key: string, input: string): void {
    this.#met.add(key);
    if (this.#state !== 'open') return;
    this.#inputs.add(digest(input));
    if (this.#inputs.size >= ENOUGH_INPUTS) this.#state = 'verified';
    this.#changed();
  }

  /** They have answered differently: what was answered before may be wrong too. */
  refute(difference: string): void {
    this.misread(difference);
    this.#refuted();
  }

  /** The statement is read differently. Nothing has been answered yet. */
  misread(difference: string): void {
    this.#state = 'refuted';
    this.#difference = difference;
    this.#changed();
  }
}

/** From so many answers on, a verified shape is asked of both again: at every power of two, where PGlite runs anyway. */
const FIRST_SAMPLE = 64;
const isPowerOfTwo = (count: number): boolean => (count & (count - 1)) === 0;
const digest = (text: string): string => createHash('sha256').update(text).digest('base64').slice(0, 12);

interface KeptShape {
  readonly inputs: readonly string[];
  readonly difference: string | null;
}

/** All shapes of one schema; kept between processes, so that only what is new is asked twice. */
export class Shapes {
  readonly #schema: string;
  readonly #shapes = new Map<string, Shape>();
  #kept: Record<string, KeptShape> | null = null;
  #dirty = false;
  #refuted = 0;

  constructor(schema: string) {
    this.#schema = schema;
  }

  /** Grows with every shape that is refuted: what was computed before may be wrong. */
  get refuted(): number {
    return this.#refuted;
  }

  /** The shape of a statement with these parameters: its text, and of the values what could matter to pg-mem. */
  of(text: string, parameters: readonly unknown[]): Shape {
    const key = parameters.length === 0 ? text : `${text}\n${parameters.map(kindOf).join()}`;
    let shape = this.#shapes.get(key);
    if (shape === undefined) {
      this.#kept ??= read(this.#schema);
      shape = new Shape(
        this.#kept[key] ?? { inputs: [], difference: null },
        () => {
          this.#dirty = true;
        },
        () => {
          this.#refuted += 1;
        },
      );
      this.#shapes.set(key, shape);
    }
    return shape;
  }

  /** Statements that pg-mem has answered otherwise than PostgreSQL. */
  differences(): readonly { readonly statement: string; readonly difference: string }[] {
    return [...this.#shapes].flatMap(([statement, { difference }]) => (difference === null ? [] : [{ statement, difference }]));
  }

  /** Writes down what has been found out, beside what other processes have. */
  keep(): void {
    if (!this.#dirty) return;
    this.#dirty = false;
    const all = read(this.#schema);
    for (const [key, { kept }] of this.#shapes) {
      const other = all[key];
      const inputs = [...new Set([...(other?.inputs ?? []), ...kept.inputs])].sort().slice(0, ENOUGH_INPUTS);
      all[key] = { inputs, difference: other?.difference ?? kept.difference };
    }
    files().write(this.#schema, all);
  }
}

/** Sizes and letters beyond these are where pg-mem's numbers and texts are not PostgreSQL's. */
export const isTame = (value: unknown): boolean =>
  typeof value === 'number'
    ? Math.abs(value) <= MOST_TAME
    : typeof value === 'string'
      ? TAME_TEXT.test(value) && !FINE_MOMENT.test(value)
      : true;
const MOST_TAME = 1_000_000;
/** A time stamp as PostgreSQL writes it, which has no ISO form in milliseconds. */
const FINE_MOMENT = /^(-?infinity|\d{4,}-\d\d-\d\d \d\d:.*)$/;
const TAME_TEXT = /^[\x20-\x7e]{0,1000}$/;

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  return `${isTame(value) ? '' : 'large '}${value instanceof Date ? 'date' : typeof value}`;
}

let kept: KeptFiles | null = null;

function files(): KeptFiles {
  kept ??= new KeptFiles('shapes', `1 ${fastPath()}`);
  return kept;
}

/** The code that the shapes were verified with: after any change of it they are open again. */
function fastPath(): string {
  const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
  const own = ['statements', 'queries', 'expressions', 'evaluator', 'types'].map(
    (name) => new URL(`./${name}${extension}`, import.meta.url),
  );
  const packages = ['pg-mem', 'pgsql-ast-parser'].map((name) => new URL('../package.json', import.meta.resolve(name)));
  const hash = createHash('sha256');
  for (const url of [...own, ...packages]) {
    try {
      hash.update(readFileSync(fileURLToPath(url)));
    } catch {
      hash.update(url.pathname);
    }
  }
  return hash.digest('hex');
}

function read(schema: string): Record<string, KeptShape> {
  const found = files().read(schema);
  if (typeof found !== 'object' || found === null) return {};
  return Object.fromEntries(Object.entries(found).filter((entry): entry is [string, KeptShape] => isKeptShape(entry[1])));
}

function isKeptShape(value: unknown): value is KeptShape {
  if (typeof value !== 'object' || value === null) return false;
  const { inputs, difference } = value as { inputs?: unknown; difference?: unknown };
  const isList = Array.isArray(inputs) && inputs.every((input) => typeof input === 'string');
  return isList && (difference === null || typeof difference === 'string');
}
