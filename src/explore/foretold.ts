import type { Configuration, Machine, Step } from '../machine.js';
import type { MaybePromise } from '../maybe-promise.js';
import { chain } from '../maybe-promise.js';
import type { Choice } from '../schedule/choice.js';
import type { GraphEdge, GraphNode, StateGraph } from './graph.js';
import type { Foretold } from './lockstep.js';

/** Transitions that are remembered at the most. */
const MOST = 20_000;

/** The steps behind a graph's transitions, as far as they are remembered. */
export class KnownSteps<S> {
  readonly #steps = new Map<GraphEdge, Step<S>>();

  readonly remember = (edge: GraphEdge, step: Step<S>): void => {
    if (this.#steps.size < MOST) this.#steps.set(edge, step);
  };

  get(edge: GraphEdge): Step<S> | undefined {
    return this.#steps.get(edge);
  }
}

/**
 * The model's side of many runs over one graph. Schedules that cover a graph share most of their transitions, so each is computed once. A
 * state that several ways lead to is the one that the first of them led to: that they are equal is what the server is asked to show.
 */
export class ForetoldSteps<S> implements Foretold<S> {
  readonly #machine: Machine<S>;
  readonly #graph: StateGraph;
  readonly #steps: KnownSteps<S>;
  #first: Configuration<S> | null = null;
  #node: GraphNode;

  /** `steps`: what the search has computed already. */
  constructor(machine: Machine<S>, graph: StateGraph, steps: KnownSteps<S> = new KnownSteps()) {
    this.#machine = machine;
    this.#steps = steps;
    this.#graph = graph;
    this.#node = graph.root;
  }

  async start(): Promise<Configuration<S>> {
    this.#node = this.#graph.root;
    this.#first ??= await this.#machine.start();
    return this.#first;
  }

  apply(configuration: Configuration<S>, choice: Choice): MaybePromise<Step<S>> {
    const edge = this.#node.edges.find((item) => item.choice.actor === choice.actor && item.choice.kind === choice.kind)!;
    this.#node = edge.to;
    const known = this.#steps.get(edge);
    if (known !== undefined) return known;
    return chain(this.#machine.apply(configuration, choice), (step) => {
      this.#steps.remember(edge, step);
      return step;
    });
  }
}
