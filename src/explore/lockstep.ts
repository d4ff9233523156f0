import type { Configuration, Machine, Step } from '../machine.js';
import type { Difference } from '../outcome.js';
import { replyKey } from '../reply.js';
import type { CommittedState } from '../scenario.js';
import { alternativeTo, type Choice, isOwn, sameChoice, showChoice } from '../schedule/choice.js';

/** A step at which the server chose another of the outcomes that are its to choose. The run ends there. */
export interface Parting {
  /** The step's index in the schedule. */
  readonly at: number;
  /** What it chose. Where that is what the schedule says, it differs in what the statement had drawn from sequences when it failed. */
  readonly to: Choice;
}

export interface LockstepRun<M, S> {
  readonly model: readonly Step<M>[];
  readonly server: readonly Step<S>[];
  readonly difference: Difference | null;
  readonly parted: Parting | null;
  /** Index of the first step after which a server that cannot be held back may go on in another order; null where there is none. */
  readonly openAfter: number | null;
}

/** What the model says: a machine, or what is remembered of one. */
export type Foretold<M> = Pick<Machine<M>, 'start' | 'apply'>;

/** Runs one schedule on both machines, and compares everything that can be seen after each step. */
export async function lockstep<M, S>(
  model: Machine<M>,
  server: Machine<S>,
  schedule: readonly Choice[],
  foretold: Foretold<M> = model,
): Promise<LockstepRun<M, S>> {
  let left = await foretold.start();
  const expected: Step<M>[] = [];
  for (const choice of schedule) expected.push(await foretold.apply(expected.at(-1)?.after ?? left, choice));
  const held = server.engine.capabilities.holdsWaiters;
  const open = held ? -1 : expected.findIndex((step) => orderIsOpen(model, step.after));
  const observed: Step<S>[] = [];
  const end = (difference: Difference | null, parted: Parting | null = null): LockstepRun<M, S> => ({
    model: expected.slice(0, observed.length),
    server: observed,
    difference,
    parted,
    openAfter: open < 0 ? null : open,
  });
  let right = await server.start();
  const first = compareStates(model, left, server, right, true);
  if (first !== null) return end({ step: -1, text: 'the first rows', ...first });
  for (const [index, step] of expected.entries()) {
    if (isOwn(step.choice))
      await server.engine.expect?.(step.choice.actor, { waits: step.outcome.kind === 'blocked', victim: endsAsVictim(expected, index) });
    const seen = await server.apply(right, step.choice);
    observed.push(seen);
    left = step.after;
    right = seen.after;
    const settled = held || freedIn(model, left).length === 0;
    const found = await compare(model, step, server, seen, settled);
    if (found === null) continue;
    for (const other of await otherOutcomes(model, step.before, step.choice)) {
      const instead = await model.apply(step.before, other);
      const drawnSince = other.kind === 'fail' ? step.before : null;
      if ((await compare(model, instead, server, seen, settled, drawnSince)) === null) return end(null, { at: index, to: other });
    }
    return end({ step: index, text: `${showChoice(step.choice, model.actorNames)}: ${step.text}`, ...found });
  }
  return end(null);
}

/** `drawnSince`: before a statement that failed; sequences may stand anywhere from there to where the model has them. Null: where the model has them. */
async function compare<M, S>(
  model: Machine<M>,
  expected: Step<M>,
  server: Machine<S>,
  observed: Step<S>,
  settled: boolean,
  drawnSince: Configuration<M> | null = null,
): Promise<Found | null> {
  const [left, right] = [expected.after, observed.after];
  return (
    compareSteps(expected, observed) ??
    compareStates(model, left, server, right, settled, drawnSince) ??
    (settled ? await compareViolations(model, left, server, right) : null)
  );
}

/**
 * The outcomes that a step may have instead, at the server's discretion. Where it is a serialization failure, so is what the statement has drawn
 * from sequences by then: the choice itself is among them.
 */
async function otherOutcomes<M>(model: Machine<M>, before: Configuration<M>, choice: Choice): Promise<Choice[]> {
  const other = alternativeTo(choice);
  if (other === null) return [];
  const choices = await model.nextChoices(before);
  const isOpen = choices.some(({ actor, kind }) => actor === choice.actor && kind === 'fail');
  return isOpen ? choices.filter((item) => sameChoice(item, other) || (item.kind === 'fail' && sameChoice(item, choice))) : [];
}

/** Whether the statement that a step sends or goes on with is to end as a deadlock's victim. */
function endsAsVictim(steps: readonly Step<unknown>[], index: number): boolean {
  const { actor } = steps[index]!.choice;
  const own = steps.slice(index).filter((step) => step.choice.actor === actor);
  const end = own.find((step) => step.outcome.kind !== 'blocked');
  return own[0]!.outcome.kind === 'blocked' && end?.choice.kind === 'victim';
}

const freedIn = <S>(machine: Machine<S>, configuration: Configuration<S>): number[] =>
  machine.actorNames.flatMap((_, actor) => (machine.phase(configuration, actor) === 'freed' ? [actor] : []));

/** Several go on at once, or one whom others queue behind: they race. */
function orderIsOpen<S>(machine: Machine<S>, configuration: Configuration<S>): boolean {
  const freed = freedIn(machine, configuration);
  const behind = (actor: number) => machine.engine.status(configuration.engine, actor).waitsFor.some((other) => freed.includes(other));
  return freed.length > 1 || machine.actorNames.some((_, actor) => behind(actor));
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

/** While freed waiters go on by themselves, who waits and what sequences have given is in motion: then only the rest is compared. */
function compareStates<M, S>(
  model: Machine<M>,
  left: Configuration<M>,
  server: Machine<S>,
  right: Configuration<S>,
  settled: boolean,
  drawnSince: Configuration<M> | null = null,
): Found | null {
  const names = model.actorNames;
  for (const [actor, name] of names.entries()) {
    const phase = model.phase(left, actor);
    if (!settled && (phase === 'freed' || phase === 'waiting')) continue;
    const show = <T>(machine: Machine<T>, configuration: Configuration<T>) => {
      const { waitsFor, inTransaction } = machine.engine.status(configuration.engine, actor);
      const waits = waitsFor.length === 0 ? '' : ` for ${waitsFor.map((other) => names[other] ?? 'somebody else').join(', ')}`;
      return `${machine.phase(configuration, actor)}${waits}${inTransaction ? ', in a transaction' : ''}`;
    };
    const found = differs(`state of ${name}`, show(model, left), show(server, right));
    if (found !== null) return found;
  }
  if (server.engine.looked?.(right.engine) === false) return null;
  const rows = differs('committed rows', asText(left.committed.tables), asText(right.committed.tables));
  if (rows !== null || !settled) return rows;
  if (drawnSince !== null && drawnBetween(drawnSince.committed.sequences, left.committed.sequences, right.committed.sequences)) return null;
  return differs('sequences', asText(left.committed.sequences), asText(right.committed.sequences));
}

type Sequences = CommittedState['sequences'];

/** Whether each sequence stands somewhere between where it was and where it is once all has been drawn. */
const drawnBetween = (before: Sequences, all: Sequences, seen: Sequences): boolean =>
  Object.entries(seen).every(([name, { lastValue, isCalled }]) => {
    const [from, to] = [before[name]!, all[name]!];
    if (lastValue === from.lastValue && isCalled === from.isCalled) return true;
    const [least, most] = [Math.min(from.lastValue, to.lastValue), Math.max(from.lastValue, to.lastValue)];
    return isCalled && to.isCalled && least <= lastValue && lastValue <= most;
  });

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
