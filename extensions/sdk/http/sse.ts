/**
 * Server-sent events that resume where a browser left.
 *
 * @module
 */
import type { Context } from "hono";
import type { EventLog, LoggedEvent } from "./event_log.ts";

/** How a stream is sent. */
export interface StreamOptions {
  /** Which events this caller may hear. @default {all} */
  readonly filter?: ((event: LoggedEvent) => boolean) | undefined;
  /**
   * Without an event, a comment is sent this often, so that nobody takes the stream for dead.
   *
   * @default {15_000}
   */
  readonly keepAliveMs?: number | undefined;
  /** Called once when the stream has ended, whoever ended it. */
  readonly onEnd?: (() => void) | undefined;
  /** Ends every stream, for example when the microapp stops. */
  readonly signal?: AbortSignal | undefined;
}

const KEEP_ALIVE_MS = 15_000;
/** How long a browser waits before it comes back, in milliseconds. */
const RETRY_MS = 2_000;

/**
 * Answers with the events that happen from now on or, with `Last-Event-ID`, since that one. When some
 * of those are no longer known, the first event is `gap`: the page should load anew what it shows.
 */
export function streamEvents(
  c: Context,
  log: EventLog,
  { filter = () => true, keepAliveMs = KEEP_ALIVE_MS, onEnd, signal }: StreamOptions = {},
): Response {
  const encoder = new TextEncoder();
  const stop = new AbortController();
  const end = (): void => stop.abort();
  stop.signal.addEventListener("abort", () => {
    signal?.removeEventListener("abort", end);
    onEnd?.();
  }, { once: true });
  signal?.addEventListener("abort", end, { once: true });
  if (signal?.aborted === true) end();
  const last = c.req.header("last-event-id");
  const known = last === undefined ? log.end() : log.placeAfter(last);
  let place = known ?? log.end();
  let text = `retry: ${RETRY_MS}\n\n${known === undefined ? GAP : ""}`;

  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (text === "") text = await nextText();
      if (stop.signal.aborted) return controller.close();
      controller.enqueue(encoder.encode(text));
      text = "";
    },
    cancel: end,
  }, { highWaterMark: 0 });

  /** What there is to say, or a comment when there is nothing for a while; whatever once it is over. */
  async function nextText(): Promise<string> {
    using pause = openPause(stop.signal, keepAliveMs);
    while (!pause.signal.aborted) {
      await log.wait(place, pause.signal);
      const { events, hasGap, next } = log.read(place);
      place = next;
      const wanted = events.filter(filter).map(eventText).join("");
      if (hasGap || wanted !== "") return hasGap ? GAP + wanted : wanted;
    }
    return ": still here\n\n";
  }

  return c.body(stream, 200, {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store, no-transform",
    "x-accel-buffering": "no",
  });
}

const GAP = "event: gap\ndata: {}\n\n";

function eventText({ id, event, data }: LoggedEvent): string {
  const kind = event === undefined ? "" : `event: ${event.replaceAll(/[\r\n]/g, " ")}\n`;
  return `id: ${id}\n${kind}data: ${JSON.stringify(data ?? null)}\n\n`;
}

/** A signal that aborts with `parent` or after `ms`. */
function openPause(parent: AbortSignal, ms: number): Disposable & { readonly signal: AbortSignal } {
  const own = new AbortController();
  const end = (): void => own.abort();
  const timer = setTimeout(end, ms);
  parent.addEventListener("abort", end, { once: true });
  if (parent.aborted) end();
  return {
    signal: own.signal,
    [Symbol.dispose]() {
      clearTimeout(timer);
      parent.removeEventListener("abort", end);
    },
  };
}
