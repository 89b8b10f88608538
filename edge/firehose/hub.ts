/**
 * The clients of this edge: they come with a place in a stream, are told, and go.
 *
 * @module
 */
import type { Bus } from "../../core/bus/bus.ts";
import {
  type Clock,
  CodedError,
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
import { createPresence, type Watching } from "./presence.ts";
import { createPump } from "./pump.ts";
import { scopeKey, type StreamScope } from "./scope.ts";
import { createSeats, type SeatLimits } from "./seats.ts";
import type { Stream } from "./stream.ts";
import { createStreams } from "./streams.ts";
import { countCode, type Tally } from "./tally.ts";

/** Bounds and pauses; defaults are for production. */
export interface FirehoseLimits {
  /** Clients of one tenant, or of the operators, until the configuration says otherwise. @default {10000} */
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
  readonly bus: Pick<Bus, "request" | "subscribe" | "publish">;
  readonly now: Clock;
  readonly uuid: () => string;
  readonly log: Log;
  readonly limits: FirehoseLimits;
  readonly tally: Tally;
}

/** What a client wants. */
export interface Wanted {
  readonly scope: StreamScope;
  readonly bearer: Bearer;
  readonly filter: EventFilter;
  /** `start` is the first event that is kept. */
  readonly since: Cursor | "start" | undefined;
  /** Of which conversations it hears who watches them, and is seen there itself. @default none */
  readonly watching?: Watching | undefined;
}

/** A place kept in a stream, for a client that is about to come and then for as long as it stays. */
export interface Place {
  readonly stream: Stream;
  readonly bearer: Bearer;
  /** How it begins, until it has. */
  start?: { readonly from: Cursor; readonly wanted: Wanted } | undefined;
  client?: Client;
}

/** The streams. */
export interface Hub {
  /**
   * Keeps a place.
   *
   * @throws {CodedError} `firehose_full`; whatever happens when core is needed and does not answer, or
   * refuses the token
   */
  readonly hold: (wanted: Wanted) => Promise<Place>;
  /** Brings the client in, after `since` or at the end of the stream; the first frames go at once. */
  readonly enter: (place: Place, outlet: Outlet) => void;
  /** Gives the place back, used or not; harmless when repeated. */
  readonly leave: (place: Place) => void;
  /** Puts other bounds in force; nobody is cut for them. */
  readonly limit: (limits: SeatLimits) => void;
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
  const { bus, now, log, tally } = deps;
  const {
    maxClients = MAX_CLIENTS,
    highBytes = HIGH_BYTES,
    stallMs = STALL_MS,
    pingMs = PING_MS,
  } = deps.limits;
  const past = createPast({ bus });
  let seatLimits: SeatLimits = { perTenant: maxClients, perSubject: maxClients };
  const seats = createSeats(() => seatLimits);
  const members = new Map<Client, Place>();
  const headReads = new Map<Stream, Promise<void>>();
  const leavers = createLeavers();
  const presence = createPresence({ bus, edge: deps.uuid(), log, highBytes });
  const streams = createStreams({ advance: (client) => pump.advance(client), log });
  const pump = createPump({
    log,
    highBytes,
    stallMs,
    loadPage: past.loadPage,
    streams: () => streams,
    streamOf: (client) => members.get(client)?.stream,
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
        remove(client);
        client.outlet.terminate();
      },
    });
  }

  function giveBack(place: Place): void {
    const { stream, bearer } = place;
    if (!stream.places.delete(place)) return;
    seats.leave(scopeKey(stream.scope), bearer.subject);
    if (stream.places.size > 0 || !streams.forget(stream)) return;
    attention?.[Symbol.dispose]();
    attention = undefined;
  }

  function remove(client: Client): void {
    const place = members.get(client);
    if (place === undefined) return;
    client.isClosed = true;
    members.delete(client);
    place.stream.clients.delete(client);
    pump.waiting.leave(client);
    presence.leave(client);
    giveBack(place);
  }

  function cut(client: Client, why: Cut): void {
    if (client.isClosed) return;
    remove(client);
    log.debug("firehose.cut", { code: why.code });
    countCode(tally.cuts, why.code);
    leavers.add(client.outlet);
    sayGoodbye(client, streams.epoch(), why);
  }

  /**
   * Learns where the stream ends, unless that is known and nothing was missed since. Those who come
   * together ask once; when that fails, maybe for the asker's token, the next one asks with its own.
   */
  async function knowHead(stream: Stream, token: string): Promise<void> {
    while (stream.knownGeneration !== stream.generation) {
      const asked = headReads.get(stream);
      if (asked !== undefined) await asked.catch(() => undefined);
      else {
        const reading = readHead(stream, token).finally(() => headReads.delete(stream));
        headReads.set(stream, reading);
        return reading;
      }
    }
  }

  async function readHead(stream: Stream, token: string): Promise<void> {
    const { generation } = stream;
    const { epoch, head } = await past.readHead(token);
    streams.adoptEpoch(epoch);
    stream.head = Math.max(stream.head, head);
    stream.knownGeneration = Math.max(stream.knownGeneration, generation);
  }

  function takeSeat({ scope, bearer }: Wanted): void {
    const taken = seats.take(scopeKey(scope), bearer.subject);
    if (taken === undefined) return;
    const whose = taken.bound === "perTenant" ? "this tenant" : "this token's subject";
    throw new CodedError(
      "firehose_full",
      `Cannot connect: ${whose} has ${taken.limit} clients at this edge already; close some, ` +
        "or let the operator raise broker.firehose in broker.yaml",
    );
  }

  return {
    limit: (limits) => void (seatLimits = limits),
    async hold(wanted) {
      if (isClosing) throw new CodedError("firehose_full", "Cannot connect: the edge is closing");
      const stream = streams.of(wanted.scope);
      const place: Place = { stream, bearer: wanted.bearer };
      takeSeat(wanted);
      stream.places.add(place);
      streams.keep(stream);
      try {
        listen();
        await knowHead(stream, wanted.bearer.token);
      } catch (error) {
        giveBack(place);
        throw error;
      }
      place.start = { wanted, from: startOf(wanted.since, streams.epoch(), stream.head) };
      return place;
    },
    enter(place, outlet) {
      const { stream, bearer, start } = place;
      if (start === undefined) throw new TypeError("Cannot enter: the place is in use");
      place.start = undefined;
      const { from, wanted: { filter, watching } } = start;
      // A place beyond the end is for core to judge.
      const generation = from.offset > stream.head ? 0 : stream.knownGeneration;
      const client = createClient({ outlet, tally, bearer, filter, at: from.offset, generation });
      place.client = client;
      stream.clients.add(client);
      members.set(client, place);
      const cursor = formatCursor(from.epoch, from.offset);
      tell(client, frameOf({ type: "ready", cursor }));
      if (from.epoch !== streams.epoch()) streams.moveIn(client, cursor);
      if (watching !== undefined) presence.enter(client, watching);
      if (isClosing) cut(client, CUTS.going);
      pump.advance(client);
    },
    leave(place) {
      const { client } = place;
      if (client === undefined) return giveBack(place);
      remove(client);
      leavers.gone(client.outlet);
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
