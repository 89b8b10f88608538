/**
 * The end of a signal as something to wait for.
 *
 * @module
 */

/** Resolves once `signal` has aborted, for whatever reason. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
