/**
 * Connections that were told to end: they get a little time, then they are ended.
 *
 * @module
 */
import type { Outlet } from "./client.ts";

/** Connections on their way out. */
export interface Leavers {
  add(outlet: Outlet): void;
  /** The connection is closed. */
  gone(outlet: Outlet): void;
  /** Resolves when nobody is left. */
  allGone(): Promise<void>;
}

/** How long a client may take to say goodbye. */
const GOODBYE_MS = 2_000;

/** Builds an empty list. */
export function createLeavers(): Leavers {
  const timers = new Map<Outlet, ReturnType<typeof setTimeout>>();
  const waiters: (() => void)[] = [];

  function gone(outlet: Outlet): void {
    clearTimeout(timers.get(outlet));
    timers.delete(outlet);
    if (timers.size > 0) return;
    for (const resolve of waiters.splice(0)) resolve();
  }

  return {
    add(outlet) {
      const end = (): void => {
        outlet.terminate();
        gone(outlet);
      };
      timers.set(outlet, setTimeout(end, GOODBYE_MS));
    },
    gone,
    allGone: () =>
      timers.size === 0 ? Promise.resolve() : new Promise((resolve) => void waiters.push(resolve)),
  };
}
