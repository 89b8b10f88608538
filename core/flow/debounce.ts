/**
 * Work that comes once a burst is over.
 *
 * @module
 */
import { delay } from "./delay.ts";
import { openScope } from "./scope.ts";

/** What is done after a burst, and when it is over. */
export interface DebounceOptions {
  /** A burst is over when nothing has happened for so many milliseconds. */
  readonly quietMs: number;
  readonly work: () => Promise<void>;
  /** Hears why the work failed; what happened meanwhile, and the next burst, bring it all the same. */
  readonly onError: (error: unknown) => void;
}

/** Waits for the end of bursts. Disposing waits for nothing but the work under way. */
export interface Debounce extends AsyncDisposable {
  /** Something has happened. */
  readonly touch: () => void;
}

/** Does `work` after each burst, never twice at once. */
export function openDebounce({ quietMs, work, onError }: DebounceOptions): Debounce {
  const scope = openScope({ onError });
  let settling = false;
  let touched = false;

  async function settle(signal: AbortSignal): Promise<void> {
    try {
      do {
        touched = false;
        await delay(quietMs, { signal });
        if (!touched) await work().catch(onError);
      } while (touched);
    } finally {
      settling = false;
    }
  }

  return {
    touch() {
      touched = true;
      if (settling || scope.signal.aborted) return;
      settling = true;
      scope.run(settle);
    },
    [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose](),
  };
}
