import { grouped } from '../grouped.js';
import type { OperationFigures } from '../outcome.js';

/** `transfer: 12 returned, 4 refused INSUFFICIENT_FUNDS, 20 threw 42P01`, a line for each operation. */
export function operationLines(operations: Readonly<Record<string, OperationFigures>>): string[] {
  return Object.entries(operations).map(([name, { returned, refused, threw, unended }]) => {
    const parts = [
      `${grouped(returned)} returned`,
      ...Object.entries(refused).map(([code, count]) => `${grouped(count)} refused ${code}`),
      ...Object.entries(threw).map(([code, count]) => `${grouped(count)} threw ${code}`),
      ...(unended === undefined ? [] : [`${grouped(unended)} did not end`]),
    ];
    return `${name}: ${parts.join(', ')}`;
  });
}
