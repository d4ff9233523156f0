/** What a session has set, and what a transaction has set in it so far. */

/** By name. Null for the default, where that is not what the session had before. */
type Values = ReadonlyMap<string, string | null>;

/** What SET has given the session, for good. */
export interface SessionSettings {
  readonly values: Values;
  /** Settings of one's own that have been named: from then on they are there, and empty where they have no value (guc.c, add_placeholder_variable). */
  readonly named: ReadonlySet<string>;
}

/** What a transaction has set, until it ends (guc.c, AtEOXact_GUC): for the session, and for itself alone. */
export interface PendingSettings {
  readonly set: Values;
  readonly local: Values;
}

export const NEW_SESSION: SessionSettings = { values: new Map(), named: new Set() };
export const NOTHING_SET: PendingSettings = { set: new Map(), local: new Map() };

/** What is left for the session when a transaction commits. */
export function committedSettings({ values, named }: SessionSettings, { set }: PendingSettings): SessionSettings {
  return set.size === 0 ? { values, named } : { values: new Map([...values, ...set]), named };
}
