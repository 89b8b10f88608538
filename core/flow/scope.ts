/**
 * A place for background work: it can be stopped, and it is waited for.
 *
 * @module
 */
import { setMaxListeners } from "node:events";

/** Owns the tasks started in it. */
export interface Scope extends AsyncDisposable {
  /** Aborts when the scope is disposed. */
  readonly signal: AbortSignal;
  /** Starts `task`; its failure goes to `onError`, unless the scope is already stopping. */
  run(task: (signal: AbortSignal) => Promise<void>): void;
  /** Resolves when no task is running. */
  idle(): Promise<void>;
}

/** Opens a scope. Disposing aborts the tasks and resolves when all have ended. */
export function openScope({ onError }: { onError: (error: unknown) => void }): Scope {
  const stop = new AbortController();
  // Each task may listen, and there may be any number; more than ten are no leak here.
  setMaxListeners(0, stop.signal);
  const running = new Set<Promise<void>>();
  async function idle(): Promise<void> {
    while (running.size > 0) await Promise.all(running);
  }
  return {
    signal: stop.signal,
    run(task) {
      const ended: Promise<void> = task(stop.signal).then(
        () => void running.delete(ended),
        (error: unknown) => {
          running.delete(ended);
          if (!stop.signal.aborted) onError(error);
        },
      );
      running.add(ended);
    },
    idle,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await idle();
    },
  };
}
