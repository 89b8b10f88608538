/**
 * What the servers of the firehose rows have in common: a port for clients, and events in a window.
 *
 * @module
 */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import process from "node:process";
import { onQuestion, sayReady } from "./talk.ts";

/** What a server says when it listens. */
export interface FirehoseReady {
  readonly port: number;
  /** Takes the number of events that every client has, as text lines. */
  readonly ackPort: number;
  /** The request that a client opens its connection with. */
  readonly handshake: string;
  /** Sent by a client once it is connected, as a text message; empty for nothing. */
  readonly hello: string;
}

/** Asks a server to collect its garbage, and how much memory it has. */
export interface MemoryQuestion {
  readonly kind: "memory";
}

/** Bytes resident, after collection. */
export interface MemoryReport {
  readonly rssBytes: number;
}

/** Events under way at most: enough that the server is never idle, few enough to hold in memory. */
const WINDOW = 256;
/** Events made known together, as one commit does. */
const COMMIT = 32;

/** About 500 bytes as JSON. */
export const EVENT_TEXT = "somebody said something worth telling ".repeat(8);

/**
 * Calls `publish` with the number of the first of {@linkcode COMMIT} events whenever the clients
 * have read enough of the last ones, and answers questions about memory. Tells the bench it is ready.
 */
export async function serveFirehose(
  { publish, ...ready }: Omit<FirehoseReady, "ackPort"> & {
    publish: (first: number, count: number) => Promise<void>;
  },
): Promise<void> {
  let published = 0;
  let wanted = 0;
  let isPublishing = false;

  async function go(): Promise<void> {
    isPublishing = true;
    while (published + COMMIT <= wanted) {
      await publish(published, COMMIT);
      published += COMMIT;
    }
    isPublishing = false;
  }

  const acks = createServer((socket: Socket) => {
    // A new load starts from nothing under way.
    const base = published;
    let text = "";
    socket.setNoDelay(true).on("error", () => undefined).on("data", (chunk) => {
      const lines = (text + chunk.toString()).split("\n");
      text = lines.pop() ?? "";
      const read = Number(lines.at(-1) ?? 0);
      wanted = base + read + WINDOW;
      if (!isPublishing) go().catch((error: unknown) => socket.destroy(error as Error));
    }).on("close", () => wanted = 0);
  }).listen(0, "127.0.0.1");
  await once(acks, "listening");
  acks.unref();
  onQuestion<MemoryQuestion>(() => {
    globalThis.gc?.();
    const report: MemoryReport = { rssBytes: process.memoryUsage.rss() };
    return Promise.resolve(report);
  });
  sayReady({ ...ready, ackPort: (acks.address() as AddressInfo).port });
}

/** The handshake of a WebSocket at `path`. */
export function handshakeOf(path: string, protocols?: string): string {
  return [
    `GET ${path} HTTP/1.1`,
    "Host: 127.0.0.1",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
    ...(protocols === undefined ? [] : [`Sec-WebSocket-Protocol: ${protocols}`]),
    "",
    "",
  ].join("\r\n");
}
