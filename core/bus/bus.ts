/**
 * The bus between edge and core: what both need of it, whatever carries it.
 *
 * @module
 */
import type { Handoff, Outcome } from "../contract/mod.ts";

/** Header names are case-insensitive and lower-cased. */
export type Headers = Readonly<Record<string, string>>;

/** One message in hand. */
export interface Message {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers: Headers;
}

/** Options of {@linkcode Bus.subscribe} and {@linkcode Bus.respond}. */
export interface SubscribeOptions {
  /** Subscribers of one queue group share its messages: each goes to one of them. */
  queue?: string | undefined;
  /** Ends the subscription. */
  signal?: AbortSignal | undefined;
}

/** Options of {@linkcode Bus.request}. */
export interface RequestOptions {
  headers?: Headers | undefined;
  signal?: AbortSignal | undefined;
  /** Milliseconds until `bus_timeout`. @default {5000} */
  timeoutMs?: number | undefined;
}

/** A message bus with one durable way in. */
export interface Bus extends AsyncDisposable {
  /** Tells whoever listens now. @throws {CodedError} `bus_overflow` when a subscriber's queue is full */
  publish(subject: string, data: Uint8Array, headers?: Headers): void;
  /** Asks and waits. @throws {CodedError} `bus_no_responder`, `bus_timeout`, `bus_closed` */
  request(subject: string, data: Uint8Array, options?: RequestOptions): Promise<Message>;
  /** Hears every message under `pattern` from the moment this returns. */
  subscribe(pattern: string, options: SubscribeOptions, handler: (message: Message) => void): void;
  /** Answers requests under `pattern`; a thrown error reaches the asker as its code and message. */
  respond(
    pattern: string,
    options: SubscribeOptions,
    handler: (message: Message) => Promise<Uint8Array>,
  ): void;
  /** Resolves, one outcome per hand-off, only when each is on disk or refused. */
  publishDurable(handoffs: readonly Handoff[]): Promise<Outcome[]>;
  /** The other end of {@linkcode Bus.publishDurable}: `handler` resolves after its commit. */
  serveDurable(
    options: { signal?: AbortSignal | undefined },
    handler: (handoffs: readonly Handoff[]) => Promise<Outcome[]>,
  ): void;
  status(): "ready" | "reconnecting" | "closed";
}
