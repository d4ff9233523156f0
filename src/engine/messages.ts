/** What a session hears from its server, in the order in which it comes, as the simple query protocol has it. */
export type Message =
  | { readonly kind: 'fields'; readonly names: readonly string[] }
  | { readonly kind: 'row'; readonly values: readonly (string | null)[] }
  /** `UPDATE 2`; empty for an empty query. */
  | { readonly kind: 'complete'; readonly tag: string }
  | ServerError
  | { readonly kind: 'notice'; readonly text: string }
  | { readonly kind: 'notification'; readonly channel: string; readonly payload: string; readonly pid: number }
  /** The server is ready for the next query. */
  | { readonly kind: 'ready' }
  | { readonly kind: 'closed' };

export interface ServerError {
  readonly kind: 'error';
  readonly severity: string;
  readonly code: string;
  readonly message: string;
  /** `DETAIL:  ...` and the like. */
  readonly details: readonly string[];
}
