/**
 * One time limit for the whole of a request, cheap enough for each of them.
 *
 * @module
 */

/** A limit that is running. An AbortSignal would do the same at several times the cost. */
export interface Deadline {
  readonly expired: boolean;
  /** Calls `listener` at the limit, in place of the one before; at once when it has passed. */
  onExpire(listener: (() => void) | undefined): void;
  clear(): void;
}

/** Starts a limit of `limitMs` milliseconds. */
export function startDeadline(limitMs: number): Deadline {
  let expired = false;
  let hear: (() => void) | undefined;
  const timer = setTimeout(() => {
    expired = true;
    hear?.();
  }, limitMs);
  return {
    get expired() {
      return expired;
    },
    onExpire(listener) {
      hear = listener;
      if (expired) listener?.();
    },
    clear() {
      hear = undefined;
      clearTimeout(timer);
    },
  };
}

/** What `work` gives, or undefined when the deadline comes first; the work itself goes on unheard. */
export function within<T>(deadline: Deadline, work: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    deadline.onExpire(() => resolve(undefined));
    work.then(resolve, reject);
  });
}
