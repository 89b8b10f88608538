/**
 * Who watches a conversation now: clients of this edge and, over the bus, those of the others.
 *
 * Nothing is kept anywhere. Every edge says again and again who is there, and one that falls silent is
 * forgotten; so what the bus drops is mended by what is said next.
 *
 * @module
 */
import { z } from "zod";
import type { Bus } from "../../core/bus/bus.ts";
import {
  CodedError,
  type EventFilter,
  messageOf,
  PRESENCE_NAMED,
  subjects,
} from "../../core/contract/mod.ts";
import type { Log } from "../../core/flow/log.ts";
import { type Client, deliver } from "./client.ts";
import { frameOf, messagesOf } from "./frames.ts";
import type { StreamScope } from "./scope.ts";

/** What a client watches: conversations of one tenant. */
export interface Watching {
  readonly account: string;
  readonly conversations: readonly string[];
}

/** What {@linkcode createPresence} needs. */
export interface PresenceDeps {
  readonly bus: Pick<Bus, "publish" | "subscribe">;
  /** Tells this edge from the others. */
  readonly edge: string;
  readonly log: Log;
  /** A client for which this much waits is told later, and then only the newest, in bytes. */
  readonly highBytes: number;
}

/** The watchers at this edge; it listens and speaks only while there are some. */
export interface Presence {
  /** Counts a client in. It and all who watch the same are told. */
  enter(client: Client, watching: Watching): void;
  /** Counts a client out; nothing happens when it was never in. */
  leave(client: Client): void;
}

/** Conversations of one client; with the places of the firehose this bounds what an edge has to say. */
const MAX_CONVERSATIONS = 4;
/** Changes within this time are told together. */
const COALESCE_MS = 50;
/** How often an edge says who is there. */
const BEAT_MS = 2_500;
/** An edge that was not heard of for so many beats is forgotten: after 5 to 7.5 s. */
const FORGET_BEATS = 3;
/** Other edges at which a conversation's watchers are seen; those of further ones are not. */
const MAX_EDGES = 256;
/** Characters of a message: below what a bus carries, whatever they become in UTF-8. */
const MESSAGE_CHARS = 200_000;
const NAME_CHARS = 256;

const Watchers = z.object({
  watchers: z.array(z.string().max(NAME_CHARS)).max(PRESENCE_NAMED),
  more: z.int().nonnegative(),
});
type Watchers = z.infer<typeof Watchers>;

/** What an edge says: all its watchers of each conversation named; none means that they left. */
const News = z.object({
  edge: z.string(),
  rooms: z.array(Watchers.extend({ account: z.string(), conversation: z.string() })),
});

/** A conversation with watchers here. */
interface Room {
  readonly account: string;
  readonly conversation: string;
  readonly clients: Set<Client>;
  /** Watchers at other edges, and for how many beats nothing was heard of them. */
  readonly others: Map<string, Watchers & { silentBeats: number }>;
  /** The newest frame; clients in `behind` have not got it. */
  text: string;
  readonly behind: Set<Client>;
}

/**
 * What a client that asks for presence watches.
 *
 * @throws {CodedError} `invalid_params` when it names no conversation, too many, or no single tenant
 */
export function watchingOf(scope: StreamScope, filter: EventFilter): Watching {
  const { conversation: conversations = [], account_id = [] } = filter;
  if (conversations.length === 0 || conversations.length > MAX_CONVERSATIONS) {
    throw new CodedError(
      "invalid_params",
      `Cannot tell of presence: filter by 1 to ${MAX_CONVERSATIONS} conversations`,
    );
  }
  if (scope !== "operator") return { account: scope.account, conversations };
  const [account] = account_id;
  if (account !== undefined && account_id.length === 1) return { account, conversations };
  throw new CodedError(
    "invalid_params",
    'Cannot tell of presence: filter by the one tenant of the conversations, as "account_id"',
  );
}

/** Builds it with nobody there. */
export function createPresence({ bus, edge, log, highBytes }: PresenceDeps): Presence {
  const rooms = new Map<string, Room>();
  const roomsOf = new Map<Client, readonly Room[]>();
  const toAnnounce = new Set<Room>();
  const toTell = new Set<Room>();
  let stop: AbortController | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function start(): void {
    if (stop !== undefined) return;
    stop = new AbortController();
    bus.subscribe(subjects.presence, { signal: stop.signal }, ({ data }) => {
      try {
        hear(News.parse(JSON.parse(new TextDecoder().decode(data))));
      } catch (error) {
        log.warn("firehose.presence_unreadable", { error: messageOf(error) });
      }
    });
    const beats = setInterval(beat, BEAT_MS);
    stop.signal.addEventListener("abort", () => clearInterval(beats));
  }

  function schedule(): void {
    timer ??= setTimeout(flush, COALESCE_MS);
  }

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    const [said, told] = [Array.from(toAnnounce), Array.from(toTell)];
    toAnnounce.clear();
    toTell.clear();
    announce(said);
    for (const room of told) tellClients(room);
  }

  function announce(changed: readonly Room[]): void {
    for (const text of newsOf(edge, changed)) {
      try {
        bus.publish(subjects.presence, new TextEncoder().encode(text));
      } catch (error) {
        // The next beat says it again.
        log.debug("firehose.presence_dropped", { error: messageOf(error) });
      }
    }
  }

  function tellClients(room: Room): void {
    const all = watchersOf(room.clients, room.others.values());
    const frame = frameOf({ type: "presence", conversation: room.conversation, ...all });
    if (frame.text !== room.text) {
      room.text = frame.text;
      for (const client of room.clients) room.behind.add(client);
    }
    const messages = messagesOf([frame]);
    for (const client of room.behind) {
      if (client.outlet.bufferedBytes() > highBytes) continue;
      room.behind.delete(client);
      deliver(client, messages);
    }
  }

  function hear(news: z.infer<typeof News>): void {
    if (news.edge === edge) return;
    for (const { account, conversation, watchers, more } of news.rooms) {
      const room = rooms.get(keyOf(account, conversation));
      if (room === undefined) continue;
      toTell.add(room);
      if (watchers.length === 0) {
        room.others.delete(news.edge);
        continue;
      }
      if (!room.others.has(news.edge)) {
        if (room.others.size >= MAX_EDGES) continue;
        // An edge that is new to this one does not know who is here either.
        toAnnounce.add(room);
      }
      room.others.set(news.edge, { watchers, more, silentBeats: 0 });
    }
    if (toTell.size > 0) schedule();
  }

  function beat(): void {
    for (const room of rooms.values()) {
      for (const [other, heard] of room.others) {
        if (++heard.silentBeats >= FORGET_BEATS) room.others.delete(other);
      }
      toAnnounce.add(room);
      toTell.add(room);
    }
    flush();
  }

  function roomOf(account: string, conversation: string): Room {
    const key = keyOf(account, conversation);
    let room = rooms.get(key);
    if (room === undefined) {
      room = {
        account,
        conversation,
        clients: new Set(),
        others: new Map(),
        text: "",
        behind: new Set(),
      };
      rooms.set(key, room);
    }
    return room;
  }

  return {
    enter(client, { account, conversations }) {
      start();
      const entered = [...new Set(conversations)].map((one) => roomOf(account, one));
      roomsOf.set(client, entered);
      for (const room of entered) {
        room.clients.add(client);
        room.behind.add(client);
        toAnnounce.add(room);
        toTell.add(room);
      }
      schedule();
    },
    leave(client) {
      const left = roomsOf.get(client);
      if (left === undefined) return;
      roomsOf.delete(client);
      for (const room of left) {
        room.clients.delete(client);
        room.behind.delete(client);
        toAnnounce.add(room);
        toTell.add(room);
        if (room.clients.size === 0) rooms.delete(keyOf(room.account, room.conversation));
      }
      if (roomsOf.size > 0) return schedule();
      flush();
      stop?.abort();
      stop = undefined;
    },
  };
}

function keyOf(account: string, conversation: string): string {
  return JSON.stringify([account, conversation]);
}

/** Everybody once; who is not named at another edge may be counted at more than one. */
function watchersOf(clients: Iterable<Client>, others: Iterable<Watchers>): Watchers {
  const names = new Set<string>();
  let more = 0;
  for (const { bearer } of clients) names.add(bearer.subject.slice(0, NAME_CHARS));
  for (const other of others) {
    for (const name of other.watchers) names.add(name);
    more += other.more;
  }
  const watchers = [...names].sort();
  const named = watchers.slice(0, PRESENCE_NAMED);
  return { watchers: named, more: more + watchers.length - named.length };
}

/** Messages of what there is to say of rooms, each below the bound. */
function* newsOf(edge: string, rooms: Iterable<Room>): Generator<string> {
  let said: string[] = [];
  let chars = 0;
  const message = (): string => `{"edge":${JSON.stringify(edge)},"rooms":[${said.join(",")}]}`;
  for (const { account, conversation, clients } of rooms) {
    const one = JSON.stringify({ account, conversation, ...watchersOf(clients, []) });
    if (said.length > 0 && chars + one.length > MESSAGE_CHARS) {
      yield message();
      [said, chars] = [[], 0];
    }
    said.push(one);
    chars += one.length;
  }
  if (said.length > 0) yield message();
}
