/**
 * Every stream with clients at this edge: live events come in, and clients are told to go on.
 *
 * @module
 */
import {
  decodeEventBatch,
  formatCursor,
  LiveHead,
  type WireEvent,
} from "../../core/contract/mod.ts";
import type { Log } from "../../core/flow/log.ts";
import { type Client, tell } from "./client.ts";
import { frameOf } from "./frames.ts";
import { scopeKey, type StreamScope } from "./scope.ts";
import { append, createStream, distrust, settle, type Stream } from "./stream.ts";

/** The streams, and the history they belong to. */
export interface Streams {
  /** Names the history; empty until core did. */
  epoch(): string;
  /** The stream of a scope; a new one is not kept before {@linkcode Streams.keep}. */
  of(scope: StreamScope): Stream;
  keep(stream: Stream): void;
  /** Forgets a stream; returns whether it was the last. */
  forget(stream: Stream): boolean;
  /** Takes a message of live events; `heard` remembers the newest id between messages. */
  receive(data: Uint8Array, heard: { lastId: number | undefined }): void;
  /**
   * Takes over the name of the history. Another one than before means that another database took the
   * place of the old: everybody lost what they had not seen of it.
   */
  adoptEpoch(epoch: string): void;
  /** Tells a client whose place is in an older history, and puts it where this one begins. */
  moveIn(client: Client, from: string): void;
  [Symbol.dispose](): void;
}

/** Events that come within it share a write. */
const COALESCE_MS = 4;
/** Clients of one stream told before it is another stream's turn. */
const TURN_CLIENTS = 64;
/** Clients told before the event loop goes on with something else. */
const SLICE_CLIENTS = 1_024;

/** A stream on its way through its clients. */
interface Round {
  readonly stream: Stream;
  readonly left: Iterator<Client>;
}

/** Builds no stream yet; `advance` is called for every client that may have more. */
export function createStreams(
  { advance, log }: { advance: (client: Client) => void; log: Log },
): Streams {
  const streams = new Map<string, Stream>();
  const dirty = new Set<Stream>();
  const rounds: Round[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  let epoch = "";

  function touch(stream: Stream): void {
    dirty.add(stream);
    timer ??= setTimeout(flush, COALESCE_MS);
  }

  /**
   * Streams take turns, so that a tenant with many clients or many events keeps nobody else waiting
   * for longer than its turn; and other work comes in between slices.
   */
  function flush(): void {
    timer = undefined;
    for (const stream of dirty) {
      // One that is on its way gets its next round after this one.
      if (rounds.some((round) => round.stream === stream)) continue;
      dirty.delete(stream);
      rounds.push({ stream, left: Array.from(stream.clients).values() });
    }
    for (let told = 0; told < SLICE_CLIENTS; told += TURN_CLIENTS) {
      const round = rounds.shift();
      if (round === undefined) break;
      if (takeTurn(round)) rounds.push(round);
      else settle(round.stream);
    }
    if (rounds.length > 0 || dirty.size > 0) timer ??= setTimeout(flush, 0);
  }

  /** Tells the next clients of a stream; returns whether there are more. */
  function takeTurn({ left }: Round): boolean {
    for (let i = 0; i < TURN_CLIENTS; i++) {
      const { done, value: client } = left.next();
      if (done === true) return false;
      advance(client);
    }
    return true;
  }

  function deliver(event: WireEvent): void {
    for (const stream of [streams.get(scopeKey("operator")), streams.get(event.account)]) {
      if (stream === undefined) continue;
      append(stream, epoch, event);
      touch(stream);
    }
  }

  function distrustAll(): void {
    for (const stream of streams.values()) {
      distrust(stream);
      touch(stream);
    }
  }

  function moveIn(client: Client, from: string): void {
    tell(client, frameOf({ type: "gap", from, to: formatCursor(epoch, 0) }));
    client.at = 0;
  }

  function adoptEpoch(next: string): void {
    if (epoch === next) return;
    const old = epoch;
    epoch = next;
    if (old === "") return;
    log.warn("firehose.history_replaced", { old, next });
    distrustAll();
    for (const stream of streams.values()) {
      stream.head = 0;
      for (const client of stream.clients) moveIn(client, formatCursor(old, client.at));
    }
  }

  return {
    epoch: () => epoch,
    of: (scope) => streams.get(scopeKey(scope)) ?? createStream(scope),
    keep: (stream) => void streams.set(scopeKey(stream.scope), stream),
    forget(stream) {
      const key = scopeKey(stream.scope);
      if (streams.get(key) === stream) streams.delete(key);
      dirty.delete(stream);
      return streams.size === 0;
    },
    receive(data, heard) {
      const { head, events } = decodeEventBatch(LiveHead, data);
      const { lastId } = heard;
      heard.lastId = head.last;
      adoptEpoch(head.epoch);
      // The first message says nothing of what came just before it; and what was erased at core must
      // not be told from here.
      const isErased = events.some(({ kind }) => kind === "data_erased");
      if (lastId === undefined || head.prev !== lastId || isErased) distrustAll();
      for (const event of events) deliver(event);
    },
    adoptEpoch,
    moveIn,
    [Symbol.dispose]() {
      clearTimeout(timer);
      dirty.clear();
      rounds.length = 0;
    },
  };
}
