import type { Workload } from '../scenario.js';

/** Parts of every plan that the user has fixed. */
export interface Fixed {
  readonly actors?: number;
  readonly capacity?: number;
}

/** How many actors of a role a plan has, both ends included. */
export interface Bounds {
  readonly min: number;
  readonly max: number;
}

/** The bounds of each role. Throws `RangeError` where as few actors as are wanted cannot be had. */
export function roleBounds(workload: Workload, fixed: Fixed): Bounds[] {
  const bounds = workload.roles.map((role) => ({ min: role.min ?? 1, max: role.max ?? role.min ?? 1 }));
  if (fixed.actors === undefined) return bounds;
  const scalable = scalableRole(workload);
  const count = fixed.actors - leastActors(workload) + 1;
  if (count < 1) throw new RangeError(`a plan of "${workload.name}" has ${leastActors(workload)} actors at the least`);
  return bounds.map((bound, index) => (index === scalable ? { min: count, max: count } : { min: bound.min, max: bound.min }));
}

const scalableRole = (workload: Workload): number =>
  Math.max(
    0,
    workload.roles.findIndex((role) => role.scalable),
  );

/** How few actors a plan of the workload can be fixed to: one of the role that `Fixed.actors` multiplies, and the least of the others. */
export const leastActors = (workload: Workload): number =>
  workload.roles.reduce((sum, role, index) => sum + (index === scalableRole(workload) ? 1 : (role.min ?? 1)), 0);
