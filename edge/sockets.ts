/**
 * WebSockets as the edge uses them, whatever the runtime.
 *
 * @module
 */
import { BEARER_PROTOCOL_PREFIX } from "../core/contract/mod.ts";
import { delay } from "../core/flow/delay.ts";

/** Bytes of one message from a client; a longer one ends its connection with 1009. */
export const MAX_INBOUND_BYTES = 64 * 1024;

/** Whole text messages; `wire` are the same as unmasked WebSocket frames, for runtimes that can write those. */
export interface TextMessages {
  readonly texts: readonly string[];
  readonly wire: () => Uint8Array<ArrayBuffer>;
}

/** The edge's end of an open WebSocket. Every call is harmless once it is closed. */
export interface EdgeSocket {
  /** Sends without waiting, in one write where the runtime can. */
  readonly send: (messages: TextMessages) => void;
  /** Sends a whole message; resolves when there is room for the next, also when it can no longer be sent. */
  readonly sendMessage: (bytes: Uint8Array, isText: boolean) => Promise<void>;
  /** Stops and goes on reading, where the runtime can; what it has read by then still comes. */
  readonly pause: () => void;
  readonly resume: () => void;
  /** Bytes handed over that have not left this process. */
  readonly bufferedBytes: () => number;
  /** Whether the other end answered the last ping; asks again. Always true where the runtime pings by itself. */
  readonly ping: () => boolean;
  /** Says goodbye; `onClose` follows when the other end did, too. */
  readonly close: (code: number, reason: string) => void;
  /** Ends at once. */
  readonly terminate: () => void;
}

/** Hears of a WebSocket. */
export interface SocketEvents {
  readonly onOpen: (socket: EdgeSocket) => void;
  readonly onMessage?: ((data: string | Uint8Array) => void) | undefined;
  /** Called once, also when it never opened; then, and when it broke off, with code 1006. */
  readonly onClose: (code: number, reason: string) => void;
}

/** How a handshake is answered. */
export interface AcceptOptions {
  /** The subprotocol to answer with. @default {what {@linkcode chooseProtocol} says} */
  readonly protocol?: string | null | undefined;
  /** Bytes of one message from the client. @default {MAX_INBOUND_BYTES} */
  readonly maxMessageBytes?: number | undefined;
}

/** What a WebSocket that broke off is closed with, as far as anybody here can say. */
export const BROKEN_OFF = 1006;

/**
 * The subprotocol to answer with: the first that carries no token. A client that offers nothing else
 * gets its own back, because browsers take no answer without one.
 */
export function chooseProtocol(offered: Iterable<string>): string | undefined {
  const all = [...offered];
  return all.find((one) => !one.startsWith(BEARER_PROTOCOL_PREFIX)) ?? all[0];
}

/** What is used of a standard WebSocket. */
export interface StandardWebSocket {
  binaryType: string;
  readonly bufferedAmount: number;
  readonly readyState: number;
  onopen: ((event: Event) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  onerror: ((event: Event) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
}

const OPEN = 1;
/** Bytes that may wait in the runtime before the next message, and how often that is looked at. */
const ROOM_BYTES = 256 * 1024;
const ROOM_PAUSE_MS = 10;

/** Connects `events` to a standard WebSocket, for runtimes that upgrade to one and ping by themselves. */
export function listenToSocket(
  socket: StandardWebSocket,
  events: SocketEvents,
  { maxMessageBytes = MAX_INBOUND_BYTES }: AcceptOptions = {},
): void {
  const decoder = new TextDecoder();
  let isEnded = false;
  const end = (code = BROKEN_OFF, reason = ""): void => {
    if (isEnded) return;
    isEnded = true;
    events.onClose(code, reason);
  };
  const close = (code: number, reason: string): void => {
    if (socket.readyState === OPEN) socket.close(code, reason);
  };
  const edgeSocket: EdgeSocket = {
    send({ texts }) {
      if (socket.readyState !== OPEN) return;
      for (const text of texts) socket.send(text);
    },
    async sendMessage(bytes, isText) {
      if (socket.readyState !== OPEN) return;
      socket.send(isText ? decoder.decode(bytes) : new Uint8Array(bytes));
      while (socket.bufferedAmount > ROOM_BYTES && socket.readyState === OPEN) {
        await delay(ROOM_PAUSE_MS);
      }
    },
    pause: () => undefined,
    resume: () => undefined,
    bufferedBytes: () => socket.bufferedAmount,
    ping: () => true,
    close,
    terminate() {
      close(1001, "");
      end();
    },
  };
  socket.binaryType = "arraybuffer";
  socket.onopen = () => events.onOpen(edgeSocket);
  socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
    const size = typeof data === "string" ? data.length : data.byteLength;
    if (size > maxMessageBytes) return close(1009, "message too large");
    events.onMessage?.(typeof data === "string" ? data : new Uint8Array(data));
  };
  // Its end follows.
  socket.onerror = () => undefined;
  // Deno says code 0 of one that broke off.
  socket.onclose = ({ code, reason }) => end(code === 0 ? BROKEN_OFF : code, reason);
}
