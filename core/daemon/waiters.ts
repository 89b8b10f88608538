/**
 * Callers who wait for the turn that answers their message.
 *
 * @module
 */
import { delay } from "../flow/delay.ts";
import type { TurnResult } from "../agents/turn_types.ts";

/** A turn's end. */
export type FinishedTurn = TurnResult & { kind: "finished" | "held" };

/** Callers waiting for turns. */
export interface TurnWaiters {
  /** The end of the turn over `inboundId`, or undefined after `waitMs`. */
  readonly wait: (
    inboundId: string,
    options: { waitMs: number; signal: AbortSignal | undefined },
  ) => Promise<FinishedTurn | undefined>;
  readonly finished: (inboundIds: readonly string[], turn: FinishedTurn) => void;
}

/** Returns an empty waiting room. Ask to wait before the message is queued, or the end may pass by. */
export function createTurnWaiters(): TurnWaiters {
  const waiting = new Map<string, (turn: FinishedTurn) => void>();
  return {
    async wait(inboundId, { waitMs, signal }) {
      const stop = new AbortController();
      const leave = (): void => stop.abort();
      signal?.addEventListener("abort", leave, { once: true });
      try {
        return await Promise.race([
          new Promise<FinishedTurn>((resolve) => waiting.set(inboundId, resolve)),
          delay(waitMs, { signal: stop.signal }).then(() => undefined, () => undefined),
        ]);
      } finally {
        waiting.delete(inboundId);
        signal?.removeEventListener("abort", leave);
        stop.abort();
      }
    },
    finished(inboundIds, turn) {
      for (const id of inboundIds) waiting.get(id)?.(turn);
    },
  };
}
