/**
 * Who is to look when core calls out that something is new.
 *
 * A call may be lost: with the bus, with core, on the way. So everybody looks once the bus is back, when
 * core has started, and now and then.
 *
 * @module
 */
import type { Bus } from "../../core/bus/bus.ts";
import { ChatNews, subjects } from "../../core/contract/mod.ts";

/** Somebody who reads a conversation. */
export interface ChatReader {
  /** The conversation, once core has named it. */
  readonly session: () => string | undefined;
  readonly look: () => void;
  readonly typing: () => void;
  /** Called every second. */
  readonly tick: (nowMs: number) => void;
}

/** The readers of one edge. */
export interface ChatReaders extends Disposable {
  readonly add: (reader: ChatReader) => void;
  /** A reader has learned what its conversation is called. */
  readonly name: (reader: ChatReader, before: string | undefined) => void;
  readonly delete: (reader: ChatReader) => void;
  readonly count: () => number;
}

const TICK_MS = 1_000;
/** When everybody is to look, they do so within this time. */
const SPREAD_MS = 1_500;

/** Returns nobody; the bus is listened to from the first reader on. */
export function createChatReaders(
  { bus, now }: { bus: Pick<Bus, "subscribe" | "status">; now: () => number },
): ChatReaders {
  const readers = new Set<ChatReader>();
  const bySession = new Map<string, Set<ChatReader>>();
  const stop = new AbortController();
  const decoder = new TextDecoder();
  let timer: ReturnType<typeof setInterval> | undefined;
  let wasReady = true;

  function hear(data: Uint8Array): void {
    const news = ChatNews.safeParse(parseJson(decoder.decode(data)));
    // Whoever is on the bus can call out; what is no news of core's means nothing.
    if (!news.success) return;
    if (news.data.all) lookAll();
    for (const session of news.data.sessions) {
      for (const reader of bySession.get(session) ?? []) reader.look();
    }
    for (const session of news.data.typing) {
      for (const reader of bySession.get(session) ?? []) reader.typing();
    }
  }

  function lookAll(): void {
    let place = 0;
    const step = SPREAD_MS / Math.max(1, readers.size);
    for (const reader of readers) {
      setTimeout(() => readers.has(reader) && reader.look(), place++ * step);
    }
  }

  function tick(): void {
    const isReady = bus.status() === "ready";
    if (isReady && !wasReady) lookAll();
    wasReady = isReady;
    const nowMs = now();
    for (const reader of readers) reader.tick(nowMs);
  }

  function start(): void {
    if (timer !== undefined) return;
    timer = setInterval(tick, TICK_MS);
    bus.subscribe(subjects.chatNews, { signal: stop.signal }, ({ data }) => hear(data));
  }

  function forget(reader: ChatReader, session: string | undefined): void {
    if (session === undefined) return;
    const others = bySession.get(session);
    others?.delete(reader);
    if (others?.size === 0) bySession.delete(session);
  }

  return {
    add(reader) {
      start();
      readers.add(reader);
    },
    name(reader, before) {
      forget(reader, before);
      const session = reader.session();
      if (session === undefined || !readers.has(reader)) return;
      const others = bySession.get(session) ?? new Set();
      bySession.set(session, others.add(reader));
    },
    delete(reader) {
      readers.delete(reader);
      forget(reader, reader.session());
    },
    count: () => readers.size,
    [Symbol.dispose]() {
      clearInterval(timer);
      stop.abort();
      readers.clear();
      bySession.clear();
    },
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
