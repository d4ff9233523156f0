import type { KeyPart } from '../engine/model/canonical.js';
import type { ModelEngine } from '../engine/model/engine.js';
import type { ModelState } from '../engine/model/state.js';
import type { Configuration, Machine, Step } from '../machine.js';
import { chain, type MaybePromise } from '../maybe-promise.js';
import type { GraphEdge, GraphNode, StateGraph } from './graph.js';

export interface SearchLimits {
  /** States after which the search gives up. */
  readonly maxStates: number;
  /** Asked again and again: once it says so, the search gives up too. */
  readonly expired?: () => boolean;
}

export interface SearchOptions extends SearchLimits {
  readonly onProgress?: (states: number) => void;
  /** Is given every step that was taken, with its transition. */
  readonly remember?: (edge: GraphEdge, step: Step<ModelState>) => void;
  /** Leave parts of the canonical state out: for tests that show what each is good for. */
  readonly without?: ReadonlySet<KeyPart>;
  /** Merge nothing: every way is walked to its end. For cross-checks on small plans. */
  readonly unmerged?: boolean;
}

export interface SearchResult {
  readonly graph: StateGraph;
  /** False where a limit was hit: the graph then is a part only. */
  readonly complete: boolean;
}

/** Walks every interleaving of a plan on the model, depth first, each state once. */
export async function search(machine: Machine<ModelState>, engine: ModelEngine, options: SearchOptions): Promise<SearchResult> {
  for (;;) {
    const first = await machine.start();
    const before = learnt(engine);
    const result = await searchOnce(machine, engine, first, options);
    if (learnt(engine) === before) return result;
  }
}

/**
 * Changes when row order or the streams of chance have turned out to matter, which were left out of the canonical state, or when an answer of pg-mem
 * has turned out wrong: then the search begins anew.
 */
const learnt = (engine: ModelEngine): string => `${engine.orderedTables} ${engine.drawingActors} ${engine.refutedShapes}`;

async function searchOnce(
  machine: Machine<ModelState>,
  engine: ModelEngine,
  first: Configuration<ModelState>,
  options: SearchOptions,
): Promise<SearchResult> {
  const nodes: GraphNode[] = [];
  const known = new Map<string, GraphNode>();
  const open: { node: GraphNode; configuration: Configuration<ModelState> }[] = [];
  const before = learnt(engine);
  let transitions = 0;
  let overlap = false;
  const enter = (configuration: Configuration<ModelState>): MaybePromise<GraphNode> => {
    const key = options.unmerged ? String(nodes.length) : machine.key(configuration, engine.key(configuration.engine, options.without));
    const old = known.get(key);
    if (old !== undefined) return old;
    return chain(machine.violations(configuration), (violations) => {
      const freed = machine.actorNames.flatMap((_, actor) => (machine.phase(configuration, actor) === 'freed' ? [actor] : []));
      const node: GraphNode = { id: nodes.length, violations, freed, edges: [] };
      nodes.push(node);
      known.set(key, node);
      open.push({ node, configuration });
      return node;
    });
  };
  const root = await enter(first);
  while (open.length > 0 && nodes.length <= options.maxStates && learnt(engine) === before && options.expired?.() !== true) {
    const { node, configuration } = open.pop()!;
    const edges: GraphEdge[] = [];
    const choices = machine.nextChoices(configuration);
    for (const choice of choices instanceof Promise ? await choices : choices) {
      const applied = machine.apply(configuration, choice);
      const step = applied instanceof Promise ? await applied : applied;
      const entered = enter(step.after);
      const to = entered instanceof Promise ? await entered : entered;
      const edge = { choice, to, witnesses: step.witnesses, endings: machine.endedBetween(configuration, step.after) };
      overlap ||= machine.overlaps(step);
      edges.push(edge);
      options.remember?.(edge, step);
    }
    node.edges = edges;
    transitions += edges.length;
    if (options.onProgress !== undefined && nodes.length % 1024 < edges.length) options.onProgress(nodes.length);
  }
  const endedAtStart = machine.endedBetween(null, first);
  return { graph: { root, nodes, transitions, endedAtStart, overlap }, complete: open.length === 0 };
}
