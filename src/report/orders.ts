import { grouped } from '../grouped.js';
import type { ServerFigures } from '../outcome.js';

/** `21 runs for 756,756 orders`; null where orders were not run one by one. */
export function ordersText(figures: ServerFigures | null): string | null {
  if (figures?.orders === undefined) return null;
  const runs = counted(figures.runs, 'run');
  return figures.orders === null ? `${runs}, for more orders than can be counted` : `${runs} for ${counted(figures.orders, 'order')}`;
}

/** `1 run`, `1,000 runs`. */
export const counted = (count: number | string, one: string, many = `${one}s`): string =>
  `${grouped(count)} ${Number(count) === 1 ? one : many}`;
