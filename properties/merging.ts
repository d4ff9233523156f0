/** Exploration with equal states merged, and without: what both must agree on. */
import { expect } from 'vitest';
import { count } from '../src/explore/graph.js';
import { search } from '../src/explore/search.js';
import { ModelEngine, type Plan, type Scenario } from '../src/index.js';
import { Machine } from '../src/machine.js';

/** Explores a plan both ways, and expects the same counts of fewer states. Answers with how many interleavings violate. */
export async function expectNoLossByMerging(scenario: Scenario, plan: Plan, maxStates: number): Promise<bigint> {
  const explored = async (unmerged: boolean) => {
    const engine = new ModelEngine();
    const machine = new Machine(scenario, plan, engine);
    const { graph, complete } = await search(machine, engine, { maxStates, unmerged });
    expect(complete).toBe(true);
    return { counts: count(graph, machine.witnesses.length), states: graph.nodes.length };
  };
  const [merged, unmerged] = [await explored(false), await explored(true)];
  expect(merged.counts).toEqual(unmerged.counts);
  expect(merged.states).toBeLessThan(unmerged.states);
  return merged.counts.violating;
}
