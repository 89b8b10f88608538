/**
 * Synchronous work that can be stopped: the event loop is everybody's.
 *
 * @module
 */
import { createContext, Script } from "node:vm";

/** Runs `work`; stops it after `limitMs` milliseconds. @throws what it throws, or {@linkcode TookTooLong} */
export type Interruptible = <T>(work: () => T, limitMs: number) => T;

/** Work was stopped. */
export class TookTooLong extends Error {
  override readonly name = "TookTooLong";
}

/** Returns the runner. Going through it costs about 0.2 ms, so it is not for what is known to be short. */
export function createInterruptible(): Interruptible {
  const box: { work: () => void } = { work: () => {} };
  const context = createContext(box);
  const script = new Script("work()");
  return function run<T>(work: () => T, limitMs: number): T {
    let result: { readonly value: T } | undefined;
    box.work = () => {
      result = { value: work() };
    };
    try {
      script.runInContext(context, { timeout: limitMs });
    } catch (error) {
      if (codeOf(error) !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
      throw new TookTooLong(`Cannot finish: it took over ${limitMs} ms`, { cause: error });
    } finally {
      box.work = () => {};
    }
    return (result as { readonly value: T }).value;
  };
}

/** What is thrown in another context is no `Error` of this one. */
function codeOf(error: unknown): unknown {
  return typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
}
