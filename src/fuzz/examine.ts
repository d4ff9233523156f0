import type { Engine } from '../engine/contract.js';
import { UnmodelledError } from '../engine/contract.js';
import type { ModelState } from '../engine/model/state.js';
import { type Configuration, Machine } from '../machine.js';
import type { Choice } from '../schedule/choice.js';
import { pct } from '../schedule/pct.js';
import type { Policy } from '../schedule/policy.js';
import { uniform } from '../schedule/uniform.js';
import { cameTo, compare } from './compare.js';
import type { FuzzProgram } from './program.js';
import { type ScriptedCase, scenarioOf, withoutParameters } from './scripted.js';

/** A program without what the model refuses, a schedule of it, and what differs there. */
export interface Divergence {
  readonly program: FuzzProgram;
  readonly schedule: readonly Choice[];
  readonly difference: string;
}

/** What was seen of one program. */
export interface Examined {
  readonly divergence: Divergence | null;
  /** Statements that the model refused in some schedule, with the reason; they were left out there. */
  readonly refused: ReadonlyMap<string, string>;
  /** Why the model refuses the schema; null where it does not. */
  readonly schemaRefused: string | null;
  /** Schedules run on both engines, no two of them the same. */
  readonly schedules: number;
  /** Situations that the model refuses, and how many schedules came to each: nothing is compared from there on. */
  readonly schedulesRefused: ReadonlyMap<string, number>;
  readonly steps: number;
  /** Differences that did not come again, and steps at which the server chose the other of two outcomes. */
  readonly unsteady: number;
  readonly parted: number;
  /** How often steps came to what: `waits`, `40001`, ... */
  readonly seen: ReadonlyMap<string, number>;
}

export interface Engines {
  readonly model: Engine<ModelState>;
  // biome-ignore lint/suspicious/noExplicitAny: the state of whatever server it is.
  readonly postgres: Engine<any>;
}

/** Random schedules of a program: uniform walks and PCT in turn, since each alone is blind to some shape of bug. */
export function* schedulesOf(program: FuzzProgram, seed: string, count: number): Generator<Policy> {
  const steps = program.actors.reduce((sum, statements) => sum + statements.length, 0);
  for (let index = 0; index < count; index += 1)
    yield index % 3 === 2 ? pct(`${seed}/${index}`, program.actors.length, steps) : uniform(`${seed}/${index}`);
}

/** Runs schedules of a program on both engines, one step at a time, until they show different things. */
export async function examine(program: FuzzProgram, policies: Iterable<Policy>, engines: Engines): Promise<Examined> {
  const tally = new Tally();
  for (const policy of policies) {
    const foretold = await tally.foretell(program, policy, engines.model);
    if (foretold === 'schema') return tally.examined(null);
    if (foretold === 'schedule') continue;
    const { machine, program: rest, schedule } = foretold;
    const known = JSON.stringify([rest.actors, schedule]);
    if (tally.known.has(known)) continue;
    tally.known.add(known);
    const difference = await tally.compare(machine, schedule, engines);
    if (difference !== null) return tally.examined({ program: rest, schedule, difference });
  }
  return tally.examined(null);
}

interface Foretold {
  readonly machine: Machine<ModelState>;
  readonly program: FuzzProgram;
  readonly schedule: readonly Choice[];
}

/** Of a program that ended in a defect: nothing was compared. */
export const defective = (divergence: Divergence): Examined => ({ ...new Tally().examined(divergence) });

class Tally {
  readonly known = new Set<string>();
  readonly #refused = new Map<string, string>();
  readonly #seen = new Map<string, number>();
  #schemaRefused: string | null = null;
  #schedules = 0;
  readonly #schedulesRefused = new Map<string, number>();
  #steps = 0;
  #unsteady = 0;
  #parted = 0;

  /** The schedule that a policy makes on the model. Statements that it refuses are left out, and counted; else it says what it refuses. */
  async foretell(program: FuzzProgram, policy: Policy, model: Engine<ModelState>): Promise<Foretold | 'schema' | 'schedule'> {
    let rest = program;
    for (;;) {
      const machine = machineOf(rest, model);
      const walked = await walk(machine, policy);
      if (walked.refusal === null) return { machine, program: rest, schedule: walked.schedule };
      const { refused, text, actor, reason } = walked.refusal;
      if (refused === 'schema') {
        this.#schemaRefused = reason;
        return refused;
      }
      if (refused === 'schedule') {
        this.#refuse(reason);
        return refused;
      }
      this.#refused.set(`${actor}: ${text}`, reason);
      rest = without(rest, actor, text);
    }
  }

  async compare(machine: Machine<ModelState>, schedule: readonly Choice[], { postgres }: Engines): Promise<string | null> {
    try {
      const { steps, difference, parted, unsteady } = await compare(machine, postgres, schedule);
      this.#schedules += 1;
      this.#steps += steps.length;
      if (unsteady) this.#unsteady += 1;
      if (parted !== null) this.#parted += 1;
      for (const came of steps.map(cameTo)) if (came !== null) this.#seen.set(came, (this.#seen.get(came) ?? 0) + 1);
      return difference;
    } catch (error) {
      // The other outcome of a step may be one that the model does not know.
      if (!(error instanceof UnmodelledError)) throw error;
      this.#refuse(reasonOf(error));
      return null;
    }
  }

  #refuse(reason: string): void {
    this.#schedulesRefused.set(reason, (this.#schedulesRefused.get(reason) ?? 0) + 1);
  }

  examined(divergence: Divergence | null): Examined {
    return {
      divergence,
      refused: this.#refused,
      schemaRefused: this.#schemaRefused,
      schedules: this.#schedules,
      schedulesRefused: this.#schedulesRefused,
      steps: this.#steps,
      unsteady: this.#unsteady,
      parted: this.#parted,
      seen: this.#seen,
    };
  }
}

function without(program: FuzzProgram, actor: number, text: string): FuzzProgram {
  const isIt = (statement: string) => withoutParameters(statement).text === text;
  if (!program.actors[actor]!.some(isIt)) throw new Error(`the model refuses a statement that is not in the program: ${text}`);
  return {
    ...program,
    actors: program.actors.map((statements, index) => (index === actor ? statements.filter((item) => !isIt(item)) : statements)),
  };
}

/** The program as the case that it is: scripts with semicolons. */
export const caseOf = (program: FuzzProgram): ScriptedCase => ({
  schema: program.schema.map((text) => `${text};`).join('\n'),
  seed: program.rows.map((text) => `${text};`).join('\n'),
  scripts: program.actors.map((statements) => statements.join('; ')),
  isolation: program.isolation,
  stubborn: program.stubborn,
});

/** The program as a plan on the model. */
function machineOf(program: FuzzProgram, model: Engine<ModelState>): Machine<ModelState> {
  const { scenario, plan } = scenarioOf(caseOf(program));
  return new Machine(scenario, plan, model);
}

/** A statement is refused, the schema or a first row, or the situation that a schedule has led to: then the statement is nobody's. */
interface Refusal {
  readonly refused: 'statement' | 'schema' | 'schedule';
  readonly actor: number;
  readonly text: string;
  readonly reason: string;
}

/** Follows a policy to the end, or to what the model refuses. */
async function walk(machine: Machine<ModelState>, policy: Policy): Promise<{ schedule: Choice[]; refusal: Refusal | null }> {
  const schedule: Choice[] = [];
  const refused = (error: unknown, at: Refusal['refused'], actor = -1, text = '') => {
    if (at === 'schema' && isFirstRows(error))
      return { schedule, refusal: { refused: at, actor, text, reason: 'first rows that PostgreSQL refuses' } };
    if (!(error instanceof UnmodelledError)) throw error;
    return { schedule, refusal: { refused: at, actor, text, reason: reasonOf(error) } };
  };
  let configuration: Configuration<ModelState>;
  try {
    configuration = await machine.start();
  } catch (error) {
    return refused(error, 'schema');
  }
  const taken = machine.actorNames.map(() => 0);
  for (let last = -1; ; ) {
    let choices: readonly Choice[];
    try {
      choices = await machine.nextChoices(configuration);
    } catch (error) {
      const actor = await refusedActor(machine, configuration);
      return actor === null ? refused(error, 'schedule') : refused(error, 'statement', actor, pendingText(configuration, actor));
    }
    if (choices.length === 0) return { schedule, refusal: null };
    const choice = policy.choose(choices, { taken, last });
    try {
      configuration = (await machine.apply(configuration, choice)).after;
    } catch (error) {
      return refused(error, 'statement', choice.actor, pendingText(configuration, choice.actor));
    }
    schedule.push(choice);
    last = choice.actor;
    taken[last]! += 1;
  }
}

/** Whose step it is that cannot be asked about, which is found out by taking it; null where all can be taken. */
async function refusedActor(machine: Machine<ModelState>, configuration: Configuration<ModelState>): Promise<number | null> {
  for (const actor of machine.actorNames.keys()) {
    const phase = machine.phase(configuration, actor);
    if (phase === 'waiting' || phase === 'finished') continue;
    try {
      await machine.apply(configuration, { actor, kind: 'step' });
    } catch (error) {
      if (error instanceof UnmodelledError) return actor;
      throw error;
    }
  }
  return null;
}

function pendingText(configuration: Configuration<ModelState>, actor: number): string {
  const request = configuration.actors[actor]?.node.request;
  return request?.kind === 'query' ? request.text : '';
}

/** Rows that a drawn constraint does not let in say nothing of the model. */
const isFirstRows = (error: unknown): boolean => error instanceof Error && error.message.startsWith('the first rows: ');

/** The reason without what is particular to one statement. */
const reasonOf = ({ message }: UnmodelledError): string => message.replace(/: .*/s, '');
