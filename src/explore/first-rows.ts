import type { FoundViolation } from '../invariants/check.js';

/** That rows break something before anybody has done anything, in words; null where they do not. No order of steps is to blame for it. */
export function brokenFirstRows(violations: readonly FoundViolation[], monitors: readonly string[]): string | null {
  if (violations.length === 0) return null;
  const broken = violations.map(({ invariant, resource, message }) => {
    const kind = monitors.includes(invariant) ? 'monitor' : 'invariant';
    return `the ${kind} "${invariant}" (${resource}: ${message})`;
  });
  return `the first rows break ${broken.join(' and ')} before anybody has taken a step`;
}
