import { grouped } from '../grouped.js';

/** Plans of a workload that are explored at the most, and that are made to be counted where no formula counts them. */
export const MOST_PLANS = 20_000;

/** How many plans were explored, and of how many. Plain JSON. */
export interface PlanCounts {
  readonly explored: number;
  /** Plans that there are, up to symmetry, in decimal digits; null where a generator does not say which values it has. */
  readonly of: string | null;
  /** False: there are `of` plans at the most. */
  readonly exact: boolean;
  /** Those of the explored ones that the seed gave; the others are the smallest. */
  readonly drawn: number;
  /** The scenario is content with as many (`drawnPlans`). */
  readonly declared: boolean;
}

/** These plans, and no others. */
export const allOf = (count: number): PlanCounts => ({ explored: count, of: String(count), exact: true, drawn: 0, declared: false });

/** Every plan that there is was explored. */
export const areAll = ({ explored, of, exact }: PlanCounts): boolean => exact && of === String(explored);

/** The counts of several workloads as one. */
export function sumCounts(counts: readonly PlanCounts[]): PlanCounts {
  const sum = (pick: (item: PlanCounts) => number) => counts.reduce((total, item) => total + pick(item), 0);
  return {
    explored: sum(({ explored }) => explored),
    of: counts.some(({ of }) => of === null) ? null : String(counts.reduce((total, { of }) => total + BigInt(of!), 0n)),
    exact: counts.every(({ exact }) => exact),
    drawn: sum(({ drawn }) => drawn),
    declared: counts.some(({ declared }) => declared),
  };
}

/** `12 of 72 plans`. */
export const showShare = (counts: PlanCounts): string => `${grouped(counts.explored)} of ${totalText(counts)}`;

/** Which those are, where they are not all. */
export function showWhich(counts: PlanCounts): string | null {
  const { explored, drawn, declared } = counts;
  if (areAll(counts)) return null;
  if (declared) return 'as the scenario declares';
  if (drawn === 0) return 'the smallest first';
  if (drawn === explored) return 'drawn from the seed';
  return `the ${grouped(explored - drawn)} smallest, and ${grouped(drawn)} drawn from the seed`;
}

/** What there is to do about it. */
export const showNext = (counts: PlanCounts): string | null =>
  areAll(counts) || counts.of === null || BigInt(counts.of) > MOST_PLANS ? null : 'all of them: --plans all';

/** The same in one: `12 of 72 plans, the smallest first`. */
export function showCounts(counts: PlanCounts): string {
  const which = showWhich(counts);
  return which === null ? showShare(counts) : `${showShare(counts)}, ${which}`;
}

function totalText({ of, exact }: PlanCounts): string {
  if (of === null) return 'an unknown number of plans';
  return `${exact ? '' : 'at most '}${grouped(of)} ${of === '1' ? 'plan' : 'plans'}`;
}
