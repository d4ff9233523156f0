import type { MaybePromise } from '../maybe-promise.js';
import type { Inbox } from './inbox.js';

/** Index of a session; the control session, which runs the common setup and teardown, is {@link CONTROL}. */
export type SessionIndex = number;
export const CONTROL: SessionIndex = -1;

/** Sessions that a permutation is played on: those of a server, or the model's. */
export interface Stage {
  inbox(session: SessionIndex): Inbox;
  /** Sends SQL as one simple query. The session must have nothing under way. */
  send(session: SessionIndex, sql: string): void;
  /**
   * Until what the session has under way is answered, or waits for another in a way that only a further step can change. False where it runs on: longer
   * than there is patience for, or than `atMost` milliseconds.
   */
  settle(session: SessionIndex, atMost?: number): MaybePromise<boolean>;
  /** Without a further step: until one of the sessions hears something; false where none ever will. */
  idle(): MaybePromise<boolean>;
  /** Whom the session waits for, by name. */
  waitsFor(session: SessionIndex): MaybePromise<readonly string[]>;
  /** The name of the session that sent a notification. */
  senderOf(pid: number): string;
}
