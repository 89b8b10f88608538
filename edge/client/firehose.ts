/**
 * A firehose connection that mends itself and misses nothing.
 *
 * @module
 */
import type { AgentEvent, AgentEventKind, FirehoseFrame } from "../../core/contract/mod.ts";
import { type WakeTarget, watchWaking } from "./waking.ts";

/** What is used of a WebSocket. */
export interface WebSocketLike {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  close(code?: number, reason?: string): void;
}

/** Makes one. */
export type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocketLike;

/** Which events are wanted: those that fit every filter given, by any of its values. */
export interface FirehoseFilters {
  readonly agent_id?: string | readonly string[] | undefined;
  readonly kind?: AgentEventKind | readonly AgentEventKind[] | undefined;
  /** Narrows what an operator sees. */
  readonly account_id?: string | readonly string[] | undefined;
  /** `session_id`s. */
  readonly conversation?: string | readonly string[] | undefined;
}

/** What the connection is doing. */
export type FirehoseState =
  | { readonly kind: "connecting" }
  | { readonly kind: "open" }
  /** Trying again in `retryInMs`, or sooner when the page wakes. */
  | { readonly kind: "waiting"; readonly retryInMs: number; readonly reason: string }
  | { readonly kind: "closed" };

/** Settings of {@linkcode openFirehose}. */
export interface FirehoseOptions {
  /** The edge's address (`https://edge.example`), or the whole URL of its firehose. */
  readonly url: string;
  /**
   * Asked before every connection, so that it may give a fresh one. Without it, the cookie of a page
   * that is signed in to the edge's console must do.
   */
  readonly token?: (() => string | Promise<string>) | undefined;
  readonly filters?: FirehoseFilters | undefined;
  /** A cursor of an earlier visit, or `"0"` for everything that is kept. Without it, what comes from now on. */
  readonly since?: string | undefined;
  /** Every event once and in order. What it throws is reported and stops nothing. */
  readonly onEvent: (event: AgentEvent, cursor: string) => void;
  /** What came after `from`, up to and with `to`, is lost or trimmed. */
  readonly onGap?: ((gap: { readonly from: string; readonly to: string }) => void) | undefined;
  readonly onState?: ((state: FirehoseState) => void) | undefined;
  /** @default {globalThis.WebSocket} */
  readonly WebSocket?: WebSocketConstructor | undefined;
  /** What tells that the page woke. @default {globalThis} */
  readonly wakeTarget?: WakeTarget | undefined;
}

/** A connection. */
export interface FirehoseClient {
  /** Where a later visit may resume; undefined before the first connection. */
  cursor(): string | undefined;
  state(): FirehoseState;
  /** Ends it for good. */
  close(): void;
}

const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 30_000;
/** A connection that held so long was a good one, in milliseconds. */
const STABLE_MS = 10_000;
/** A connection that is neither open nor refused by then is given up. */
const CONNECT_LIMIT_MS = 20_000;

// The contract's values, spelled out: importing them would bring its schemas into every page.
const PROTOCOL = "nexo.firehose";
const BEARER_PREFIX = "bearer.";

/** Connects, and connects again from the last cursor whenever the connection ends. */
export function openFirehose(options: FirehoseOptions): FirehoseClient {
  const Socket = options.WebSocket ?? globalThis.WebSocket as unknown as WebSocketConstructor;
  let cursor = options.since;
  let state: FirehoseState = { kind: "connecting" };
  let socket: WebSocketLike | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  /** Tells attempts apart, so that what is left of an older one is not heard. */
  let attempt = 0;

  function enter(next: FirehoseState): void {
    state = next;
    report(() => options.onState?.(next));
  }

  function connect(): void {
    clearTimeout(timer);
    dropSocket();
    const mine = ++attempt;
    enter({ kind: "connecting" });
    // Callbacks may have closed it.
    if (mine !== attempt || isClosed()) return;
    timer = setTimeout(() => retry(mine, "no answer in time"), CONNECT_LIMIT_MS);
    Promise.resolve().then(() => options.token?.()).then((token) => {
      if (mine === attempt && !isClosed()) listenTo(mine, token);
    }).catch((error: unknown) => retry(mine, `no token: ${String(error)}`));
  }

  function listenTo(mine: number, token: string | undefined): void {
    const protocols = token === undefined ? [PROTOCOL] : [PROTOCOL, BEARER_PREFIX + token];
    const opened = new Socket(addressOf(options, cursor), protocols);
    socket = opened;
    let reason = "the connection ended";
    opened.onmessage = ({ data }: { data: unknown }) => {
      if (mine !== attempt) return;
      const frame = JSON.parse(String(data)) as FirehoseFrame;
      if (frame.type === "error") reason = `${frame.code}: ${frame.message}`;
      take(frame);
    };
    opened.onclose = () => retry(mine, reason);
    // It is followed by the end.
    opened.onerror = () => undefined;
  }

  function take(frame: FirehoseFrame): void {
    if (frame.type === "ready") {
      cursor = frame.cursor;
      clearTimeout(timer);
      timer = setTimeout(() => failures = 0, STABLE_MS);
      enter({ kind: "open" });
    } else if (frame.type === "event") {
      cursor = frame.cursor;
      failures = 0;
      report(() => options.onEvent(frame.event, frame.cursor));
    } else if (frame.type === "gap") {
      cursor = frame.to;
      report(() => options.onGap?.({ from: frame.from, to: frame.to }));
    }
  }

  function retry(mine: number, reason: string): void {
    if (mine !== attempt || isClosed()) return;
    attempt += 1;
    clearTimeout(timer);
    dropSocket();
    // Anywhere below the bound: clients that lost an edge together must not come back together.
    const boundMs = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** failures);
    const retryInMs = Math.round(boundMs * (0.2 + 0.8 * Math.random()));
    failures = Math.min(failures + 1, 16);
    timer = setTimeout(connect, retryInMs);
    enter({ kind: "waiting", retryInMs, reason });
  }

  function dropSocket(): void {
    const old = socket;
    socket = undefined;
    if (old === undefined) return;
    old.onmessage = old.onclose = old.onopen = null;
    try {
      old.close();
    } catch {
      // It never got as far as having something to close.
    }
  }

  const isClosed = (): boolean => state.kind === "closed";

  const stopWatching = watchWaking(options.wakeTarget, (sleptMs) => {
    // Timers of a page in the background are late, and connections that died in its sleep look alive.
    if (state.kind === "waiting" || (state.kind === "open" && sleptMs >= STABLE_MS)) {
      failures = 0;
      connect();
    }
  });
  connect();

  return {
    cursor: () => cursor,
    state: () => state,
    close() {
      if (isClosed()) return;
      attempt += 1;
      clearTimeout(timer);
      stopWatching();
      dropSocket();
      enter({ kind: "closed" });
    },
  };
}

/** A caller's mistake is told like any uncaught error, and costs no event. */
function report(call: () => void): void {
  try {
    call();
  } catch (error) {
    setTimeout(() => {
      throw error;
    });
  }
}

function addressOf({ url, filters = {} }: FirehoseOptions, since: string | undefined): string {
  const address = new URL(url);
  address.protocol = address.protocol.replace("http", "ws");
  if (address.pathname === "/") address.pathname = "/firehose";
  for (const [name, value] of Object.entries(filters)) {
    if (value === undefined) continue;
    for (const one of [value].flat()) address.searchParams.append(name, String(one));
  }
  if (since !== undefined) address.searchParams.set("since", since);
  return address.href;
}
