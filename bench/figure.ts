/** What the benchmark produces: figures with their samples, as data. Rendering is table.ts's. */
import type { Servers } from './servers.js';

export type Unit = 'ms' | 'per second' | 'times';

/** What a figure is to be read against: its value divided by the other's. */
export interface Comparison {
  readonly to: string;
  readonly ratio: number;
}

/** What a figure should be: `of` its value, or of its ratio to its comparison. */
export interface Target {
  readonly of: 'value' | 'ratio';
  readonly relation: 'at most' | 'at least';
  readonly limit: number;
}

export interface Figure {
  readonly name: string;
  /** The median of the samples. */
  readonly value: number;
  readonly unit: Unit;
  readonly samples: readonly number[];
  readonly comparison: Comparison | null;
  readonly target: Target | null;
  /** Runs this measurement alone. */
  readonly command: string;
}

/** What a measurement hands in; the rest of a figure follows from it. */
export interface Measured {
  readonly name: string;
  readonly unit: Unit;
  readonly samples: readonly number[];
  readonly comparison?: Comparison;
  readonly target?: Target;
}

export interface Budget {
  /** For each figure, apart from its least number of samples. */
  readonly seconds: number;
  /** The smallest run that still gives every figure. */
  readonly quick: boolean;
}

/** One way of measuring, with the figures it gives. */
export interface Measurement {
  /** For `--only`. */
  readonly name: string;
  readonly measure: (budget: Budget, progress: (text: string) => void, servers: Servers) => Promise<Measured[]>;
}

export interface Report {
  readonly format: 'lastseat.bench.v1';
  readonly node: string;
  /** Null where no measurement needed a server. */
  readonly postgres: string | null;
  readonly cpus: number;
  readonly cpuModel: string;
  readonly seconds: number;
  readonly quick: boolean;
  readonly elapsedMs: number;
  readonly figures: readonly Figure[];
}

export function toFigure(measured: Measured, command: string): Figure {
  const { name, unit, samples, comparison = null, target = null } = measured;
  return { name, value: median(samples), unit, samples, comparison, target, command };
}

export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((left, right) => left - right);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Ratio of two measurements that took turns: the median over their rounds, since both drift with the machine. */
export function pairedRatio(samples: readonly number[], others: readonly number[]): number {
  return median(samples.map((sample, round) => sample / others[round]!));
}

export const perSecond = (count: number, samplesMs: readonly number[]): number[] => samplesMs.map((ms) => (count / ms) * 1000);
