/**
 * One client's request to a microapp, or one WebSocket, over the bus: an exchange.
 *
 * The edge asks on `nexo.rpc.app.<id>` with an {@linkcode ExchangeOpen}; core answers with an
 * {@linkcode ExchangeAccept}, or with an error and no exchange. From then on both send frames to the
 * other's address, see `frames.ts`.
 *
 * @module
 */
import { z } from "zod";

/** 16 random bytes as hex: an address, or the name of an exchange. */
export const ExchangeName = z.string().regex(/^[0-9a-f]{32}$/);

/** Names and values in the order they came; a name may come again. */
export const HeaderPairs = z.array(z.tuple([z.string(), z.string()])).max(256);
/** See {@linkcode HeaderPairs}. */
export type HeaderPairs = z.infer<typeof HeaderPairs>;

/** What a client asks for, as the edge understood it. */
export const ExchangeRequest = z.strictObject({
  /** `socket` for a WebSocket handshake. */
  kind: z.enum(["http", "socket"]),
  method: z.string().max(32),
  /** Path and query below the microapp's own place; starts with `/`. */
  target: z.string().max(16_384),
  headers: HeaderPairs,
  /** Whether data follows before the end. */
  has_body: z.boolean(),
  /** What the edge knows of the client, by its rules for proxies. */
  client: z.strictObject({
    ip: z.string().max(64).nullable(),
    proto: z.enum(["http", "https"]),
    host: z.string().max(512).nullable(),
  }),
  request_id: z.string().max(64),
});
/** See {@linkcode ExchangeRequest}. */
export type ExchangeRequest = z.infer<typeof ExchangeRequest>;

/** An edge's wish for an exchange. */
export const ExchangeOpen = z.strictObject({
  exchange: ExchangeName,
  /** The edge's address: frames to it go there. */
  from: ExchangeName,
  /** The edge's clock, and how many exchanges it opened before: no message opens one twice. */
  at_ms: z.int(),
  number: z.int().nonnegative(),
  /** Bytes of data that the edge takes before it says more. */
  credit: z.int().positive(),
  request: ExchangeRequest,
});
/** See {@linkcode ExchangeOpen}. */
export type ExchangeOpen = z.infer<typeof ExchangeOpen>;

/** Core's word that the exchange is open. */
export const ExchangeAccept = z.strictObject({
  from: ExchangeName,
  credit: z.int().positive(),
});
/** See {@linkcode ExchangeAccept}. */
export type ExchangeAccept = z.infer<typeof ExchangeAccept>;

/** The beginning of an answer; of a WebSocket that was accepted, its status is 101. */
export const ExchangeHead = z.strictObject({
  status: z.int().min(101).max(599),
  headers: HeaderPairs,
  /** The subprotocol of a WebSocket. */
  protocol: z.string().optional(),
});
/** See {@linkcode ExchangeHead}. */
export type ExchangeHead = z.infer<typeof ExchangeHead>;

/** How a WebSocket was closed. */
export const SocketClose = z.strictObject({ code: z.int().nullable(), reason: z.string() });
/** See {@linkcode SocketClose}. */
export type SocketClose = z.infer<typeof SocketClose>;

/** Bytes of one WebSocket message through an edge; a longer one ends its connection with 1009. */
export const MAX_SOCKET_MESSAGE_BYTES = 1024 * 1024;
