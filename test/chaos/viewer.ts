/**
 * Clients of the firehose that lose their connections again and again, and write down what they see.
 *
 * @module
 */
import { setTimeout as delay } from "node:timers/promises";
import { WebSocket } from "ws";
import {
  type EventFilter,
  FIREHOSE_PROTOCOL,
  type FirehoseFrame,
  matchesFilter,
  parseCursor,
} from "../../core/contract/mod.ts";
import type { Ledger } from "./ledger.ts";

/** An event as it is kept; the account's first has offset 1. */
export type LoggedEvent = Pick<
  Ledger["events"][number],
  "account_id" | "offset" | "kind" | "agent_id" | "body"
>;

/** Who watches, what, and how. */
export interface ViewerOptions {
  readonly account: string;
  readonly token: string;
  readonly filter: EventFilter;
  readonly transport: "websocket" | "sse";
  readonly random: () => number;
  /** The URL of the edge that takes the next connection. */
  readonly edgeUrl: () => Promise<string>;
}

/** One client over all its connections. */
export interface Viewer extends Pick<ViewerOptions, "account" | "filter" | "transport"> {
  /** Everything it was told. */
  readonly frames: readonly FirehoseFrame[];
  readonly connections: () => number;
  /** Resolves when it was first told where it stands. */
  readonly ready: Promise<void>;
  /** Resolves when it has been told of everything up to `offset`. */
  readonly reached: (offset: number) => Promise<void>;
  /** Resolves when it was stopped; rejects when an edge refused it for good. */
  readonly over: Promise<void>;
  readonly stop: () => void;
}

/** A client cuts its own connection after at most this many frames. */
const FRAMES_PER_CONNECTION = 400;

/** Starts watching. */
export function openViewer(options: ViewerOptions): Viewer {
  const { random } = options;
  const frames: FirehoseFrame[] = [];
  const stopping = new AbortController();
  const watchers = new Set<() => void>();
  let connections = 0;
  let cursor: string | undefined;

  function until(done: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!done()) return;
        watchers.delete(look);
        resolve();
      };
      watchers.add(look);
      look();
    });
  }

  async function watch(): Promise<void> {
    while (!stopping.signal.aborted) {
      const cut = new AbortController();
      let left = 1 + Math.floor(random() * FRAMES_PER_CONNECTION);
      const hear = (text: string): void => {
        if (cut.signal.aborted) return;
        const frame = JSON.parse(text) as FirehoseFrame;
        frames.push(frame);
        if (frame.type === "gap") cursor = frame.to;
        else if ("cursor" in frame) cursor = frame.cursor ?? cursor;
        for (const look of watchers) look();
        if (--left === 0) cut.abort();
      };
      const signal = AbortSignal.any([cut.signal, stopping.signal]);
      const url = urlOf(await options.edgeUrl(), options, cursor);
      const connect = options.transport === "sse" ? readEvents : readSocket;
      const status = await connect(url, { token: options.token, signal, hear });
      cut.abort();
      if (status === undefined) connections++;
      // Nobody may be turned away but for a time.
      else if (status !== 0 && status !== 503) throw new Error(`refused with ${status}`);
      else await delay(20 + random() * 80);
    }
  }

  const over = watch();
  const offset = (): number => cursor === undefined ? -1 : parseCursor(cursor)?.offset ?? -1;
  return {
    ...options,
    frames,
    connections: () => connections,
    ready: Promise.race([until(() => cursor !== undefined), over]),
    reached: (wanted) => Promise.race([until(() => offset() >= wanted), over]),
    over,
    stop: () => stopping.abort(),
  };
}

function urlOf(
  edgeUrl: string,
  { filter, transport }: Pick<ViewerOptions, "filter" | "transport">,
  since: string | undefined,
): URL {
  const url = new URL(transport === "sse" ? "/firehose/sse" : "/firehose", edgeUrl);
  for (const [name, values] of Object.entries(filter)) {
    for (const value of values ?? []) url.searchParams.append(name, value);
  }
  if (since !== undefined) url.searchParams.set("since", since);
  return url;
}

interface Connection {
  readonly token: string;
  /** Cuts it, without a word to the other side. */
  readonly signal: AbortSignal;
  readonly hear: (text: string) => void;
}

/** Resolves when the connection has ended, or with the status of a refusal; 0 when nobody was there. */
type Connect = (url: URL, connection: Connection) => Promise<number | undefined>;

const readSocket: Connect = (url, { token, signal, hear }) =>
  new Promise((resolve) => {
    url.protocol = "ws:";
    const socket = new WebSocket(url, [FIREHOSE_PROTOCOL, `bearer.${token}`]);
    let refused: number | undefined = 0;
    const cut = (): void => socket.terminate();
    signal.addEventListener("abort", cut, { once: true });
    socket.on("open", () => refused = undefined);
    socket.on("message", (data: Buffer) => hear(data.toString()));
    socket.on("unexpected-response", (_request, response) => {
      refused = response.statusCode ?? 0;
      // Otherwise nothing would follow.
      socket.terminate();
    });
    // It is followed by the end.
    socket.on("error", () => undefined);
    socket.on("close", () => {
      signal.removeEventListener("abort", cut);
      resolve(refused);
    });
    if (signal.aborted) cut();
  });

const readEvents: Connect = async (url, { token, signal, hear }) => {
  let refused: number | undefined = 0;
  try {
    const response = await fetch(url, { signal, headers: { authorization: `Bearer ${token}` } });
    if (!response.ok) {
      await response.body?.cancel();
      return response.status;
    }
    refused = undefined;
    let text = "";
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const blocks = (text + chunk).split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks) {
        const data = /^data: (.*)$/m.exec(block)?.[1];
        if (data !== undefined) hear(data);
      }
    }
  } catch {
    // Cut by us, or with the edge; either way it has ended.
  }
  return refused;
};

/** The offset of the last event of `log` that a viewer wants, or 0. */
export function lastWanted(viewer: Viewer, log: readonly LoggedEvent[]): number {
  return log.findLast((event) => wants(viewer, event))?.offset ?? 0;
}

/**
 * Walks through what a viewer saw beside its account's whole log, oldest first.
 *
 * Nothing of that log was ever trimmed, so a gap may only pass over what the viewer did not want.
 *
 * @throws {Error} for an event that was missed, told twice, out of order, changed, or not its own
 */
export function checkViewer(viewer: Viewer, log: readonly LoggedEvent[]): void {
  let at: number | undefined;
  const passTo = (offset: number): void => {
    for (const event of log.slice(at, offset)) {
      if (wants(viewer, event)) throw new Error(`event ${event.offset} was not told`);
    }
    at = Math.max(at ?? 0, offset);
  };
  for (const frame of viewer.frames) {
    if (frame.type === "error" || frame.type === "presence") continue;
    const offset = parseCursor(frame.type === "gap" ? frame.to : frame.cursor)?.offset ?? -1;
    if (frame.type !== "event") {
      at ??= offset;
      passTo(offset);
      continue;
    }
    if (at === undefined || offset <= at) throw new Error(`event ${offset} was told after ${at}`);
    passTo(offset - 1);
    at = offset;
    const kept = log[offset - 1];
    if (kept === undefined || kept.account_id !== viewer.account || !wants(viewer, kept)) {
      throw new Error(`event ${offset} was never for ${viewer.account}`);
    }
    if (JSON.stringify(frame.event) !== kept.body) {
      throw new Error(`event ${offset} was told as another: ${JSON.stringify(frame.event)}`);
    }
  }
  passTo(log.length);
}

function wants(
  { filter }: Pick<Viewer, "filter">,
  { account_id: account, agent_id: agentId, kind, body }: LoggedEvent,
): boolean {
  return matchesFilter(filter, { account, agentId, kind, body });
}
