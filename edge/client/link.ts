/**
 * One WebSocket to the firehose that connects again whenever it ends.
 *
 * @module
 */
import type { FirehoseFrame } from "../../core/contract/mod.ts";

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

/** What a link is doing. */
export type LinkState =
  | { readonly kind: "connecting" }
  | { readonly kind: "open" }
  /** Trying again in `retryInMs`, or sooner when the page wakes. */
  | { readonly kind: "waiting"; readonly retryInMs: number; readonly reason: string }
  | { readonly kind: "closed" };

/** What a link is made of. */
export interface LinkOptions {
  /** Asked before every connection. */
  readonly address: () => string;
  readonly token: (() => string | Promise<string>) | undefined;
  readonly Socket: WebSocketConstructor;
  readonly onFrame: (frame: FirehoseFrame) => void;
  readonly onState: (state: LinkState) => void;
}

/** A link. */
export interface Link {
  readonly state: () => LinkState;
  /** Connects afresh at once, as if nothing had failed before. */
  renew(): void;
  /** Ends it for good. */
  close(): void;
}

/** A connection that held so long was a good one, in milliseconds. */
export const STABLE_MS = 10_000;

const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 30_000;
/** A connection that is neither open nor refused by then is given up. */
const CONNECT_LIMIT_MS = 20_000;

// The contract's values, spelled out: importing them would bring its schemas into every page.
const PROTOCOL = "nexo.firehose";
const BEARER_PREFIX = "bearer.";

/** Connects. */
export function openLink(options: LinkOptions): Link {
  let state: LinkState = { kind: "connecting" };
  let socket: WebSocketLike | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  /** Tells attempts apart, so that what is left of an older one is not heard. */
  let attempt = 0;

  const isClosed = (): boolean => state.kind === "closed";

  function enter(next: LinkState): void {
    state = next;
    options.onState(next);
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
      if (mine === attempt && !isClosed()) listen(mine, token);
    }).catch((error: unknown) => retry(mine, `no token: ${String(error)}`));
  }

  function listen(mine: number, token: string | undefined): void {
    const protocols = token === undefined ? [PROTOCOL] : [PROTOCOL, BEARER_PREFIX + token];
    const opened = new options.Socket(options.address(), protocols);
    socket = opened;
    let reason = "the connection ended";
    opened.onmessage = ({ data }: { data: unknown }) => {
      if (mine !== attempt) return;
      const frame = JSON.parse(String(data)) as FirehoseFrame;
      if (frame.type === "error") reason = `${frame.code}: ${frame.message}`;
      if (frame.type === "event") failures = 0;
      options.onFrame(frame);
      if (frame.type !== "ready" || mine !== attempt) return;
      clearTimeout(timer);
      timer = setTimeout(() => failures = 0, STABLE_MS);
      enter({ kind: "open" });
    };
    opened.onclose = () => retry(mine, reason);
    // It is followed by the end.
    opened.onerror = () => undefined;
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

  connect();
  return {
    state: () => state,
    renew() {
      if (isClosed()) return;
      failures = 0;
      connect();
    },
    close() {
      if (isClosed()) return;
      attempt += 1;
      clearTimeout(timer);
      dropSocket();
      enter({ kind: "closed" });
    },
  };
}
