export type MaybePromise<T> = T | Promise<T>;

/** `then` without a turn of the event loop where the value is there already: exploration takes millions of such steps. */
export function chain<T, U>(value: MaybePromise<T>, next: (value: T) => MaybePromise<U>): MaybePromise<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}
