import seedrandom from 'seedrandom';
import type { Random } from '../context.js';

/** A stream of random values. Every seed is a string: seedrandom tells 42 from '42', and we do not. */
export default function randomStream(seed: string): Random {
  const draw = seedrandom.alea(seed);
  const integer = (min: number, max: number) => min + Math.floor(draw() * (max - min + 1));
  const hex = (digits: number) => Array.from({ length: digits }, () => integer(0, 15).toString(16)).join('');
  return {
    float: () => draw(),
    integer,
    uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-${integer(8, 11).toString(16)}${hex(3)}-${hex(12)}`,
  };
}
