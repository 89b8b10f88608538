/**
 * The clients of this edge: they come with a place in a stream, are told, and go.
 *
 * @module
 */
import type { Bus } from "../../core/bus/bus.ts";
import {
  type Clock,
  type Cursor,
  type EventFilter,
  formatCursor,
} from "../../core/contract/mod.ts";
import type { Log } from "../../core/flow/log.ts";
import { payAttention } from "./attention.ts";
import {
  type Bearer,
  type Client,
  createClient,
  type Cut,
  CUTS,
  type Outlet,
  sayGoodbye,
  tell,
} from "./client.ts";
import { frameOf } from "./frames.ts";
import { createLeavers } from "./leavers.ts";
import { createPast } from "./pages.ts";
import { createPump } from "./pump.ts";
import type { StreamScope } from "./scope.ts";
import type { Stream } from "./stream.ts";
import { createStreams } from "./streams.ts";

/** Bounds and pauses; defaults are for production. */
export interface FirehoseLimits {
  /** Clients of one tenant, or of the operators, at this edge. @default {10000} */
  readonly maxClients?: number | undefined;
  /** A client gets no more while this much waits for it, in bytes. @default {524288} */
  readonly highBytes?: number | undefined;
  /** A client that reads nothing for so long while that much waits is cut, in milliseconds. @default {20000} */
  readonly stallMs?: number | undefined;
  /** Between pings, in milliseconds. @default {25000} */
  readonly pingMs?: number | undefined;
}

/** What a hub needs. */
export interface HubDeps {
  readonly bus: Pick<Bus, "request" | "subscribe">;
  readonly now: Clock;
  readonly log: Log;
  readonly limits: FirehoseLimits;
}

/** A place kept in a stream for a client that is about to come. */
export interface Hold {
  /** Brings the client in, after `since` or at the end of the stream; the first frames go at once. Returns the way out. */
  readonly enter: (outlet: Outlet) => () => void;
  /** Gives the place back unused. */
  readonly release: () => void;
}

/** What a client wants. */
export interface Wanted {
  readonly scope: StreamScope;
  readonly bearer: Bearer;
  readonly filter: EventFilter;
  /** `start` is the first event that is kept. */
  readonly since: Cursor | "start" | undefined;
}

/** The streams. */
export interface Hub {
  /**
   * Keeps a place; undefined when the stream has no room.
   *
   * @throws {CodedError} when core is needed and does not answer, or refuses the token
   */
  readonly hold: (wanted: Wanted) => Promise<Hold | undefined>;
  /** Cuts the clients for whom `why` says so. */
  readonly cutWhere: (why: (bearer: Bearer) => Cut | undefined) => void;
  /** Clients here. */
  readonly size: () => number;
  /** Says goodbye to all; resolves when they are gone. */
  readonly close: () => Promise<void>;
}

const MAX_CLIENTS = 10_000;
const HIGH_BYTES = 512 * 1024;
const STALL_MS = 20_000;
const PING_MS = 25_000;

/** Builds a hub; it listens to the bus only while it has clients. */
export function createHub(deps: HubDeps): Hub {
  const { bus, now, log } = deps;
  const {
    maxClients = MAX_CLIENTS,
    highBytes = HIGH_BYTES,
    stallMs = STALL_MS,
    pingMs = PING_MS,
  } = deps.limits;
  const past = createPast({ bus });
  const members = new Map<Client, Stream>();
  const leavers = createLeavers();
  const streams = createStreams({ advance: (client) => pump.advance(client), log });
  const pump = createPump({
    log,
    highBytes,
    stallMs,
    loadPage: past.loadPage,
    streams: () => streams,
    streamOf: (client) => members.get(client),
    cut,
  });
  let attention: Disposable | undefined;
  let isClosing = false;

  function listen(): void {
    const heard = { lastId: undefined };
    attention ??= payAttention({
      bus,
      now,
      log,
      pingMs,
      hear: (data) => streams.receive(data, heard),
      clients: () => members.keys(),
      expired: (client) => cut(client, CUTS.expired),
      lost: (client) => {
        leave(client);
        client.outlet.terminate();
      },
    });
  }

  function drop(stream: Stream, hold: object): void {
    stream.holds.delete(hold);
    if (stream.holds.size > 0 || !streams.forget(stream)) return;
    attention?.[Symbol.dispose]();
    attention = undefined;
  }

  function leave(client: Client): void {
    const stream = members.get(client);
    if (stream === undefined) return;
    client.isClosed = true;
    members.delete(client);
    stream.clients.delete(client);
    pump.waiting.leave(client);
    drop(stream, client);
  }

  function cut(client: Client, why: Cut): void {
    if (client.isClosed) return;
    leave(client);
    log.debug("firehose.cut", { code: why.code });
    leavers.add(client.outlet);
    sayGoodbye(client, streams.epoch(), why);
  }

  /** Learns where the stream ends, unless that is known and nothing was missed since. */
  async function knowHead(stream: Stream, token: string): Promise<void> {
    const { generation } = stream;
    if (stream.knownGeneration === generation) return;
    const { epoch, head } = await past.readHead(token);
    streams.adoptEpoch(epoch);
    stream.head = Math.max(stream.head, head);
    stream.knownGeneration = Math.max(stream.knownGeneration, generation);
  }

  function enter(
    stream: Stream,
    place: object,
    { bearer, filter }: Wanted,
    { from, outlet }: { from: Cursor; outlet: Outlet },
  ): () => void {
    // A place beyond the end is for core to judge.
    const generation = from.offset > stream.head ? 0 : stream.knownGeneration;
    const client = createClient({ outlet, bearer, filter, at: from.offset, generation });
    stream.holds.add(client);
    drop(stream, place);
    stream.clients.add(client);
    members.set(client, stream);
    const cursor = formatCursor(from.epoch, from.offset);
    tell(client, frameOf({ type: "ready", cursor }));
    if (from.epoch !== streams.epoch()) streams.moveIn(client, cursor);
    if (isClosing) cut(client, CUTS.going);
    pump.advance(client);
    return () => {
      leave(client);
      leavers.gone(outlet);
    };
  }

  return {
    async hold(wanted) {
      const stream = streams.of(wanted.scope);
      if (isClosing || stream.holds.size >= maxClients) return undefined;
      const place = {};
      stream.holds.add(place);
      streams.keep(stream);
      try {
        listen();
        await knowHead(stream, wanted.bearer.token);
      } catch (error) {
        drop(stream, place);
        throw error;
      }
      const from = startOf(wanted.since, streams.epoch(), stream.head);
      return {
        release: () => drop(stream, place),
        enter: (outlet) => enter(stream, place, wanted, { from, outlet }),
      };
    },
    cutWhere(why) {
      for (const client of Array.from(members.keys())) {
        const reason = why(client.bearer);
        if (reason !== undefined) cut(client, reason);
      }
    },
    size: () => members.size,
    async close() {
      isClosing = true;
      for (const client of Array.from(members.keys())) cut(client, CUTS.going);
      streams[Symbol.dispose]();
      pump.waiting[Symbol.dispose]();
      await leavers.allGone();
    },
  };
}

function startOf(since: Wanted["since"], epoch: string, head: number): Cursor {
  if (since === undefined) return { epoch, offset: head };
  return since === "start" ? { epoch, offset: 0 } : since;
}
