/**
 * One client of the firehose, and how it is told.
 *
 * @module
 */
import { type EventFilter, FIREHOSE_CLOSE, formatCursor } from "../../core/contract/mod.ts";
import { type Frame, frameOf, type Messages, messagesOf } from "./frames.ts";
import type { Tally } from "./tally.ts";

/** Where a client's frames go: a WebSocket or an event stream. */
export interface Outlet {
  readonly send: (messages: Messages) => void;
  /** Bytes handed over that have not left this process. */
  readonly bufferedBytes: () => number;
  /** False when the other end has not answered the last one. */
  readonly ping: () => boolean;
  readonly close: (code: number, reason: string) => void;
  readonly terminate: () => void;
}

/** Who a client is, as its token says. */
export interface Bearer {
  readonly token: string;
  /** The token's `sub`. */
  readonly subject: string;
  readonly jti: string;
  /** The key that signed the token. */
  readonly kid: string;
  readonly expiresAtMs: number;
}

/** A client: a place in a stream that moves on as frames are sent. */
export interface Client {
  readonly outlet: Outlet;
  /** Where what it is sent is counted. */
  readonly tally: Tally;
  readonly bearer: Bearer;
  /** Undefined wants everything. */
  readonly filter: EventFilter | undefined;
  /** The same for equal filters; empty without one. */
  readonly filterKey: string;
  /** The newest offset that was sent or filtered out. */
  at: number;
  /** The generation of the stream that the client's place was checked against. */
  generation: number;
  /** Waits for a page; nothing else moves it meanwhile. */
  isLoading: boolean;
  isClosed: boolean;
  /** Failed loads in a row. */
  failures: number;
}

/** Makes a client at a place. */
export function createClient(
  start: Pick<Client, "outlet" | "tally" | "bearer" | "filter" | "at" | "generation">,
): Client {
  const isOpen = start.filter === undefined || Object.keys(start.filter).length === 0;
  return {
    ...start,
    filter: isOpen ? undefined : start.filter,
    filterKey: isOpen ? "" : JSON.stringify(start.filter),
    isLoading: false,
    isClosed: false,
    failures: 0,
  };
}

/** Sends a few frames. */
export function tell(client: Client, ...frames: readonly Frame[]): void {
  deliver(client, messagesOf(frames));
}

/** Sends what may be shared with other clients. */
export function deliver({ outlet, tally }: Client, messages: Messages): void {
  tally.events += messages.events;
  tally.gaps += messages.gaps;
  outlet.send(messages);
}

/** Why a client is cut: what its last frame says, and the code its WebSocket closes with. */
export interface Cut {
  readonly code: string;
  readonly message: string;
  readonly closeCode: number;
}

/** Every reason to cut a client. */
export const CUTS = {
  slow: {
    code: "client_slow",
    message: "The client reads too slowly; resume from the cursor",
    closeCode: FIREHOSE_CLOSE.slow,
  },
  refused: {
    code: "token_invalid",
    message: "The token is no longer accepted",
    closeCode: FIREHOSE_CLOSE.token,
  },
  expired: {
    code: "token_invalid",
    message: "The token expired",
    closeCode: FIREHOSE_CLOSE.token,
  },
  failed: { code: "internal", message: "The events could not be read", closeCode: 1011 },
  going: {
    code: "edge_closing",
    message: "The edge is closing; resume elsewhere",
    closeCode: 1001,
  },
} as const satisfies Record<string, Cut>;

/** Sends the last frame and says goodbye. */
export function sayGoodbye(client: Client, epoch: string, { code, message, closeCode }: Cut): void {
  const cursor = formatCursor(epoch, client.at);
  tell(client, frameOf({ type: "error", code, message, cursor }));
  client.outlet.close(closeCode, code);
}
