import type { Workload } from '../scenario.js';
import { type Bounds, type Fixed, roleBounds } from './bounds.js';
import type { PlanActor } from './plan.js';

const NAMES = [
  'alice',
  'bob',
  'carol',
  'dave',
  'erin',
  'frank',
  'grace',
  'heidi',
  'ivan',
  'judy',
  'kim',
  'leo',
  'mia',
  'nina',
  'omar',
  'pia',
  'quin',
  'rosa',
  'sam',
  'tina',
];

const fixedName = (name: string, position: number): string => (position === 0 ? name : `${name}${position + 1}`);

/** Whether a role of the first name has an actor of the second. */
export const isNameFrom = (roleName: string, name: string): boolean =>
  name.startsWith(roleName) && /^(?:[2-9]|[1-9]\d+)?$/.test(name.slice(roleName.length));

/** Names that roles of one's own naming give to their actors. None may come twice: actors are told apart by them. */
export const fixedNames = ({ roles }: Workload, bounds: readonly Bounds[]): string[] =>
  roles.flatMap(({ name }, index) =>
    name === undefined ? [] : Array.from({ length: bounds[index]!.max }, (_, position) => fixedName(name, position)),
  );

/** A name that two roles would give to an actor each, with as many actors as `Fixed` leaves; null where there is none. */
export function nameClash(workload: Workload, fixed: Fixed = {}): string | null {
  const names = fixedNames(workload, roleBounds(workload, fixed));
  return names.find((name, index) => names.indexOf(name) < index) ?? null;
}

/** The actors of a plan, by the inputs of each role. Roles without a name take the next of a list, without those that are taken. */
export function nameActors(workload: Workload, taken: ReadonlySet<string>, inputs: readonly (readonly unknown[])[]): PlanActor[] {
  const free = freeNames(taken);
  return workload.roles.flatMap(({ name, operation }, index) =>
    inputs[index]!.map((input, position) => ({
      name: name === undefined ? free.next().value : fixedName(name, position),
      operation,
      input,
    })),
  );
}

function* freeNames(taken: ReadonlySet<string>): Generator<string, never> {
  for (let round = 1; ; round += 1)
    for (const name of NAMES) {
      const candidate = fixedName(name, round - 1);
      if (!taken.has(candidate)) yield candidate;
    }
}
