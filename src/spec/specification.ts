/** An isolation test as PostgreSQL's isolationtester reads it (src/test/isolation/README of its source). */
export interface Specification {
  /** Run in the control session before every permutation, one after the other. */
  readonly setups: readonly string[];
  readonly teardown: string | null;
  readonly sessions: readonly SpecSession[];
  /** Empty: every order of the sessions' steps. */
  readonly permutations: readonly Permutation[];
  /** Steps that no permutation names, where there are permutations. */
  readonly unused: readonly string[];
}

export interface SpecSession {
  readonly name: string;
  readonly setup: string | null;
  readonly steps: readonly SpecStep[];
  readonly teardown: string | null;
}

export interface SpecStep {
  readonly name: string;
  /** As written between the braces, without blanks at its ends; line breaks there stay. */
  readonly sql: string;
  /** Index of the session. */
  readonly session: number;
}

export type Permutation = readonly PermutationStep[];

export interface PermutationStep {
  readonly step: SpecStep;
  readonly markers: readonly Marker[];
}

/** What holds back the report that a step is complete. */
export type Marker =
  /** `(*)`: it is reported as waiting at first, whether it waits or not. */
  | { readonly kind: 'waiting-at-first' }
  /** `(other)`: until the other step is reported. */
  | { readonly kind: 'after-step'; readonly step: SpecStep }
  /** `(other notices n)`: until the other step's session has sent so many more notices. */
  | { readonly kind: 'after-notices'; readonly step: SpecStep; readonly count: number };
