/**
 * Callers who wait for the turn that answers their message.
 *
 * @module
 */
import type { TurnResult } from "../agents/turn_types.ts";
import { createPassingMap } from "../flow/passing_map.ts";

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
  const waiting = createPassingMap<string, (turn: FinishedTurn) => void>();
  return {
    wait: (inboundId, { waitMs, signal }) =>
      new Promise((resolve) => {
        function leave(turn?: FinishedTurn): void {
          waiting.delete(inboundId);
          clearTimeout(timer);
          signal?.removeEventListener("abort", giveUp);
          resolve(turn);
        }
        const giveUp = (): void => leave();
        const timer = setTimeout(giveUp, waitMs);
        signal?.addEventListener("abort", giveUp, { once: true });
        waiting.set(inboundId, leave);
        if (signal?.aborted === true) leave();
      }),
    finished(inboundIds, turn) {
      for (const id of inboundIds) waiting.get(id)?.(turn);
    },
  };
}
