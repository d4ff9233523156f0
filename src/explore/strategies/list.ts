import { auto } from './auto.js';
import { dpor } from './dpor.js';
import { exhaustive } from './exhaustive.js';
import { bounded, pctOnly, uniform } from './sampling.js';
import type { Strategy } from './strategy.js';

/** All that can be asked for, by name. */
export const STRATEGIES = { auto, exhaustive, dpor, uniform, pct: pctOnly, bounded } as const satisfies Record<string, Strategy>;

/** One of {@link STRATEGIES}. */
export type StrategyName = keyof typeof STRATEGIES;
