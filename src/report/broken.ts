import type { Counterexample, Fingerprint } from '../outcome.js';

/** What a step broke. */
export interface Broken {
  readonly invariant: string;
  readonly resource: string;
  readonly message: string;
  /** The invariant speaks of the end of a run only. */
  readonly atEnd: boolean;
}

/** All that the violating step broke: first what the counterexample is about, then the rest in the order in which the scenario declares it. */
export function brokenBy({ history, invariant, resource }: Pick<Counterexample, 'history' | 'invariant' | 'resource'>): Broken[] {
  const ofInvariant = history.violations.filter((item) => item.invariant === invariant);
  const main = ofInvariant.find((item) => item.resource === resource) ?? ofInvariant[0];
  if (main === undefined) return [{ invariant, resource, message: '', atEnd: false }];
  const isSame = (left: Fingerprint, right: Fingerprint) => left.invariant === right.invariant && left.resource === right.resource;
  const before = history.violations.filter((item) => item.step === main.step - 1);
  const others = history.violations.filter(
    (item) => item.step === main.step && item !== main && !before.some((earlier) => isSame(earlier, item)),
  );
  return [main, ...others].map((item) => ({
    invariant: item.invariant,
    resource: item.resource,
    message: item.message,
    atEnd: item.atEnd ?? false,
  }));
}

/** `capacity   event 1: 2 seats are sold, there is 1`. */
export const brokenText = ({ invariant, resource, message, atEnd }: Broken): string =>
  `${invariant}   ${resource}: ${message}${atEnd ? ' (at the end)' : ''}`;
