import { SHIPPED_WITNESSES, witnessesOf } from '../invariants/witnesses.js';
import { isFault } from '../plan/fault.js';
import { nameClash } from '../plan/names.js';
import type { Scenario } from '../scenario.js';

const LEVELS = ['READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE'];

/** A scenario is not what one is made of. */
export class ScenarioMistake extends Error {
  override readonly name = 'ScenarioMistake';
}

/** Throws {@link ScenarioMistake} for the mistakes that are easily made, before anything runs. */
export function checkScenario(scenario: Scenario): void {
  const { name, operations, workloads, invariants, expect } = scenario;
  const wrong = (what: string) => new ScenarioMistake(what);
  if (typeof name !== 'string' || name === '') throw wrong('the scenario has no name');
  if (typeof scenario.schema !== 'string') throw wrong(`"schema" of ${name} is not a text`);
  if (typeof scenario.seed !== 'function') throw wrong(`"seed" of ${name} is not a function that returns SQL`);
  for (const [key, operation] of Object.entries(operations))
    if (typeof operation !== 'function') throw wrong(`operation "${key}" of ${name} is not a function`);
  if (!Array.isArray(workloads) || workloads.length === 0) throw wrong(`${name} has no workloads: nobody would do anything`);
  if (!Array.isArray(invariants)) throw wrong(`${name} has no list of invariants`);
  for (const invariant of invariants)
    if ((invariant.check === undefined) === (invariant.sql === undefined))
      throw wrong(`invariant "${invariant.name}" of ${name} must have exactly one of "check" and "sql"`);
  if (typeof expect !== 'object' || expect === null) throw wrong(`"expect" of ${name} is missing: { 'READ COMMITTED': 'holds' }`);
  for (const [level, expected] of Object.entries(expect)) {
    if (!LEVELS.includes(level)) throw wrong(`"expect" of ${name} names the isolation level "${level}"; there are ${LEVELS.join(', ')}`);
    if (expected !== 'holds' && expected !== 'violated')
      throw wrong(`"expect" of ${name} at ${level} is ${JSON.stringify(expected)}; it must be "holds" or "violated"`);
  }
  const { drawnPlans } = scenario;
  if (drawnPlans !== undefined && !(Number.isSafeInteger(drawnPlans) && drawnPlans > 0))
    throw wrong(`"drawnPlans" of ${name} is ${JSON.stringify(drawnPlans)}; it must be a whole number from 1`);
  for (const workload of workloads)
    for (const fault of workload.faults ?? [])
      if (!isFault(fault)) throw wrong(`workload "${workload.name}" of ${name} has a fault that is none: ${JSON.stringify(fault)}`);
  const ofFaults = witnessesOf(workloads.flatMap((workload) => workload.faults ?? []));
  const witnesses = [...SHIPPED_WITNESSES, ...ofFaults, ...(scenario.witnesses ?? [])].map((witness) => witness.name);
  for (const required of scenario.requires ?? [])
    if (!witnesses.includes(required))
      throw wrong(`${name} requires the witness "${required}", which does not exist (${witnesses.join(', ')})`);
  for (const workload of workloads) {
    if (!Array.isArray(workload.roles) || workload.roles.length === 0)
      throw wrong(`workload "${workload.name}" of ${name} has no roles: nobody would do anything`);
    for (const role of workload.roles)
      if (operations[role.operation] === undefined)
        throw wrong(
          `workload "${workload.name}" of ${name} uses the operation "${role.operation}", which is not among its operations (${Object.keys(operations).join(', ')})`,
        );
    const clash = nameClash(workload);
    if (clash !== null)
      throw wrong(
        `workload "${workload.name}" of ${name} has two roles that would have an actor called "${clash}": actors are told apart by their names`,
      );
  }
}
