/**
 * Many clients of a firehose, over raw sockets: a WebSocket library would be the slower side.
 *
 * Clients stay connected until the bench is gone. Messages are counted, not read.
 *
 * @module
 */
import { connect, Socket } from "node:net";
import type { FirehoseReady } from "../servers/firehose_job.ts";
import { benchGone, onQuestion, sayReady } from "../servers/talk.ts";

/** Whom to follow, with how many clients, and for how long. */
export interface FirehoseJob extends FirehoseReady {
  readonly clients: number;
  /** 0 only connects. */
  readonly durationMs: number;
}

/** What came. */
export interface FirehoseReport {
  /** Events to all clients together. */
  readonly deliveries: number;
}

/** Handshakes under way at a time. */
const CONNECTING = 64;
const STALL_MS = 10_000;

interface Client {
  readonly socket: Socket;
  /** Messages since the bench last asked. */
  events: number;
}

let clients: Client[] = [];

async function run(job: FirehoseJob): Promise<FirehoseReport> {
  if (clients.length === 0) clients = await connectAll(job);
  if (job.durationMs === 0) return { deliveries: 0 };
  const before = clients.map(({ events }) => events);
  const acks = connect({ port: job.ackPort, host: "127.0.0.1", noDelay: true });
  const slowest = (): number =>
    clients.reduce(
      (least, { events }, i) => Math.min(least, events - (before[i] ?? 0)),
      Number.MAX_SAFE_INTEGER,
    );
  let told = 0;
  acks.write("0\n");
  const endsAtMs = performance.now() + job.durationMs;
  let lastAtMs = performance.now();
  await new Promise<void>((resolve, reject) => {
    const look = setInterval(() => {
      const read = slowest();
      const nowMs = performance.now();
      if (read > told) {
        lastAtMs = nowMs;
        told = read;
        acks.write(`${told}\n`);
      }
      if (nowMs - lastAtMs > STALL_MS) reject(new Error("no event came for too long"));
      if (nowMs < endsAtMs) return;
      clearInterval(look);
      resolve();
    }, 1);
  });
  acks.destroy();
  return { deliveries: clients.reduce((sum, { events }, i) => sum + events - (before[i] ?? 0), 0) };
}

async function connectAll(job: FirehoseJob): Promise<Client[]> {
  const all: Client[] = [];
  await Promise.all(Array.from({ length: CONNECTING }, async () => {
    while (all.length < job.clients) {
      const client: Client = { socket: new Socket(), events: 0 };
      all.push(client);
      await open(client, job);
    }
  }));
  return all;
}

/** Connects, says hello, and counts what follows the first answer. */
function open(client: Client, { port, handshake, hello }: FirehoseJob): Promise<void> {
  const { socket } = client;
  return new Promise((resolve, reject) => {
    let greetings = hello === "" ? 0 : 2;
    const count = createFrameCounter((frames) => {
      const greeted = Math.min(greetings, frames);
      greetings -= greeted;
      client.events += frames - greeted;
    });
    let head = Buffer.alloc(0);
    socket.connect({ port, host: "127.0.0.1", noDelay: true }, () => socket.write(handshake));
    socket.once("error", reject);
    socket.on("data", function handshaking(chunk: Buffer) {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      if (!head.toString("latin1", 0, end).startsWith("HTTP/1.1 101")) {
        return reject(new Error(`refused: ${head.toString("latin1", 0, end)}`));
      }
      socket.off("data", handshaking);
      socket.on("data", count);
      count(head.subarray(end + 4));
      if (hello !== "") socket.write(textFrame(hello));
      resolve();
    });
  });
}

/** Counts whole frames of a server: they are not masked. */
function createFrameCounter(tell: (frames: number) => void): (chunk: Buffer) => void {
  let held: Buffer | undefined;
  /** Bytes of the frame under way that are still to come. */
  let left = 0;
  return (chunk) => {
    let frames = 0;
    let at = left;
    if (left > chunk.length) {
      left -= chunk.length;
      return;
    }
    if (left > 0) frames++;
    left = 0;
    const bytes = held === undefined ? chunk : Buffer.concat([held, chunk]);
    held = undefined;
    while (at < bytes.length) {
      const size = frameSize(bytes, at);
      if (size === undefined) {
        held = bytes.subarray(at);
        break;
      }
      at += size;
      if (at > bytes.length) left = at - bytes.length;
      else frames++;
    }
    if (frames > 0) tell(frames);
  };
}

/** Header and payload together, or undefined when the header is not here yet. */
function frameSize(bytes: Buffer, at: number): number | undefined {
  const length = bytes[at + 1];
  if (length === undefined) return undefined;
  if (length < 126) return 2 + length;
  if (length === 126) return bytes.length < at + 4 ? undefined : 4 + bytes.readUInt16BE(at + 2);
  return bytes.length < at + 10 ? undefined : 10 + Number(bytes.readBigUInt64BE(at + 2));
}

/** A client's frame, masked with zeros. */
function textFrame(text: string): Buffer {
  const body = Buffer.from(text);
  return Buffer.concat([Buffer.from([0x81, 0x80 | body.length, 0, 0, 0, 0]), body]);
}

onQuestion<FirehoseJob>(run);
sayReady({});
await benchGone();
for (const { socket } of clients) socket.destroy();
