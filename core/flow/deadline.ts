/**
 * A time limit as a signal.
 *
 * @module
 */

/**
 * A signal that ends with `parent` or after `limitMs`; dispose it when the call is over.
 *
 * The reason of an expired limit is a `DOMException` named `TimeoutError`.
 */
export function openDeadline(
  parent: AbortSignal | undefined,
  limitMs: number,
): Disposable & { readonly signal: AbortSignal } {
  const own = new AbortController();
  const follow = (): void => own.abort(parent?.reason);
  const expire = (): void => own.abort(new DOMException(`Over ${limitMs} ms`, "TimeoutError"));
  const timer = setTimeout(expire, limitMs);
  parent?.addEventListener("abort", follow, { once: true });
  if (parent?.aborted === true) follow();
  return {
    signal: own.signal,
    [Symbol.dispose]() {
      clearTimeout(timer);
      parent?.removeEventListener("abort", follow);
    },
  };
}

/** Whether a caught value says that a {@linkcode openDeadline} limit expired. */
export function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === "TimeoutError";
}
