/**
 * A limit on how long nothing may be heard.
 *
 * @module
 */

/** A running limit; dispose it when the call is over. */
export interface Silence extends Disposable {
  /** Ends with the parent, or when the silence was too long. */
  readonly signal: AbortSignal;
  /** Whether the silence was too long. */
  readonly over: boolean;
  /** Something was heard: the limit starts again. */
  broken(): void;
}

/** Starts a limit of `limitMs` milliseconds. */
export function openSilence(parent: AbortSignal, limitMs: number): Silence {
  const own = new AbortController();
  let over = false;
  const timer = setTimeout(() => {
    over = true;
    own.abort(new DOMException(`Silent for ${limitMs} ms`, "TimeoutError"));
  }, limitMs);
  const follow = (): void => own.abort(parent.reason);
  parent.addEventListener("abort", follow, { once: true });
  if (parent.aborted) follow();
  return {
    signal: own.signal,
    get over() {
      return over;
    },
    broken: () => void timer.refresh(),
    [Symbol.dispose]() {
      clearTimeout(timer);
      parent.removeEventListener("abort", follow);
      // Whatever is still open behind an answer that was given up ends here.
      own.abort(new DOMException("The call is over", "AbortError"));
    },
  };
}
