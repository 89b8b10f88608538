/**
 * Sends one request again and again over many connections, each with the next delivery id.
 *
 * A process of its own, over raw sockets: an HTTP client would be the slower side of the two. Each
 * connection has one request under way.
 *
 * @module
 */
import { connect, type Socket } from "node:net";
import { benchGone, onQuestion, sayReady } from "../servers/talk.ts";

/** What to send, and for how long. */
export interface HttpJob {
  readonly port: number;
  readonly connections: number;
  readonly durationMs: number;
  /** Requests at most, all connections together. */
  readonly maxRequests: number;
  /** A whole HTTP request in ASCII. */
  readonly request: string;
  /** What in it is replaced by the delivery id: letters, then as many digits as there is room. */
  readonly idMark: string;
}

/** What came back. */
export interface HttpReport {
  /** Answers in all; the last of each connection may come after the end. */
  readonly answers: number;
  /** Those that came in time. */
  readonly inTime: number;
  readonly durationMs: number;
  /** From a request's first byte to its answer's last, of a sample of the requests. */
  readonly medianMs: number;
}

/** Timed in one round, at most; the median of more is the same. */
const TIMED_ANSWERS = 1000;

/** How long after the end an answer may come, in milliseconds. */
const PATIENCE_MS = 10_000;
const HEAD_END = Buffer.from("\r\n\r\n");

let lastId = 0;

async function run(job: HttpJob): Promise<HttpReport> {
  const open = new Set<Socket>();
  const first = await Promise.all(
    Array.from({ length: job.connections }, () => openSocket(job.port, open)),
  );
  const startedAtMs = performance.now();
  const endsAtMs = startedAtMs + job.durationMs;
  const firstId = lastId;
  let answers = 0;
  let inTime = 0;
  const timesMs: number[] = [];
  const mayGoOn = (tookMs: number): boolean => {
    answers++;
    if (timesMs.length < TIMED_ANSWERS) timesMs.push(tookMs);
    if (performance.now() >= endsAtMs) return false;
    inTime++;
    return lastId - firstId < job.maxRequests;
  };
  const late = setTimeout(() => {
    for (const socket of open) socket.destroy(new Error("an answer is missing"));
  }, job.durationMs + PATIENCE_MS);
  try {
    await Promise.all(first.map(async (socket) => {
      for (let mine: Socket | undefined = socket; mine !== undefined;) {
        const startMs: number = performance.now();
        // The first request of a connection that had to be opened anew has waited for it.
        if (mine.destroyed) mine = await openSocket(job.port, open);
        const isOver: boolean = await converse(mine, job, { startMs, mayGoOn });
        if (isOver) mine = undefined;
      }
    }));
  } finally {
    clearTimeout(late);
    for (const socket of open) socket.destroy();
  }
  const durationMs = Math.min(job.durationMs, performance.now() - startedAtMs);
  const medianMs = timesMs.sort((a, b) => a - b)[timesMs.length >> 1] ?? Number.NaN;
  return { answers, inTime, durationMs, medianMs };
}

function openSocket(port: number, open: Set<Socket>): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true }, () => {
      socket.off("error", reject);
      resolve(socket);
    });
    open.add(socket);
    socket.once("error", reject);
    socket.once("close", () => open.delete(socket));
  });
}

/**
 * Sends, waits for the answer, sends again. Resolves with whether that is all; it is not when the
 * server wants each request on a connection of its own. Rejects on anything but a 2xx.
 */
function converse(
  socket: Socket,
  job: HttpJob,
  { startMs, mayGoOn }: { startMs: number; mayGoOn: (tookMs: number) => boolean },
): Promise<boolean> {
  const bytes = Buffer.from(job.request, "latin1");
  const markAt = bytes.indexOf(job.idMark);
  const idEnd = markAt + job.idMark.length;
  const digits = job.idMark.length - job.idMark.search(/\d+$/);
  let sentAtMs = startMs;
  // The last request has left this buffer when its answer is here, so it can be written anew.
  const send = (): void => {
    bytes.write(String(++lastId).padStart(digits, "0"), idEnd - digits, "latin1");
    socket.write(bytes);
  };
  return new Promise((resolve, reject) => {
    let held: Buffer | undefined;
    socket.on("data", (chunk: Buffer) => {
      const answer = held === undefined ? chunk : Buffer.concat([held, chunk]);
      const length = lengthOf(answer);
      held = length === undefined || answer.length < length ? answer : undefined;
      if (held !== undefined) return;
      const nowMs = performance.now();
      if (answer[9] !== 0x32) reject(new Error(`the answer was "${firstLine(answer)}"`));
      else if (!mayGoOn(nowMs - sentAtMs)) resolve(true);
      else if (answer.includes("\r\nconnection: close")) {
        socket.destroy();
        resolve(false);
      } else {
        sentAtMs = nowMs;
        send();
      }
    });
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("the server closed a connection")));
    send();
  });
}

/** Bytes of the whole answer, or undefined when its head is not here yet. */
function lengthOf(answer: Buffer): number | undefined {
  const headEnd = answer.indexOf(HEAD_END);
  if (headEnd < 0) return undefined;
  const head = answer.toString("latin1", 0, headEnd);
  const bodyBytes = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  return headEnd + HEAD_END.length + Number(bodyBytes ?? 0);
}

function firstLine(answer: Buffer): string {
  return answer.toString("latin1", 0, Math.max(0, answer.indexOf("\r\n")));
}

onQuestion<HttpJob>(run);
sayReady({});
await benchGone();
