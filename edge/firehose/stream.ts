/**
 * One stream at one edge: its newest events, its clients, and how each moves on.
 *
 * A client is a place in the stream. Whatever lies behind that place comes from the ring while it is
 * there, else from core, page by page; so history, live events and losses on the bus are one way, and
 * none of them leaves a seam.
 *
 * @module
 */
import { matchesFilter, type WireEvent } from "../../core/contract/mod.ts";
import type { Client } from "./client.ts";
import { type Frame, frameAt, type Messages, messagesOf } from "./frames.ts";
import type { LoadPage, Page } from "./pages.ts";
import { createRing, type Ring, type RingBounds } from "./ring.ts";
import { positionIn, type StreamScope } from "./scope.ts";

/** A stream with clients, or with some about to come. */
export interface Stream {
  readonly scope: StreamScope;
  /** Clients and those about to become one. */
  readonly places: Set<object>;
  readonly clients: Set<Client>;
  readonly ring: Ring;
  /** The newest offset known. */
  head: number;
  /** Rises when live events may have been missed; then places must be checked with core. */
  generation: number;
  /** The generation in which core last said where the stream ends. */
  knownGeneration: number;
  /** Pages under way, for clients at the same place with the same filter. */
  readonly loads: Map<string, Load>;
  /** What clients at the same place with the same filter get next; for one flush. */
  readonly batches: Map<string, Batch>;
}

/** A page on its way. `owner` is whose token asks for it. */
export interface Load {
  readonly owner: Client;
  readonly from: number;
  readonly generation: number;
  readonly page: Promise<Page>;
}

/** The next frames from the ring; null when the filter wants none of them. */
export interface Batch {
  readonly to: number;
  readonly messages: Messages | null;
}

/** What a stream keeps while it is being told, and between. */
const HARD_BOUNDS: RingBounds = { events: 8192, chars: 4 * 1024 * 1024 };
const IDLE_BOUNDS: RingBounds = { events: 512, chars: 256 * 1024 };

/** Characters joined into one write. */
const BATCH_CHARS = 128 * 1024;

/** A stream of which nothing is known yet. */
export function createStream(scope: StreamScope): Stream {
  return {
    scope,
    places: new Set(),
    clients: new Set(),
    ring: createRing(HARD_BOUNDS),
    head: 0,
    generation: 1,
    knownGeneration: 0,
    loads: new Map(),
    batches: new Map(),
  };
}

/** Takes a live event in. */
export function append(stream: Stream, epoch: string, event: WireEvent): void {
  const offset = positionIn(stream.scope, event);
  stream.ring.push({ offset, event, frame: frameAt(epoch, offset, event.body) });
  stream.head = Math.max(stream.head, offset);
}

/** Forgets what is in memory, because something before it was missed. */
export function distrust(stream: Stream): void {
  stream.ring.clear();
  stream.generation += 1;
}

/** What a client needs next: nothing, frames that are here, or a page. */
export type Step =
  | { readonly kind: "rest" }
  | { readonly kind: "load" }
  | { readonly kind: "send"; readonly batch: Batch };

/** The next step of a client. */
export function nextStep(stream: Stream, client: Client): Step {
  if (client.generation !== stream.generation) return { kind: "load" };
  if (client.at >= stream.head) return { kind: "rest" };
  const { ring } = stream;
  const from = client.at + 1;
  if (ring.last() < from || ring.first() > from) return { kind: "load" };
  const key = `${client.at} ${client.filterKey}`;
  let batch = stream.batches.get(key);
  if (batch === undefined) stream.batches.set(key, batch = createBatch(ring, client, from));
  return { kind: "send", batch };
}

function createBatch(ring: Ring, { filter }: Client, from: number): Batch {
  const frames: Frame[] = [];
  let to = from - 1;
  for (let chars = 0; to < ring.last() && chars < BATCH_CHARS;) {
    const item = ring.at(to + 1);
    if (item === undefined) break;
    to = item.offset;
    if (filter !== undefined && !matchesFilter(filter, item.event)) continue;
    frames.push(item.frame);
    chars += item.frame.text.length;
  }
  return { to, messages: frames.length === 0 ? null : messagesOf(frames) };
}

/** The page after a client's place, shared with everyone who needs the same. */
export function loadNext(stream: Stream, client: Client, load: LoadPage): Load {
  const key = `${client.at} ${client.filterKey}`;
  const known = stream.loads.get(key);
  // One that began before a loss may miss what was lost.
  if (known !== undefined && known.generation === stream.generation) return known;
  const page = load(stream.scope, client);
  const started: Load = {
    owner: client,
    from: client.at,
    generation: stream.generation,
    page,
  };
  stream.loads.set(key, started);
  const forget = (): void => {
    if (stream.loads.get(key) === started) stream.loads.delete(key);
  };
  page.then(forget, forget);
  return started;
}

/** Lets go of what only the flush needed. */
export function settle(stream: Stream): void {
  stream.batches.clear();
  stream.ring.trim(IDLE_BOUNDS);
}
