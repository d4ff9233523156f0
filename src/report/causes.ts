import type { Dependencies } from '../history/dependencies.js';
import type { StepRecord } from '../history/history.js';
import { referencesIn } from '../history/references.js';
import { deadlocks } from './deadlock.js';
import { shorten, shortStatement } from './statement.js';

const at = (step: number): string => `step ${step + 1}`;

/** What happened to an actor or to all of them, and what follows from it. */
export const misfortunes = (steps: readonly StepRecord[]): string[] => [...steps.flatMap(misfortune), ...deadlocks(steps)];

function misfortune({ kind, name }: StepRecord, index: number): string[] {
  const when = `(${at(index)})`;
  switch (kind) {
    case 'lost':
      return [`${name} lost the connection ${when}: what was open was rolled back`];
    case 'unanswered':
      return [
        `the COMMIT of ${name} was carried out ${when} and the answer was lost: ${name} could not know whether it had been (lost acknowledgement)`,
      ];
    case 'dies':
      return [`the process of ${name} died ${when}: what it had committed stays, and what was to follow never comes`];
    case 'terminated':
      return [`the session of ${name} was ended ${when}: what was open was rolled back`];
    case 'cancelled':
    case 'statement-timeout':
    case 'lock-timeout':
      return [`a statement of ${name} waited and was given up ${when}`];
    case 'crash':
      return [`the server crashed ${when}: what was committed stays, and nothing else`];
    case 'cache-down':
      return [`the cache was down ${when}`];
    default:
      return [];
  }
}

/** What an actor did that goes wrong whatever depends on what. */
export function slips(steps: readonly StepRecord[], actor: string, { transactions }: Dependencies): string[] {
  const own = steps.map((step, index) => ({ step, index })).filter(({ step }) => step.name === actor);
  const unheeded = own.find(({ step }) => step.rowCount === 0 && /^\s*(update|delete)\b.*\bwhere\b/is.test(step.text));
  return [
    ...(unheeded === undefined
      ? []
      : [`${actor} went on after ${shortStatement(unheeded.step.text)} had changed no row (${at(unheeded.index)})`]),
    ...own.flatMap(({ step, index }) => [
      ...emptyCommit(steps, step, index, transactions),
      ...passedOver(steps, step, index, transactions),
      ...staleCopy(steps, step, index),
      ...emptied(steps, step, index, transactions),
    ]),
  ];
}

/** A COMMIT of a transaction in which a statement had failed is a ROLLBACK, and says so in its answer only. */
function emptyCommit(steps: readonly StepRecord[], step: StepRecord, index: number, transactions: Dependencies['transactions']): string[] {
  if (!/^\s*(commit|end)\b/i.test(step.text) || step.outcome !== 'done') return [];
  const transaction = transactions.find((item) => item.steps.includes(index) && item.explicit && item.committedAt === null);
  const failed = transaction?.steps.findLast((own) => steps[own]!.outcome === 'failed');
  if (failed === undefined) return [];
  return [
    `a statement of ${step.name} had failed (${at(failed)}, ${steps[failed]!.error?.code ?? 'an error'}), so that its COMMIT (${at(index)}) was a rollback`,
  ];
}

/** Rows that somebody had locked are no part of what SKIP LOCKED gives. */
function passedOver(steps: readonly StepRecord[], step: StepRecord, index: number, transactions: Dependencies['transactions']): string[] {
  if (!/\bskip\s+locked\b/i.test(step.text) || step.outcome === 'failed') return [];
  const tables = referencesIn(step.text).tables.filter(({ access }) => access === 'target');
  const lockers = transactions
    .filter(({ actor, steps: own, explicit }) => actor !== step.name && explicit && own[0]! < index && own.at(-1)! > index - 1)
    .filter(({ steps: own }) =>
      own.some(
        (other) =>
          other < index &&
          referencesIn(steps[other]!.text).tables.some(
            ({ table, access }) => access === 'target' && tables.some((mine) => mine.table === table),
          ),
      ),
    );
  if (lockers.length === 0) return [];
  const names = [...new Set(lockers.map(({ actor }) => actor))].join(' and ');
  return [
    `${step.name} passed over rows of ${tables[0]!.table} that ${names} had locked (${at(index)}, SKIP LOCKED): it acted as if they were not there`,
  ];
}

/** A copy in a cache or a file that somebody has made, and that is older than what is committed, or only half done. */
function staleCopy(steps: readonly StepRecord[], step: StepRecord, index: number): string[] {
  const read = /^(cache get|store read) (.*)$/.exec(step.text);
  if (read === null || step.value === null) return [];
  const made = steps
    .slice(0, index)
    .findLastIndex(({ text }) => text.startsWith(read[1] === 'cache get' ? `cache set ${read[2]}` : `store write ${read[2]}`));
  if (made < 0) return [];
  const { name } = steps[made]!;
  const copy = shorten(read[2]!, 40);
  if (read[1] === 'store read') {
    const unfinished = name !== step.name && !steps.slice(made, index).some((other) => other.name === name && other.finished !== null);
    return unfinished
      ? [`${step.name} read ${copy} (${at(index)}) as ${name} had written it at ${at(made)}, before ${name} was through`]
      : [];
  }
  const since = steps.findIndex((other, later) => later > made && later < index && other.changes.length > 0);
  if (since < 0) return [];
  return [
    `${step.name} got ${copy} from the cache (${at(index)}) as ${name} had put it there at ${at(made)}; ${steps[since]!.name} had committed a change since (${at(since)})`,
  ];
}

/** TRUNCATE empties a table for snapshots that are older too (PostgreSQL's manual, 13.6, Caveats). */
function emptied(steps: readonly StepRecord[], step: StepRecord, index: number, transactions: Dependencies['transactions']): string[] {
  if (step.kind !== 'statement' && step.kind !== 'resume') return [];
  const own = transactions.find((item) => item.steps.includes(index));
  if (own === undefined || own.isolation === 'READ COMMITTED') return [];
  const read = referencesIn(step.text).tables.map(({ table }) => table);
  return transactions.flatMap(({ actor, steps: theirs, committedAt }) => {
    if (actor === step.name || committedAt === null || committedAt > index || committedAt < own.steps[0]!) return [];
    return theirs.flatMap((other) => {
      if (!/^\s*truncate\b/i.test(steps[other]!.text)) return [];
      const table = referencesIn(steps[other]!.text).tables.find((item) => read.includes(item.table))?.table;
      if (table === undefined) return [];
      return [
        `${step.name} read ${table} (${at(index)}) after ${actor} had committed its TRUNCATE (${at(committedAt)}): of a table that was emptied so, an older snapshot shows nothing`,
      ];
    });
  });
}
