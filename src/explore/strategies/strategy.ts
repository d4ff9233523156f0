import type { PlanOutcome } from '../../outcome.js';
import type { PlanTask } from '../task.js';

/** A way to explore one plan. Each is a file, and a line in `list.ts`. */
export interface Strategy {
  readonly name: string;
  /** For help texts: what it does, in half a sentence. */
  readonly summary: string;
  /** It walks back to earlier states, as the model can and a server cannot. */
  readonly rewinds: boolean;
  /** Throws `UnmodelledError` where it needs the model, and that does not answer. */
  explore(task: PlanTask): Promise<PlanOutcome>;
}
