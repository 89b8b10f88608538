/**
 * What goes on while there are clients: hearing live events, pinging, and looking for expired tokens.
 *
 * @module
 */
import type { Bus } from "../../core/bus/bus.ts";
import { type Clock, messageOf, subjects } from "../../core/contract/mod.ts";
import type { Log } from "../../core/flow/log.ts";
import type { Client } from "./client.ts";

/** What {@linkcode payAttention} needs. */
export interface AttentionDeps {
  readonly bus: Pick<Bus, "subscribe">;
  readonly now: Clock;
  readonly log: Log;
  /** Between pings, in milliseconds. */
  readonly pingMs: number;
  /** Takes a message of live events. */
  readonly hear: (data: Uint8Array) => void;
  /** Everybody here. */
  readonly clients: () => Iterable<Client>;
  readonly expired: (client: Client) => void;
  /** A client that did not answer the last ping. */
  readonly lost: (client: Client) => void;
}

/** How often expired tokens are looked for. */
const EXPIRY_CHECK_MS = 1_000;

/** Starts; disposing ends it. One timer of each kind serves all clients. */
export function payAttention(deps: AttentionDeps): Disposable {
  const { bus, now, log, pingMs, hear, clients, expired, lost } = deps;
  const stop = new AbortController();
  bus.subscribe(subjects.liveEvents, { signal: stop.signal }, ({ data }) => {
    try {
      hear(data);
    } catch (error) {
      // What it carried shows as a hole when the next message comes.
      log.warn("firehose.live_unreadable", { error: messageOf(error) });
    }
  });
  const expiry = setInterval(() => {
    const nowMs = now();
    for (const client of Array.from(clients())) {
      if (client.bearer.expiresAtMs <= nowMs) expired(client);
    }
  }, EXPIRY_CHECK_MS);
  const pings = setInterval(() => {
    for (const client of Array.from(clients())) {
      if (!client.outlet.ping()) lost(client);
    }
  }, pingMs);
  return {
    [Symbol.dispose]() {
      stop.abort();
      clearInterval(expiry);
      clearInterval(pings);
    },
  };
}
