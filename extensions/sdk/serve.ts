/**
 * The loop that answers core.
 *
 * @module
 */
import type { Readable } from "node:stream";
import { messageOf, readFrame, RPC_CODES, type RpcFrame } from "../../core/contract/mod.ts";
import type { AdminClient } from "./admin.ts";
import { type Answers, createAnswers, type Declared } from "./answers.ts";
import { createFrameWriter, createLineReader, type Output } from "./lines.ts";
import type { Log } from "./log.ts";
import type { TokenHolder } from "./operator.ts";
import { errorReply } from "./tool_error.ts";

/** Where a microapp is served. */
export interface Connection {
  readonly stdin: Readable;
  readonly output: Output;
  readonly log: Log;
  readonly admin: AdminClient;
  readonly token: TokenHolder;
  /** Unless core names another. */
  readonly stateDir: string;
  readonly signal: AbortSignal | undefined;
}

/** How long handlers may take to finish after a shutdown request, and parts to close, in milliseconds. */
const DRAIN_MS = 3_000;
const CLOSE_MS = 1_000;

/** Serves core until it asks for shutdown, closes stdin, or the signal aborts. */
export async function serve(declared: Declared, connection: Connection): Promise<void> {
  const { stdin, output, admin, signal } = connection;
  const writer = createFrameWriter(output);
  const stop = new AbortController();
  const answers = createAnswers(declared, { ...connection, signal: stop.signal });
  let running = 0;
  let onIdle: (() => void) | undefined;

  function begin(): void {
    running += 1;
  }

  function end(): void {
    running -= 1;
    if (running === 0) onIdle?.();
  }

  async function hear(method: string, params: unknown): Promise<void> {
    begin();
    await answers.hear(method, params);
    end();
  }

  async function answer(
    { id, method, params }: Extract<RpcFrame, { type: "request" }>,
  ): Promise<void> {
    begin();
    const reply = await answers.answer(method, params);
    try {
      writer.send({ id, ...reply });
    } catch (error) {
      // What a handler gave has no form in JSON.
      writer.send({ type: "error", id, error: errorReply(error) });
    }
    end();
  }

  /** Resolves once no handler runs. */
  const idle = (): Promise<void> =>
    running === 0 ? Promise.resolve() : new Promise((resolve) => {
      onIdle = resolve;
    });

  async function shutDown(id: string | number | null): Promise<void> {
    await atMost(DRAIN_MS, idle());
    await close(answers);
    writer.send({ type: "result", id, result: { ok: true } });
    await writer.flushed();
    stop.abort();
  }

  function receive(line: string): void {
    let frame: RpcFrame;
    try {
      frame = readFrame(JSON.parse(line));
    } catch (error) {
      const message = `parse error: ${messageOf(error)}`;
      writer.send({ type: "error", id: null, error: { code: RPC_CODES.parse_error, message } });
      return;
    }
    if (frame.type === "notification") void hear(frame.method, frame.params);
    else if (frame.type !== "request") admin.receive(frame);
    else if (frame.method === "shutdown") void shutDown(frame.id);
    else void answer(frame);
  }

  admin.connect((frame) => writer.send(frame));
  try {
    await untilEnd(stdin, createLineReader(receive), stop, signal);
  } finally {
    stop.abort();
    admin.connect(null);
    await close(answers);
    await writer.flushed();
  }
}

function close(answers: Answers): Promise<void> {
  return atMost(CLOSE_MS, answers.close());
}

async function atMost(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}

/** Reads until the stream ends or one of the signals aborts, then lets go of the stream. */
async function untilEnd(
  stdin: Readable,
  read: (chunk: Uint8Array | string) => void,
  stop: AbortController,
  signal: AbortSignal | undefined,
): Promise<void> {
  const end = (): void => stop.abort();
  signal?.addEventListener("abort", end, { once: true });
  for (const event of ["end", "close", "error"]) stdin.once(event, end);
  stdin.on("data", read);
  await new Promise<void>((resolve) => {
    stop.signal.addEventListener("abort", () => resolve(), { once: true });
    if (signal?.aborted === true) end();
  });
  signal?.removeEventListener("abort", end);
  stdin.off("data", read);
  // An open stdin would keep the process alive.
  stdin.destroy();
}
