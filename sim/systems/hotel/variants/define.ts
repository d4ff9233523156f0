import { defineScenario, type Scenario } from '../../../../src/index.js';
import { seed } from '../first-rows.js';
import { invariants, usage } from '../invariants.js';
import { schema } from '../schema.js';

type Own = 'name' | 'description' | 'operations' | 'workloads' | 'expect';

/** What the variants have in common, unless they say otherwise: schema, first rows, invariants, usage, and that transactions overlapped. */
export function defineHotel(variant: Pick<Scenario, Own> & Partial<Scenario>): Scenario {
  return defineScenario({ schema, seed, invariants, usage, requires: ['overlap'], ...variant });
}
