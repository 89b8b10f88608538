/**
 * Messages that leave with a commit of whoever wrote them: sent by it where rows are all that their
 * reader needs and nothing is in the way, else queued in it and sent behind those that wait.
 *
 * @module
 */
import type { Channels } from "../channels/ingress.ts";
import type {
  Depart,
  Departure,
  OpenOutbound,
  Outbound,
  UnsentOutbound,
} from "../queues/outbound.ts";
import type { Outbox } from "../queues/outbox.ts";
import type { Write } from "../store/store.ts";
import type { Attempts } from "./attempt.ts";

/** What departures need. */
export interface DepartureDeps {
  readonly outbox: Outbox;
  readonly channels: Channels;
  readonly attempts: Pick<Attempts, "mayGo" | "sendByRows">;
  /** Whether messages of a message's conversation are waiting. */
  readonly isBehind: (outbound: Outbound) => boolean;
  /** Rows that tell of a send, beside that of the outbox. */
  readonly rowsForSend: (
    outbound: UnsentOutbound,
    receipt: string | null,
    sentAtMs: number,
  ) => Write[];
  readonly tellSent: (outbound: UnsentOutbound, sentAtMs: number) => void;
  readonly push: (items: readonly OpenOutbound[]) => void;
}

/** Returns the way to let messages leave. */
export function createDepartures(deps: DepartureDeps): Depart {
  const { outbox, channels, attempts } = deps;

  function queued(outbound: Outbound, nowMs: number): Departure {
    const { writes, items } = outbox.queue(outbound, nowMs);
    return {
      writes,
      async goWith(commit) {
        await commit();
        deps.push(items);
      },
    };
  }

  return function depart(outbound, nowMs) {
    const deliver = channels.get(outbound.channel)?.deliverByRows;
    if (deliver === undefined || deps.isBehind(outbound)) return queued(outbound, nowMs);
    const pieces = outbox.piecesOf(outbound);
    if (!pieces.every(attempts.mayGo)) return queued(outbound, nowMs);
    return {
      writes: pieces.flatMap((piece) => {
        const receipt = deliver(piece);
        return [
          ...outbox.rowsForSentAtOnce(piece, receipt, nowMs),
          ...deps.rowsForSend(piece, receipt, nowMs),
        ];
      }),
      async goWith(commit) {
        await attempts.sendByRows(pieces, commit);
        for (const piece of pieces) deps.tellSent(piece, nowMs);
      },
    };
  };
}
