/**
 * A firehose connection that mends itself and misses nothing.
 *
 * @module
 */
import type { AgentEvent, AgentEventKind, FirehoseFrame } from "../../core/contract/mod.ts";
import { createCatchUp } from "./catch_up.ts";
import { type LinkState, openLink, STABLE_MS, type WebSocketConstructor } from "./link.ts";
import { type WakeTarget, watchWaking } from "./waking.ts";

/** Which events are wanted: those that fit every filter given, by any of its values. */
export interface FirehoseFilters {
  readonly agent_id?: string | readonly string[] | undefined;
  readonly kind?: AgentEventKind | readonly AgentEventKind[] | undefined;
  /** Narrows what an operator sees. */
  readonly account_id?: string | readonly string[] | undefined;
  /** `session_id`s. */
  readonly conversation?: string | readonly string[] | undefined;
}

/** Who has a conversation open now. */
export interface ConversationPresence {
  /** Its `session_id`. */
  readonly conversation: string;
  /** Subjects of tokens, this connection's among them. */
  readonly watchers: readonly string[];
  /** How many are not named. */
  readonly more: number;
}

/** What the connection is doing. */
export type FirehoseState = LinkState;

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
  /**
   * What was missed comes `first`, and then what happens; or what happens comes at once, and what was
   * missed `behind` it over a connection of its own, which ends with the first event it has in common
   * with the other. @default {"first"}
   */
  readonly catchUp?: "first" | "behind" | undefined;
  /**
   * Every event once, and in order; with `behind`, each of the two in its own order, and `isLate` says
   * that newer ones were told before. What it throws is reported and stops nothing.
   */
  readonly onEvent: (
    event: AgentEvent,
    cursor: string,
    about: { readonly isLate: boolean },
  ) => void;
  /** What came after `from`, up to and with `to`, is lost or trimmed. */
  readonly onGap?: ((gap: { readonly from: string; readonly to: string }) => void) | undefined;
  /**
   * Asks who else has these conversations open and is told at once and at every change; they are told of
   * this one. Needs 1 to 4 conversations as a filter; an operator's token also one `account_id`. What
   * was said holds while the state is `open`.
   */
  readonly onPresence?: ((presence: ConversationPresence) => void) | undefined;
  readonly onState?: ((state: FirehoseState) => void) | undefined;
  /** @default {globalThis.WebSocket} */
  readonly WebSocket?: WebSocketConstructor | undefined;
  /** What tells that the page woke. @default {globalThis} */
  readonly wakeTarget?: WakeTarget | undefined;
}

/** A connection. */
export interface FirehoseClient {
  /** Where a later visit may resume and miss nothing; undefined before the first connection. */
  cursor(): string | undefined;
  state(): FirehoseState;
  /** Ends it for good. */
  close(): void;
}

/** Connects, and connects again from the last cursor whenever the connection ends. */
export function openFirehose(options: FirehoseOptions): FirehoseClient {
  const { token, catchUp: order = "first" } = options;
  const Socket = options.WebSocket ?? globalThis.WebSocket;
  let cursor = options.since;

  const behind = createCatchUp({
    open: (since, onFrame) =>
      openLink({
        address: () => addressOf(options, since()).href,
        token,
        Socket,
        onFrame,
        onState: () => undefined,
      }),
    onEvent: ({ event, cursor: at }) => report(() => options.onEvent(event, at, { isLate: true })),
    onGap: (gap) => report(() => options.onGap?.(gap)),
  });

  function take(frame: FirehoseFrame): void {
    if (frame.type === "ready") {
      const missedFrom = order === "behind" ? cursor : undefined;
      cursor = frame.cursor;
      if (missedFrom !== undefined && missedFrom !== frame.cursor) {
        behind.add(missedFrom, frame.cursor);
      }
    } else if (frame.type === "event") {
      cursor = frame.cursor;
      report(() => options.onEvent(frame.event, frame.cursor, { isLate: false }));
    } else if (frame.type === "gap") {
      cursor = frame.to;
      report(() => options.onGap?.({ from: frame.from, to: frame.to }));
    } else if (frame.type === "presence") {
      const { conversation, watchers, more } = frame;
      report(() => options.onPresence?.({ conversation, watchers, more }));
    }
  }

  const link = openLink({
    address: () => {
      const address = addressOf(options, order === "behind" ? undefined : cursor);
      if (options.onPresence !== undefined) address.searchParams.set("presence", "1");
      return address.href;
    },
    token,
    Socket,
    onFrame: take,
    onState: (state) => report(() => options.onState?.(state)),
  });

  const stopWatching = watchWaking(options.wakeTarget, (sleptMs) => {
    const { kind } = link.state();
    // Timers of a page in the background are late, and connections that died in its sleep look alive.
    if (kind === "waiting" || (kind === "open" && sleptMs >= STABLE_MS)) link.renew();
  });

  return {
    cursor: () => behind.oldest() ?? cursor,
    state: link.state,
    close() {
      stopWatching();
      behind.close();
      link.close();
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

function addressOf({ url, filters = {} }: FirehoseOptions, since: string | undefined): URL {
  const address = new URL(url);
  address.protocol = address.protocol.replace("http", "ws");
  if (address.pathname === "/") address.pathname = "/firehose";
  for (const [name, value] of Object.entries(filters)) {
    if (value === undefined) continue;
    for (const one of [value].flat()) address.searchParams.append(name, String(one));
  }
  if (since !== undefined) address.searchParams.set("since", since);
  return address;
}
