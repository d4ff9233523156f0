import { type Keyword, type SpecToken, scan } from './scan.js';
import type { Marker, Permutation, PermutationStep, Specification, SpecSession, SpecStep } from './specification.js';
import { SpecSyntaxError } from './syntax-error.js';

/** Reads a specification. Throws {@link SpecSyntaxError}, with the place and what was expected there. */
export function parseSpecification(text: string): Specification {
  return new Parser(scan(text)).specification();
}

/** A permutation as written: names are looked up when all steps are known. */
interface NamedStep {
  readonly name: SpecToken;
  readonly markers: readonly NamedMarker[];
}

type NamedMarker =
  | { readonly kind: 'waiting-at-first' }
  | { readonly kind: 'after-step'; readonly name: SpecToken }
  | { readonly kind: 'after-notices'; readonly name: SpecToken; readonly count: number };

class Parser {
  readonly #tokens: readonly SpecToken[];
  #at = 0;
  readonly #steps = new Map<string, SpecStep>();

  constructor(tokens: readonly SpecToken[]) {
    this.#tokens = tokens;
  }

  specification(): Specification {
    const setups: string[] = [];
    while (this.#takes('setup')) setups.push(this.#sql('setup'));
    const teardown = this.#takes('teardown') ? this.#sql('teardown') : null;
    const sessions: SpecSession[] = [];
    while (this.#takes('session')) sessions.push(this.#session(sessions.length));
    if (sessions.length === 0) throw this.#expected('"session"', HINTS.top);
    const written: NamedStep[][] = [];
    while (this.#takes('permutation')) written.push(this.#permutation());
    if (this.#peek.kind !== 'end')
      throw this.#expected(written.length > 0 ? '"permutation" or the end' : '"session" or "permutation"', HINTS.top);
    const permutations = written.map((steps) => this.#resolve(steps));
    const used = new Set(permutations.flatMap((permutation) => permutation.map(({ step }) => step.name)));
    return {
      setups,
      teardown,
      sessions,
      permutations,
      unused: permutations.length === 0 ? [] : [...this.#steps.keys()].filter((name) => !used.has(name)),
    };
  }

  #session(index: number): SpecSession {
    const name = this.#name('a name for the session').text;
    const setup = this.#takes('setup') ? this.#sql('setup') : null;
    const steps: SpecStep[] = [];
    while (this.#takes('step')) steps.push(this.#step(index));
    if (steps.length === 0) throw this.#expected(`"step"`, `A session has a step at least; session ${name} has none here`);
    const teardown = this.#takes('teardown') ? this.#sql('teardown') : null;
    return { name, setup, steps, teardown };
  }

  #step(session: number): SpecStep {
    const name = this.#name('a name for the step');
    const step = { name: name.text, sql: this.#sql(`step ${name.text}`), session };
    if (this.#steps.has(step.name))
      throw new SpecSyntaxError(name, `there is a step called "${step.name}" already`, 'Names of steps differ across all sessions');
    this.#steps.set(step.name, step);
    return step;
  }

  #permutation(): NamedStep[] {
    const steps: NamedStep[] = [];
    while (this.#peek.kind === 'name') steps.push({ name: this.#next(), markers: this.#takesSymbol('(') ? this.#markers() : [] });
    if (steps.length === 0) throw this.#expected('the name of a step', 'A permutation lists steps in the order in which they run');
    return steps;
  }

  #markers(): NamedMarker[] {
    const markers: NamedMarker[] = [];
    do markers.push(this.#marker());
    while (this.#takesSymbol(','));
    if (!this.#takesSymbol(')')) throw this.#expected('"," or ")"', HINTS.marker);
    return markers;
  }

  #marker(): NamedMarker {
    if (this.#takesSymbol('*')) return { kind: 'waiting-at-first' };
    if (this.#peek.kind !== 'name') throw this.#expected('"*" or the name of a step', HINTS.marker);
    const name = this.#next();
    if (!this.#takes('notices')) return { kind: 'after-step', name };
    const count: SpecToken = this.#tokens[this.#at]!;
    if (count.kind !== 'number') throw this.#expected('a number of notices', HINTS.marker);
    this.#at += 1;
    return { kind: 'after-notices', name, count: Number(count.text) };
  }

  #resolve(written: readonly NamedStep[]): Permutation {
    const steps = written.map(({ name }) => this.#stepNamed(name));
    return written.map(({ markers }, index): PermutationStep => {
      const step = steps[index]!;
      return { step, markers: markers.map((marker) => this.#resolveMarker(marker, step, steps)) };
    });
  }

  #stepNamed(name: SpecToken): SpecStep {
    const step = this.#steps.get(name.text);
    if (step === undefined)
      throw new SpecSyntaxError(name, `there is no step called "${name.text}"`, `Steps: ${[...this.#steps.keys()].join(', ')}`);
    return step;
  }

  #resolveMarker(marker: NamedMarker, step: SpecStep, permutation: readonly SpecStep[]): Marker {
    if (marker.kind === 'waiting-at-first') return marker;
    const other = this.#stepNamed(marker.name);
    if (!permutation.includes(other))
      throw new SpecSyntaxError(
        marker.name,
        `step "${other.name}" is not in this permutation`,
        'A marker names a step that runs beside it',
      );
    if (other.session === step.session)
      throw new SpecSyntaxError(marker.name, `step "${step.name}" cannot wait for a step of its own session`, HINTS.marker);
    return marker.kind === 'after-step' ? { kind: marker.kind, step: other } : { kind: marker.kind, step: other, count: marker.count };
  }

  get #peek(): SpecToken {
    return this.#tokens[this.#at]!;
  }

  #next(): SpecToken {
    const token = this.#peek;
    this.#at += 1;
    return token;
  }

  #takes(keyword: Keyword): boolean {
    const found = this.#peek.kind === 'keyword' && this.#peek.text === keyword;
    if (found) this.#at += 1;
    return found;
  }

  #takesSymbol(symbol: string): boolean {
    const found = this.#peek.kind === 'symbol' && this.#peek.text === symbol;
    if (found) this.#at += 1;
    return found;
  }

  #name(what: string): SpecToken {
    if (this.#peek.kind !== 'name')
      throw this.#expected(what, this.#peek.kind === 'keyword' ? 'A name that is a keyword is put in double quotes' : HINTS.name);
    return this.#next();
  }

  #sql(owner: string): string {
    if (this.#peek.kind !== 'sql') throw this.#expected(`{ SQL } for ${owner}`, HINTS.name);
    return this.#next().text;
  }

  #expected(what: string, hint: string): SpecSyntaxError {
    return new SpecSyntaxError(this.#peek, `expected ${what}, found ${show(this.#peek)}`, hint);
  }
}

function show(token: SpecToken): string {
  if (token.kind === 'end') return 'the end of the file';
  return token.kind === 'sql' ? 'an SQL block' : `${token.kind === 'symbol' ? '' : `${token.kind} `}"${token.text}"`;
}

const HINTS = {
  top: 'The order is: setup { } (any number), teardown { } (one), session NAME ..., permutation ...; in a session: setup, steps, teardown',
  name: 'A step is written: step NAME { SQL }; a name with other than letters, digits, _ and $ is put in double quotes',
  marker: 'Markers: (*), (other_step), (other_step notices 2), several with commas between them',
} as const;
