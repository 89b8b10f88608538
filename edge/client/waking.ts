/**
 * Noticing that a page, or the machine under it, woke up.
 *
 * @module
 */

/** What is used of a browser's global scope; elsewhere all of it may be missing. */
export interface WakeTarget {
  addEventListener?(type: string, listener: () => void): void;
  removeEventListener?(type: string, listener: () => void): void;
  readonly document?: {
    readonly visibilityState: string;
    addEventListener(type: string, listener: () => void): void;
    removeEventListener(type: string, listener: () => void): void;
  } | undefined;
}

/**
 * Calls `onWake` when the page becomes visible or the network comes back, with the milliseconds it was
 * hidden or cut off. Returns the way to stop.
 */
export function watchWaking(
  target: WakeTarget = globalThis,
  onWake: (sleptMs: number) => void,
): () => void {
  const { document } = target;
  let awaySinceMs: number | undefined;

  const goAway = (): void => void (awaySinceMs ??= Date.now());
  const comeBack = (): void => {
    const sleptMs = awaySinceMs === undefined ? 0 : Date.now() - awaySinceMs;
    awaySinceMs = undefined;
    onWake(sleptMs);
  };
  const look = (): void => document?.visibilityState === "hidden" ? goAway() : comeBack();

  document?.addEventListener("visibilitychange", look);
  target.addEventListener?.("offline", goAway);
  target.addEventListener?.("online", comeBack);
  return () => {
    document?.removeEventListener("visibilitychange", look);
    target.removeEventListener?.("offline", goAway);
    target.removeEventListener?.("online", comeBack);
  };
}
