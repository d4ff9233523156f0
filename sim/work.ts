import { NoPlanError, NothingLeftError, TooManyPlansError, type Work, workOf } from '../src/index.js';
import type { ExploreArguments } from './explore-arguments.js';
import { type Loaded, loadScenarios } from './scenarios.js';
import { UsageError } from './usage-error.js';

/** What the arguments ask for: this shard's slice. */
export async function workFor(args: ExploreArguments, seed: string): Promise<Work<Loaded>> {
  const sources = await loadScenarios(args.scenarios);
  try {
    return workOf(sources, args, seed, args.shard);
  } catch (error) {
    throw inWordsOfOptions(error);
  }
}

function inWordsOfOptions(error: unknown): unknown {
  if (error instanceof NothingLeftError)
    return new UsageError(error.message, 'Next: the same without --actors or --isolation, or another scenario');
  if (error instanceof TooManyPlansError)
    return new UsageError(`--plans all: ${error.message}`, 'Next: the same with a number, --plans 500, or with smaller generators');
  if (error instanceof NoPlanError) {
    const { file } = error.source as Loaded;
    return new UsageError(
      file === null ? error.message : `${file}: ${error.message}`,
      'Its capacity and the inputs of its roles are made with integer, always, oneOf and record: see docs/your-own-code.md',
    );
  }
  return error;
}
