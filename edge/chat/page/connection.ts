/**
 * The WebSocket of a conversation, made again by itself whenever it is lost.
 *
 * @module
 */
import type { ChatFrame, VisitorFrame } from "../frames.ts";

/** How the connection stands. */
export type Link = "connecting" | "open" | "lost" | "gone" | "no_cookie";

/** Hears of the connection. */
export interface ConnectionEvents {
  readonly onFrame: (frame: ChatFrame) => void;
  readonly onLink: (link: Link) => void;
  /** Where to read on. */
  readonly cursor: () => string | null;
}

/** A connection that lasts as long as the page. */
export interface Connection {
  /** False while nobody would get it. */
  readonly send: (frame: VisitorFrame) => boolean;
  /** Gives up the socket and makes another at once. */
  readonly renew: () => void;
}

const NO_VISITOR = 4401;
const NOT_FOUND = 4404;
const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 20_000;
/** A socket that does not open by then is given up. */
const OPEN_LIMIT_MS = 10_000;

/** Connects to `url` (`ws:` or `wss:`); `visit` gets the cookie again. */
export function connect(
  url: URL,
  { onFrame, onLink, cursor }: ConnectionEvents,
  visit: () => Promise<unknown>,
): Connection {
  let socket: WebSocket | undefined;
  let failures = 0;
  let strange = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function open(): void {
    clearTimeout(timer);
    onLink("connecting");
    const at = new URL(url);
    const after = cursor();
    if (after !== null) at.searchParams.set("after", after);
    const mine = socket = new WebSocket(at);
    timer = setTimeout(() => mine.close(), OPEN_LIMIT_MS);
    mine.onopen = () => clearTimeout(timer);
    mine.onmessage = ({ data }) => {
      if (mine !== socket) return;
      const frame = JSON.parse(data as string) as ChatFrame;
      if (frame.type === "page") {
        failures = strange = 0;
        onLink("open");
      }
      onFrame(frame);
    };
    mine.onclose = ({ code }) => {
      if (mine === socket) void lost(code);
    };
  }

  async function lost(code: number): Promise<void> {
    socket = undefined;
    clearTimeout(timer);
    if (code === NOT_FOUND) {
      onLink("gone");
      return retry();
    }
    if (code === NO_VISITOR && ++strange > 1) return onLink("no_cookie");
    if (code === NO_VISITOR) {
      await visit().catch(() => undefined);
      return open();
    }
    onLink("lost");
    retry();
  }

  function retry(): void {
    const pauseMs = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures++);
    // Pages that lost the same edge do not come back in the same moment.
    timer = setTimeout(open, pauseMs * (0.5 + Math.random() / 2));
  }

  addEventListener("online", () => socket === undefined && open());
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible" && socket === undefined) open();
  });
  open();
  return {
    send(frame) {
      if (socket?.readyState !== WebSocket.OPEN) return false;
      socket.send(JSON.stringify(frame));
      return true;
    },
    renew() {
      const old = socket;
      socket = undefined;
      old?.close();
      open();
    },
  };
}
