import type { Configuration, Machine, Step } from '../machine.js';
import type { Difference } from '../outcome.js';
import { replyKey } from '../reply.js';
import { type Choice, showChoice } from '../schedule/choice.js';

export interface LockstepRun<M, S> {
  readonly model: readonly Step<M>[];
  readonly server: readonly Step<S>[];
  readonly difference: Difference | null;
  /** Index of the step at which the server chose the other of two outcomes that are its to choose: a serialization failure or none. The run ends there. */
  readonly parted: number | null;
}

/** What the model says: a machine, or what is remembered of one. */
export type Foretold<M> = Pick<Machine<M>, 'start' | 'apply'>;

/** Runs one schedule on both machines, step by step, and compares everything that can be seen after each. */
export async function lockstep<M, S>(
  model: Machine<M>,
  server: Machine<S>,
  schedule: readonly Choice[],
  foretold: Foretold<M> = model,
): Promise<LockstepRun<M, S>> {
  let left = await foretold.start();
  let right = await server.start();
  const modelSteps: Step<M>[] = [];
  const serverSteps: Step<S>[] = [];
  const end = (difference: Difference | null, parted: number | null = null): LockstepRun<M, S> => ({
    model: modelSteps,
    server: serverSteps,
    difference,
    parted,
  });
  const first = compareStates(model, left, server, right);
  if (first !== null) return end({ step: -1, text: 'the first rows', ...first });
  for (const [index, choice] of schedule.entries()) {
    const expected = await foretold.apply(left, choice);
    const waits = expected.outcome.kind === 'blocked';
    const victim = waits && schedule.slice(index + 1).find((later) => later.actor === choice.actor)?.kind === 'victim';
    await server.engine.expect?.(choice.actor, { waits, victim });
    const observed = await server.apply(right, choice);
    modelSteps.push(expected);
    serverSteps.push(observed);
    const before = left;
    left = expected.after;
    right = observed.after;
    const found = await compare(model, expected, server, observed);
    if (found === null) continue;
    const other = otherwise(model, before, choice);
    if (other !== null && (await compare(model, await model.apply(before, other), server, observed)) === null) return end(null, index);
    return end({ step: index, text: `${showChoice(choice, model.actorNames)}: ${expected.text}`, ...found });
  }
  return end(null);
}

async function compare<M, S>(model: Machine<M>, expected: Step<M>, server: Machine<S>, observed: Step<S>): Promise<Found | null> {
  const [left, right] = [expected.after, observed.after];
  return (
    compareSteps(expected, observed) ?? compareStates(model, left, server, right) ?? (await compareViolations(model, left, server, right))
  );
}

/** The other outcome that a step may have at the server's discretion. */
function otherwise<M>(model: Machine<M>, before: Configuration<M>, { actor, kind }: Choice): Choice | null {
  if (kind === 'victim') return null;
  return model.choices(before).find((choice) => choice.actor === actor && choice.kind === (kind === 'fail' ? 'step' : 'fail')) ?? null;
}

type Found = Pick<Difference, 'what' | 'model' | 'server'>;

function compareSteps<M, S>(model: Step<M>, server: Step<S>): Found | null {
  const show = (step: Step<unknown>) => {
    if (step.outcome.kind === 'blocked') return 'waits';
    return `${step.outcome.kind === 'executed' ? 'executed: ' : ''}${replyKey(step.outcome.reply)}`;
  };
  return (
    differs('outcome', show(model), show(server)) ??
    differs('fields', fields(model), fields(server)) ??
    differs('result of the operation', JSON.stringify(model.finished), JSON.stringify(server.finished))
  );
}

function fields(step: Step<unknown>): string {
  if (step.outcome.kind === 'blocked' || step.outcome.reply.kind !== 'result') return '';
  return step.outcome.reply.fields.map((field) => `${field.name} ${field.type}`).join(', ');
}

function compareStates<M, S>(model: Machine<M>, left: Configuration<M>, server: Machine<S>, right: Configuration<S>): Found | null {
  const names = model.actorNames;
  for (const [actor, name] of names.entries()) {
    const show = <T>(machine: Machine<T>, configuration: Configuration<T>) => {
      const { waitsFor, inTransaction } = machine.engine.status(configuration.engine, actor);
      const waits = waitsFor.length === 0 ? '' : ` for ${waitsFor.map((other) => names[other] ?? 'somebody else').join(', ')}`;
      return `${machine.phase(configuration, actor)}${waits}${inTransaction ? ', in a transaction' : ''}`;
    };
    const found = differs(`state of ${name}`, show(model, left), show(server, right));
    if (found !== null) return found;
  }
  if (server.engine.looked?.(right.engine) === false) return null;
  return (
    differs('committed rows', asText(left.committed.tables), asText(right.committed.tables)) ??
    differs('sequences', asText(left.committed.sequences), asText(right.committed.sequences))
  );
}

async function compareViolations<M, S>(
  model: Machine<M>,
  left: Configuration<M>,
  server: Machine<S>,
  right: Configuration<S>,
): Promise<Found | null> {
  return differs('violations', JSON.stringify(await model.violations(left)), JSON.stringify(await server.violations(right)));
}

const texts = new WeakMap<object, string>();

/** As JSON, once for each object: most steps commit nothing. */
function asText(value: object): string {
  let text = texts.get(value);
  if (text === undefined) {
    text = JSON.stringify(value);
    texts.set(value, text);
  }
  return text;
}

const differs = (what: string, model: string, server: string): Found | null => (model === server ? null : { what, model, server });
