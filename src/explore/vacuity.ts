import type { OperationFigures, PlanOutcome } from '../outcome.js';

/** Figures of all plans, put together. */
export function sumOperations(plans: readonly PlanOutcome[]): Record<string, OperationFigures> {
  const sums: Record<string, OperationFigures> = {};
  for (const { operations } of plans)
    for (const [name, figures] of Object.entries(operations)) {
      const before = sums[name];
      sums[name] = before === undefined ? figures : sumOf(before, figures);
    }
  return sums;
}

function sumOf(left: OperationFigures, right: OperationFigures): OperationFigures {
  const unended = add(left.unended, right.unended);
  return {
    returned: add(left.returned, right.returned),
    refused: addEach(left.refused, right.refused),
    threw: addEach(left.threw, right.threw),
    ...(unended !== '0' && { unended }),
  };
}

const add = (left = '0', right = '0'): string => String(BigInt(left) + BigInt(right));

const addEach = (left: Readonly<Record<string, string>>, right: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    [...new Set([...Object.keys(left), ...Object.keys(right)])].sort().map((code) => [code, add(left[code], right[code])]),
  );

/** Why a pass of these plans says nothing, a sentence each; none where it says something. */
export function emptinessOf(plans: readonly PlanOutcome[]): string[] {
  const explored = plans.flatMap(({ activity }) => (activity === null ? [] : [activity]));
  const figures = sumOperations(plans);
  const reasons = Object.entries(figures).flatMap(([name, sum]) => {
    const activities = explored.flatMap(({ operations }) => operations[name] ?? []);
    const firstError = activities.find((activity) => activity.firstError !== null)?.firstError ?? null;
    const reason = reasonOf(sum, {
      silent: activities.length > 0 && activities.every(({ silent }) => silent),
      slipped: activities.length > 0 && activities.every(({ slipped }) => slipped),
    });
    return reason === null ? [] : [`"${name}" ${reason}${firstError === null ? '' : `. The first time: ${firstError}`}`];
  });
  const several = explored.filter(({ overlap }) => overlap !== null);
  if (several.length > 0 && several.every(({ overlap }) => overlap === false))
    reasons.push('no two operations were ever under way at once: each ran alone, from its first step to its last');
  return reasons;
}

/** Why an operation was not tested. */
function reasonOf({ returned, refused, threw }: OperationFigures, always: { silent: boolean; slipped: boolean }): string | null {
  if (always.silent) return 'sent no statement in any order: what it does is not seen here';
  if (always.slipped) return 'met an error that is a slip in the code or in its SQL, in every order';
  if (returned !== '0') return null;
  const codes = [...Object.keys(threw), ...Object.keys(refused)];
  if (codes.length === 0) return null;
  const failed = [...Object.keys(threw).map((code) => `threw ${code}`), ...Object.keys(refused).map((code) => `was refused ${code}`)];
  return `never once succeeded: it ${failed.join(' or ')} in every order`;
}
