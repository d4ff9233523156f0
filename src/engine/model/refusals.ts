/** What is not modelled, refused where a statement comes to it: what a table has, and what differs between versions. */
import { UnmodelledError } from '../contract.js';
import type { Catalog, Table, TriggerEvent } from './catalog.js';
import type { Machinery } from './machinery.js';
import type { Changed } from './pglite/allowed.js';
import { SqlError } from './sql-error.js';
import type { StatementPlan } from './statements.js';

export const hasTrigger = ({ triggers }: Table, event: TriggerEvent): boolean => triggers.some(({ on }) => on.includes(event));

/** Refuses a change of a table by a statement. */
export function refuseWrite({ name, refused, triggers }: Table, event: TriggerEvent): void {
  if (refused.written !== null) throw new UnmodelledError(refused.written);
  const trigger = triggers.find(({ on, refusal }) => on.includes(event) && refusal !== null);
  if (trigger !== undefined) throw new UnmodelledError(`trigger ${trigger.name} of ${name}, ${trigger.refusal}`);
}

/** Refuses a change that a foreign key's action makes: triggers of its table would come between. */
export function refuseAction(table: Table, event: 'update' | 'delete', foreignKey: string): void {
  refuseTouch(table);
  const trigger = table.triggers.find(({ on }) => on.includes(event));
  if (trigger !== undefined) throw new UnmodelledError(`foreign key ${foreignKey}, which meets trigger ${trigger.name} of ${table.name}`);
}

/** A virtual column is computed where somebody reads it: an error in it is not the error of whoever writes the row. */
export function refuseErrorInVirtual(plan: StatementPlan, { code }: SqlError): void {
  if ((plan.kind !== 'insert' && plan.kind !== 'update') || !/^2[12]/.test(code)) return;
  if (plan.table.columns.some((column) => column.virtual))
    throw new UnmodelledError(`an error (${code}) in a row of ${plan.table.name}, which has a virtual generated column`);
}

export function refuseTouch({ refused }: Table): void {
  if (refused.touched !== null) throw new UnmodelledError(refused.touched);
}

/** Refuses a statement for the tables that it locks. */
export function refuseTouched({ locks, kind }: Pick<StatementPlan, 'locks' | 'kind'>, { tables }: Catalog): void {
  for (const { table } of locks) {
    refuseTouch(tables[table]!);
    if (kind === 'truncate') refuseWrite(tables[table]!, 'truncate');
  }
}

type Versions = Pick<Machinery, 'isAtLeast'>;

/** What does something else before a version of PostgreSQL is answered for those from there on. */
export function refuseChanged(changed: Changed | null | undefined, { isAtLeast }: Versions): void {
  if (changed && !isAtLeast(changed.since))
    throw new UnmodelledError(`${changed.what}, which PostgreSQL ${changed.since} answers otherwise`);
}

/** The same for a statement that is an error, if that is why. */
export function refusingChanged<T>(versions: Versions, compile: () => T): T {
  try {
    return compile();
  } catch (error) {
    if (error instanceof SqlError) refuseChanged(error.changed, versions);
    throw error;
  }
}
