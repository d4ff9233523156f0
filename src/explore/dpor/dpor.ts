import { DrawnValues } from '../../drawn-values.js';
import type { Machine, Step } from '../../machine.js';
import { replyKey } from '../../reply.js';
import { type Run, run } from '../../run.js';
import type { GivingUp } from '../../schedule/policy.js';
import { replay } from '../../schedule/replay.js';
import { EffectsReader } from './effects.js';
import type { PartialOrder } from './partial-order.js';
import { OrderTree, type Print, ValuesDrawn } from './tree.js';
import { Views } from './views.js';

export interface DporOptions<S> {
  /** Runs after which the search gives up. */
  readonly maxRuns: number;
  /** False: every order is run, whatever commutes. Default true. */
  readonly reduces?: boolean;
  /** False: waits are looked for also where to wait comes to the same as to come later. Default: false where something looks at waits as such, else true. */
  readonly delays?: boolean;
  /** Asked before each run: once it says so, the search gives up too. */
  readonly expired?: () => boolean;
  /** Called with each run that came to its end or to a limit; true ends the search. */
  readonly onRun?: (run: Run<S>) => boolean | undefined;
  /** How a run is attempted, where the server may be too busy: default once. */
  readonly attempt?: <T>(once: () => Promise<T>) => Promise<T>;
}

export interface DporResult {
  /** Runs that came to their ends, those for committed states alone among them. */
  readonly runs: number;
  /** Runs that were given up in the middle: what was left of them had been looked at elsewhere. */
  readonly givenUp: number;
  /**
   * How many orders those runs stand for, where a statement that would wait for a lock to no other effect counts as one that comes later; null where they
   * are too many to count.
   */
  readonly orders: bigint | null;
  /** Nothing is left: every order was run, up to steps that commute. */
  readonly complete: boolean;
  /** How much of it was done, as far as it is known: from 0 to 1. */
  readonly share: number;
  /** In some order an actor takes a step while another is at work. */
  readonly overlap: boolean;
  /** Runs in which some step's order was the server's own. */
  readonly open: number;
}

/** Orders are counted where not more partial runs than this have to be told apart. */
const COUNTABLE = 200_000;

/**
 * Runs every order of a plan that matters, each from the first rows, on an engine that need not be able to go back: of orders that differ only
 * in steps that commute, one. Every committed state of all of them is seen too: where steps that commute are commits, what is committed between them
 * depends on their order.
 */
export async function dpor<S>(machine: Machine<S>, options: DporOptions<S>): Promise<DporResult> {
  const { maxRuns, reduces = true, expired, onRun, attempt = (once) => once() } = options;
  const delays = reduces && (options.delays ?? seesNoWaits(machine));
  let drawn = false;
  let tree = new OrderTree(machine.actorNames.length, { reduces, delays });
  const newViews = () => (machine.scenario.invariants.some(({ at }) => at !== 'end') && reduces ? new Views() : null);
  let views = newViews();
  let runs = 0;
  let givenUp = 0;
  let open = 0;
  let overlap = false;
  let orders: bigint | null = 0n;
  const result = (complete: boolean, share: number): DporResult => ({ runs, givenUp, orders, complete, share, open, overlap });
  const over = () => runs + givenUp >= maxRuns || expired?.() === true;
  for (let more = true; more; ) {
    if (over()) return result(false, tree.share);
    const one = await attempt(() => oneRun(machine, tree, drawn));
    if (one === 'drawn') {
      // What has been noted names values of one run: all begins anew.
      drawn = true;
      tree = new OrderTree(machine.actorNames.length, { reduces, delays, drawn });
      views = newViews();
      orders = 0n;
      open = 0;
      runs += 1;
      continue;
    }
    const { result: ran, order } = one;
    if (ran.givenUp === true) {
      givenUp += 1;
      more = tree.next();
      continue;
    }
    runs += 1;
    overlap ||= order.mayOverlap(machine.actorNames.length);
    if (hasOpenOrder(machine, ran)) open += 1;
    if (!reduces) orders! += 1n;
    else if (orders !== null && !(delays && order.hasIdleWait))
      orders = sizeOf(order, tree.processes) > COUNTABLE ? null : orders + order.linearExtensions();
    if (onRun?.(ran) === true) return result(false, tree.share);
    for (const schedule of views?.unseen(order) ?? []) {
      if (over()) return result(false, tree.share);
      const seen = await attempt(() => run(machine, replay(schedule, machine.actorNames)));
      runs += 1;
      if (onRun?.(seen) === true) return result(false, tree.share);
    }
    more = tree.next();
  }
  return result(true, 1);
}

/** 'drawn': the server turns out to draw values of its own. */
async function oneRun<S>(machine: Machine<S>, tree: OrderTree, drawn: boolean): Promise<{ result: Run<S>; order: PartialOrder } | 'drawn'> {
  const reader = new EffectsReader(machine, { drawn });
  const steps: Step<S>[] = [];
  tree.begin();
  // Where nobody can be held back, the server must not be told of some steps only.
  const foresees = machine.engine.capabilities.holdsWaiters;
  const policy: GivingUp = {
    choose: (choices) => tree.choose(choices),
    ...(foresees && { likelyWaits: () => tree.likelyWaits }),
  };
  try {
    const result = await run(machine, policy, {
      onStep: async (step) => {
        const publishes = step.after.committed.tables !== step.before.committed.tables;
        steps.push(step);
        tree.taken(await reader.read(step, tree.noted), publishes, printOf(steps));
      },
    });
    return { result, order: tree.ended(result.finished) };
  } catch (error) {
    if (error instanceof ValuesDrawn) return 'drawn';
    throw error;
  }
}

/** Nothing looks at waits as such: no fault ends one, no monitor sees one, no witness is called for. */
function seesNoWaits<S>({ plan, scenario }: Machine<S>): boolean {
  return (plan.faults ?? []).length === 0 && (scenario.monitors ?? []).length === 0 && (scenario.requires ?? []).length === 0;
}

/** What the last of a run's steps so far came to. It is made out only where it is asked for. */
function printOf<S>(steps: readonly Step<S>[]): Print {
  const count = steps.length;
  return {
    plain: () => textOf(steps[count - 1]!),
    named: () => {
      const names = new DrawnValues();
      return steps
        .slice(0, count)
        .map((step) => names.named(textOf(step)))
        .at(-1)!;
    },
  };
}

const textOf = <S>({ kind, text, outcome }: Step<S>): string =>
  `${kind} ${text}: ${outcome.kind === 'blocked' ? 'waits' : replyKey(outcome.reply)}`;

/** Several freed waiters that nobody holds back: the server decides who goes on first. */
function hasOpenOrder<S>(machine: Machine<S>, { steps }: Run<S>): boolean {
  if (machine.engine.capabilities.holdsWaiters) return false;
  return steps.some(({ after }) => {
    const phases = machine.actorNames.map((_, actor) => machine.phase(after, actor));
    return phases.filter((phase) => phase === 'freed').length > 1 || (phases.includes('freed') && phases.includes('waiting'));
  });
}

function sizeOf({ events }: PartialOrder, processes: number): number {
  const lengths = new Array<number>(processes).fill(1);
  for (const { process } of events) lengths[process]! += 1;
  return lengths.reduce((product, length) => product * length, 1);
}
