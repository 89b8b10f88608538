/**
 * Committed events on the bus: for edges together, for other clients one by one.
 *
 * @module
 */
import type { Bus } from "../bus/bus.ts";
import {
  encodeEventBatch,
  eventLines,
  formatCursor,
  messageOf,
  subjects,
} from "../contract/mod.ts";
import type { Log } from "../flow/log.ts";
import type { EventLog, StoredEvent } from "./event_log.ts";
import { OPERATOR_STREAM } from "./event_rows.ts";

/** What {@linkcode openLiveEvents} needs. */
export interface LiveEventsDeps {
  readonly bus: Pick<Bus, "publish">;
  readonly events: Pick<EventLog, "listen" | "range">;
  /** Names the log's history. */
  readonly epoch: string;
  readonly log: Log;
  /** The largest message, in bytes; a body that does not fit is left out, and told as a gap. */
  readonly maxMessageBytes: number;
  /** How often edges hear where the log ends, in milliseconds. */
  readonly heartbeatMs: number;
}

/** The header of a mirrored event that names its place in its account's stream. */
const CURSOR_HEADER = "nexo-cursor";

const encoder = new TextEncoder();

/**
 * Publishes every event after its commit: what one turn of the event loop committed as one message
 * for the edges, and each event by itself under `nexo.agent_events.…`.
 *
 * A message that the bus drops leaves a hole in the ids, which the next one or the next sign of life
 * shows to the edges. Disposing publishes what is pending, then stops.
 */
export async function openLiveEvents(deps: LiveEventsDeps): Promise<Disposable> {
  const { bus, events, epoch, log, maxMessageBytes, heartbeatMs } = deps;
  let pending: StoredEvent[] = [];
  let last = 0;
  let scheduled: NodeJS.Immediate | undefined;
  let failures = 0;

  function publish(subject: string, data: Uint8Array, headers?: Record<string, string>): void {
    try {
      bus.publish(subject, data, headers);
    } catch (error) {
      // One line for each flush says it, however many were dropped.
      if (failures++ === 0) log.warn("events.live_dropped", { subject, error: messageOf(error) });
    }
  }

  function flush(): void {
    scheduled = undefined;
    const batch = pending;
    pending = [];
    failures = 0;
    for (const data of liveMessages(batch, { epoch, maxMessageBytes })) {
      publish(subjects.liveEvents, data);
    }
    for (const { account, offset, agentId, kind, body } of batch) {
      publish(
        subjects.agentEvent(account === OPERATOR_STREAM ? null : account, agentId, kind),
        encoder.encode(body),
        { [CURSOR_HEADER]: formatCursor(epoch, offset) },
      );
    }
  }

  const stop = events.listen("operator", (batch) => {
    for (const event of batch) pending.push(event);
    last = batch.at(-1)?.id ?? last;
    scheduled ??= setImmediate(flush);
  });
  last = Math.max(last, (await events.range("operator")).head);
  const beat = (): void => {
    // What is pending says more, and says it at once.
    if (scheduled === undefined) {
      publish(subjects.liveEvents, encodeEventBatch({ epoch, prev: last, last }, []));
    }
  };
  const timer = setInterval(beat, heartbeatMs);
  timer.unref();
  beat();

  return {
    [Symbol.dispose]() {
      stop();
      clearInterval(timer);
      if (scheduled === undefined) return;
      clearImmediate(scheduled);
      flush();
    },
  };
}

/** Cuts `batch`, whose ids follow each other, into messages. */
function* liveMessages(
  batch: readonly StoredEvent[],
  { epoch, maxMessageBytes }: Pick<LiveEventsDeps, "epoch" | "maxMessageBytes">,
): Generator<Uint8Array> {
  let lines: string[] = [];
  let bytes = 0;
  let prev = (batch[0]?.id ?? 1) - 1;
  let last = prev;
  for (const event of batch) {
    const [line, lineBytes] = carriedLines(event, maxMessageBytes);
    if (lines.length > 0 && bytes + lineBytes > maxMessageBytes) {
      yield encodeEventBatch({ epoch, prev, last }, lines);
      [lines, bytes, prev] = [[], 0, last];
    }
    lines.push(line);
    bytes += lineBytes;
    last = event.id;
  }
  if (lines.length > 0) yield encodeEventBatch({ epoch, prev, last }, lines);
}

/** Room for the head of a message, in bytes. */
const HEAD_BYTES = 4096;

/** The lines of an event and their bytes; without its body when that does not fit into a message. */
export function carriedLines(event: StoredEvent, maxMessageBytes: number): [string, number] {
  const whole = eventLines(event);
  const bytes = Buffer.byteLength(whole);
  if (bytes <= maxMessageBytes - HEAD_BYTES) return [whole, bytes];
  const bare = eventLines({ ...event, body: null });
  return [bare, Buffer.byteLength(bare)];
}
