import type { Scenario } from '../../../src/index.js';

/** Plans of each workload that are enough: there are some two hundred verdicts, and the suite is to end within minutes. */
const PLANS_OF_A_WORKLOAD = 2;

/** Variants of a system, with what they declare of their plans. */
export const withFewPlans = (variants: readonly Scenario[]): readonly Scenario[] =>
  variants.map((variant) => ({ drawnPlans: PLANS_OF_A_WORKLOAD, ...variant }));
