/**
 * What the NATS driver needs of a client library: frames out, frames in, and word of the connection.
 *
 * @module
 */
import type { CodedError } from "../contract/mod.ts";
import type { Headers } from "./bus.ts";

/** A message to send; header names go out as they are written. */
export interface OutFrame {
  readonly subject: string;
  readonly reply?: string | undefined;
  readonly data: Uint8Array;
  readonly headers?: Headers | undefined;
}

/** A message that came; header names are lower-cased. */
export interface InFrame {
  readonly subject: string;
  readonly reply: string | undefined;
  readonly data: Uint8Array;
  readonly headers: Headers;
  /** What the server itself says, for example 503 when nobody answers; 0 on ordinary messages. */
  readonly status: number;
}

/** A connection that mends itself. */
export interface Link extends AsyncDisposable {
  /** Nobody else's: replies to this process come under `<inbox>.`. */
  readonly inbox: string;
  readonly maxPayloadBytes: number;
  /**
   * @throws {CodedError} `bus_closed`; `bus_unreachable` while there is no connection; `bus_overflow`
   * while too much waits to leave; `bus_too_large`
   */
  send(frame: OutFrame): void;
  /** Hears until the function returned is called, through every reconnection. `hear` must not throw. */
  listen(
    options: { readonly pattern: string; readonly queue?: string | undefined },
    hear: (frame: InFrame) => void,
  ): () => void;
  /** Calls `lost` each time the connection is lost: what was under way will not be answered. */
  onLost(lost: (error: CodedError) => void): () => void;
  /** Resolves when there is a connection. @throws the signal's reason; {CodedError} `bus_closed` */
  ready(signal: AbortSignal): Promise<void>;
  status(): "ready" | "reconnecting" | "closed";
}
