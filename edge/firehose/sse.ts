/**
 * The firehose as server-sent events.
 *
 * @module
 */
import type { Outlet } from "./client.ts";

const encoder = new TextEncoder();
const PING = encoder.encode(": ping\n\n");

/** How long a browser waits before it reconnects, in milliseconds. */
const RETRY = encoder.encode("retry: 2000\n\n");

/** What an event stream is for: an outlet that comes in, once, and ends. */
export interface StreamEvents {
  readonly onOpen: (outlet: Outlet) => void;
  /** Called once. */
  readonly onEnd: () => void;
}

/** A response that streams what its outlet is sent. */
export function sseResponse({ onOpen, onEnd }: StreamEvents): Response {
  let isEnded = false;
  const end = (): void => {
    isEnded = true;
    onEnd();
  };
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const finish = (): void => {
        if (isEnded) return;
        controller.close();
        end();
      };
      const write = (bytes: Uint8Array): void => {
        if (!isEnded) controller.enqueue(bytes);
      };
      write(RETRY);
      onOpen({
        send: (messages) => write(messages.sse()),
        bufferedBytes: () => isEnded ? 0 : -(controller.desiredSize ?? 0),
        ping() {
          write(PING);
          return true;
        },
        close: finish,
        terminate: finish,
      });
    },
    cancel: end,
  }, { highWaterMark: 0, size: (bytes) => bytes?.byteLength ?? 0 });
  return new Response(body, {
    headers: {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      // Proxies that buffer would hold events back.
      "x-accel-buffering": "no",
    },
  });
}
