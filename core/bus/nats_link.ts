/**
 * A connection to NATS that mends itself, with every subscription on it.
 *
 * @module
 */
import { type Clock, CodedError, codeOf, messageOf, type Random } from "../contract/mod.ts";
import { backoffMs } from "../flow/backoff.ts";
import { delay } from "../flow/delay.ts";
import type { Log } from "../flow/log.ts";
import { openScope } from "../flow/scope.ts";
import type { Headers } from "./bus.ts";
import { within } from "./within.ts";

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

/** What to hear, and who shares it. */
export interface Listening {
  readonly pattern: string;
  readonly queue?: string | undefined;
  /** Must not throw. */
  readonly hear: (frame: InFrame) => void;
}

/** What is heard of a connection. */
export interface ConnectionEvents {
  readonly down: () => void;
  /** Again; subscriptions are back too. */
  readonly up: () => void;
  readonly trouble: (fields: { error: string; pattern?: string }) => void;
}

/** One connection of a client library, which reconnects by itself until it gives up. */
export interface Connection {
  /** Resolves with the reason when it will not come back. */
  readonly ended: Promise<string>;
  maxPayloadBytes(): number;
  /** Bytes that wait to leave. */
  bufferedBytes(): number;
  /** @throws {CodedError} `bus_too_large`, `bus_unreachable`; {TypeError} for a header that cannot be */
  send(frame: OutFrame): void;
  subscribe(listening: Listening): () => void;
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** Connects once. @throws {CodedError} `bus_unreachable`, `bus_unauthorized` */
export type Dial = (events: ConnectionEvents) => Promise<Connection>;

/** A connection for as long as the process wants one. */
export interface Link extends AsyncDisposable {
  /** Nobody else's: replies to this process come under `<inbox>.`. */
  readonly inbox: string;
  maxPayloadBytes(): number;
  /**
   * @throws {CodedError} `bus_closed`; `bus_unreachable` while there is no connection; `bus_overflow`
   * while too much waits to leave; `bus_too_large`
   */
  send(frame: OutFrame): void;
  /** Hears until the function returned is called, through every reconnection. */
  listen(listening: Listening): () => void;
  /** Calls `lost` each time the connection is lost: what was under way will not be answered. */
  onLost(lost: (error: CodedError) => void): () => void;
  /** Resolves when there is a connection. @throws the signal's reason; {CodedError} `bus_closed` */
  ready(signal: AbortSignal): Promise<void>;
  status(): "ready" | "reconnecting" | "closed";
}

/** What {@linkcode openLink} needs. */
export interface LinkDeps {
  readonly dial: Dial;
  readonly inbox: string;
  readonly now: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Pause between tries after the library has given up, and what chance adds. */
const REOPEN_PAUSE = { firstMs: 500, maxMs: 10_000 };
const REOPEN_JITTER_MS = 500;
/** Bytes that may wait to leave. */
const SEND_BUFFER_BYTES = 64 * 1024 * 1024;
/** How long closing waits for what still has to leave. */
const FLUSH_LIMIT_MS = 2000;

/** Connects, or fails at once; every later loss is mended. */
export async function openLink({ dial, inbox, now, random, log }: LinkDeps): Promise<Link> {
  let state: ReturnType<Link["status"]> = "ready";
  let lostAtMs = 0;
  let waiting: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  let closing: Promise<void> | undefined;
  const onLost = new Set<(error: CodedError) => void>();
  /** Each with what takes it off the connection of the moment. */
  const listeners = new Map<Listening, () => void>();

  const events: ConnectionEvents = {
    down() {
      if (state !== "ready") return;
      state = "reconnecting";
      lostAtMs = now();
      log.warn("bus.lost");
      const error = new CodedError("bus_unreachable", "Cannot wait for an answer: the bus is lost");
      for (const lost of onLost) lost(error);
    },
    up() {
      if (state !== "reconnecting") return;
      state = "ready";
      log.info("bus.reconnected", { downMs: now() - lostAtMs });
      for (const waiter of waiting) waiter.resolve();
      waiting = [];
    },
    trouble: (fields) => log.warn("bus.trouble", fields),
  };
  let connection = await dial(events);

  async function reopen(signal: AbortSignal): Promise<Connection> {
    for (let failures = 1;; failures++) {
      const pauseMs = backoffMs(failures, REOPEN_PAUSE) + jitterMs(random, REOPEN_JITTER_MS);
      await delay(pauseMs, { signal });
      try {
        return await dial(events);
      } catch (error) {
        log.warn("bus.reopen_failed", { code: codeOf(error), error: messageOf(error) });
      }
    }
  }

  /** The library gives up, for example, when credentials were refused twice. */
  async function supervise(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const reason = await connection.ended;
      if (signal.aborted) return;
      events.down();
      log.error("bus.given_up", { reason });
      connection = await reopen(signal);
      if (signal.aborted) return connection.close();
      for (const listening of listeners.keys()) {
        listeners.set(listening, connection.subscribe(listening));
      }
      events.up();
    }
  }

  const scope = openScope({
    onError: (error) => log.error("bus.supervision_failed", { error: messageOf(error) }),
  });
  scope.run(supervise);

  async function close(): Promise<void> {
    const wasReady = state === "ready";
    state = "closed";
    for (const waiter of waiting) waiter.reject(closedError());
    waiting = [];
    if (wasReady) await within(FLUSH_LIMIT_MS, connection.flush());
    const supervised = scope[Symbol.asyncDispose]();
    await connection.close();
    await supervised;
  }

  function assertReady(subject: string): void {
    if (state === "closed") throw closedError();
    if (state === "reconnecting") {
      throw new CodedError("bus_unreachable", `Cannot send to "${subject}": reconnecting`);
    }
    if (connection.bufferedBytes() <= SEND_BUFFER_BYTES) return;
    throw new CodedError("bus_overflow", `Cannot send to "${subject}": the server is too slow`);
  }

  return {
    inbox,
    maxPayloadBytes: () => connection.maxPayloadBytes(),
    send(frame) {
      assertReady(frame.subject);
      connection.send(frame);
    },
    listen(listening) {
      listeners.set(listening, connection.subscribe(listening));
      return () => {
        listeners.get(listening)?.();
        listeners.delete(listening);
      };
    },
    onLost(lost) {
      onLost.add(lost);
      return () => void onLost.delete(lost);
    },
    ready(signal) {
      if (state === "ready") return Promise.resolve();
      if (state === "closed") return Promise.reject(closedError());
      return new Promise((resolve, reject) => {
        signal.throwIfAborted();
        const waiter = { resolve, reject };
        waiting.push(waiter);
        signal.addEventListener("abort", () => {
          waiting = waiting.filter((other) => other !== waiter);
          reject(signal.reason as Error);
        }, { once: true });
      });
    },
    status: () => state,
    [Symbol.asyncDispose]: () => closing ??= close(),
  };
}

/** A pause up to `maxMs`, so that many clients do not come at once. */
export function jitterMs(random: Random, maxMs: number): number {
  const [low = 0, high = 0] = random(new Uint8Array(2));
  return Math.floor((low + high * 256) / 65_536 * maxMs);
}

function closedError(): CodedError {
  return new CodedError("bus_closed", "Cannot use the bus: it was closed");
}
