/**
 * WebSockets of clients, each tied to its exchange.
 *
 * @module
 */
import type { ExchangeEnd } from "../../core/bus/exchanges/end.ts";
import { MAX_SOCKET_MESSAGE_BYTES, type SocketClose } from "../../core/contract/mod.ts";
import { BROKEN_OFF, type EdgeSocket, type SocketEvents } from "../sockets.ts";

/** The WebSockets of one edge. */
export interface Bridges {
  /** What a WebSocket hears once it is accepted; from then on the two end together. */
  readonly join: (end: ExchangeEnd) => SocketEvents;
  /** Says goodbye to all of them. */
  readonly close: () => void;
}

/** Bytes of a client that may wait where its runtime cannot stop reading. */
const MAX_WAITING_BYTES = 4 * MAX_SOCKET_MESSAGE_BYTES;
const PING_EVERY_MS = 30_000;
const NORMAL = 1000;
const GOING_AWAY = 1001;
const NO_CODE = 1005;
const TOO_BIG = 1009;
const INTERNAL = 1011;
const TRY_LATER = 1013;

const encoder = new TextEncoder();

/** Builds them. */
export function createBridges(): Bridges {
  const open = new Set<EdgeSocket>();
  let pings: ReturnType<typeof setInterval> | undefined;

  function add(socket: EdgeSocket): void {
    open.add(socket);
    pings ??= setInterval(() => {
      for (const one of open) if (!one.ping()) one.terminate();
    }, PING_EVERY_MS);
  }

  function remove(socket: EdgeSocket | undefined): void {
    if (socket !== undefined) open.delete(socket);
    if (open.size > 0) return;
    clearInterval(pings);
    pings = undefined;
  }

  return {
    join(end) {
      let socket: EdgeSocket | undefined;
      const uplink = createUplink(end);
      return {
        onOpen(opened) {
          socket = opened;
          add(opened);
          uplink.attach(opened);
          void downlink(end, opened);
        },
        onMessage: (data) => uplink.take(data),
        onClose(code, reason) {
          remove(socket);
          if (code === BROKEN_OFF) end.cancel("exchange_lost");
          else uplink.end({ code, reason });
        },
      };
    },
    close() {
      for (const socket of open) socket.close(GOING_AWAY, "");
    },
  };
}

/** What the client says, one message after another, as fast as the exchange takes it. */
function createUplink(end: ExchangeEnd) {
  let socket: EdgeSocket | undefined;
  let turn: Promise<void> = Promise.resolve();
  let waiting = 0;

  /** The exchange's own end is heard by whoever reads from it. */
  const after = (act: () => Promise<void> | void): Promise<void> =>
    turn = turn.then(act).catch(() => undefined);

  return {
    attach: (opened: EdgeSocket): void => void (socket = opened),
    take(data: string | Uint8Array): void {
      const isText = typeof data === "string";
      const bytes = isText ? encoder.encode(data) : data;
      const cost = Math.max(1, bytes.length);
      if (waiting === 0) socket?.pause();
      waiting += cost;
      if (waiting > MAX_WAITING_BYTES) return socket?.close(TRY_LATER, "too fast");
      void after(() => end.write(bytes, { form: isText ? "text" : "binary", hasMore: false }))
        .then(() => {
          waiting -= cost;
          if (waiting === 0) socket?.resume();
        });
    },
    end: (close: SocketClose): void => void after(() => end.end(close)),
  };
}

/** What the server says, one message after another, as fast as the client takes it. */
async function downlink(end: ExchangeEnd, socket: EdgeSocket): Promise<void> {
  let parts: Uint8Array[] = [];
  let length = 0;
  try {
    for (;;) {
      const frame = await end.next();
      if (frame.kind === "end") return sayGoodbye(socket, frame.close);
      if (frame.kind === "head") return socket.close(INTERNAL, "");
      parts.push(frame.bytes);
      length += frame.bytes.length;
      if (length > MAX_SOCKET_MESSAGE_BYTES) return socket.close(TOO_BIG, "message too large");
      if (frame.hasMore) continue;
      await socket.sendMessage(joined(parts, length), frame.form === "text");
      [parts, length] = [[], 0];
    }
  } catch {
    // The exchange was cancelled or lost; how it came to that is in core's log.
    socket.close(INTERNAL, "");
  }
}

function sayGoodbye(socket: EdgeSocket, close: SocketClose | null): void {
  const { code = null, reason = "" } = close ?? {};
  if (code === BROKEN_OFF) return socket.terminate();
  // A close frame cannot say that there was no code.
  socket.close(code === null || code === NO_CODE ? NORMAL : code, reason);
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
