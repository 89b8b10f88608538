/**
 * The JSON-RPC peer that talks with one child process over its stdio.
 *
 * @module
 */
import type { Readable, Writable } from "node:stream";
import {
  CodedError,
  lineJson,
  messageOf,
  readFrame,
  RPC_CODES,
  RpcFault,
  type RpcFrame,
  type RpcId,
  writeFrame,
  writeRequest,
} from "../contract/mod.ts";
import { type Log } from "../flow/log.ts";
import { createLineSplitter } from "./framing.ts";
import { isObject, parseJson } from "./json.ts";
import { type Asker, createOpenCalls } from "./open_calls.ts";
import { createOutbox } from "./outbox.ts";
import { createReadGate } from "./read_gate.ts";
import { rpcErrorOf } from "./rpc_fault.ts";

/** What one child may occupy. */
export interface PeerLimits {
  /** Longer lines are dropped, in bytes. */
  readonly lineBytes: number;
  /** Calls waiting for an answer; the next is refused with `microapp_busy`. */
  readonly calls: number;
  /** Requests of the child under way; beyond it the child's stdout is not read. */
  readonly requests: number;
  /** Notifications waiting to be written; the oldest is dropped. */
  readonly notices: number;
  /** UTF-16 units waiting to be written before the child's stdout is no longer read. */
  readonly waitingChars: number;
  /** Useless lines of one chunk before reading pauses. */
  readonly strayLines: number;
  /** How long reading pauses then, in milliseconds. */
  readonly strayPauseMs: number;
}

/** The limits that apply unless a test says otherwise. */
export const PEER_LIMITS: PeerLimits = {
  lineBytes: 32 * 1024 * 1024,
  calls: 1024,
  requests: 256,
  notices: 1024,
  waitingChars: 8 * 1024 * 1024,
  strayLines: 32,
  strayPauseMs: 20,
};

/** What a peer is made of. */
export interface PeerDeps {
  readonly input: Readable;
  readonly output: Writable;
  readonly log: Log;
  readonly limits: PeerLimits;
  /** Answers a request of the child; throws {@linkcode RpcFault} to choose the error. */
  readonly onRequest: (request: { method: string; params: unknown }) => Promise<unknown>;
  /** Hears of a line that is no frame, for people. */
  readonly onStray: (line: string) => void;
}

/** How one call is made. */
export interface CallOptions {
  /** Counted from now, whether or not the child has read the request. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** `initialize` and `shutdown` carry 0; all others get the next number. */
  readonly id?: 0;
}

/** One call with params that are JSON for a line already; undefined leaves them out. */
export interface Question extends CallOptions {
  readonly method: string;
  readonly params: string | undefined;
}

/** One end of the conversation with one process. It never outlives that process. */
export interface Peer {
  /** Calls a method of the child; the asker hears the result, or what {@linkcode Peer.call} throws. */
  ask(question: Question, asker: Asker): void;
  /**
   * Calls a method of the child and gives its result.
   *
   * @throws {RpcFault} the child answered with an error
   * @throws {CodedError} `microapp_timeout`, `microapp_exited`, `microapp_busy`
   * @throws the signal's reason
   */
  call(method: string, params: unknown, options: CallOptions): Promise<unknown>;
  /** Sends a notification; under pressure the oldest waiting ones are dropped. */
  notify(method: string, params: unknown): void;
  /** Resolves once no call waits for an answer. */
  idle(): Promise<void>;
  /** Notifications dropped so far. */
  readonly droppedNotices: number;
  /** Fails every open call with `reason` and writes nothing more. Harmless when repeated. */
  close(reason: CodedError): void;
}

/** Starts reading `input`. */
export function createPeer(deps: PeerDeps): Peer {
  const { input, output, log, limits } = deps;
  let closedBy: CodedError | null = null;
  let running = 0;
  let strays = 0;

  const reading = createReadGate(input);
  const outbox = createOutbox({
    output,
    limits: { notices: limits.notices, noticeChars: limits.waitingChars },
    onRoom: () => reading.open("unread"),
  });
  const calls = createOpenCalls({
    max: limits.calls,
    onGivenUp: ({ frame }) => outbox.withdraw(frame),
  });

  /** A broken child may say thousands of useless things: the log gets the 1st, 2nd, 4th, 8th, …. */
  function stray(why: string, line: string): void {
    strays += 1;
    deps.onStray(line.slice(0, 512));
    if ((strays & (strays - 1)) === 0) log.warn("microapp.stray_line", { why, count: strays });
  }

  /** The one that an answer is for. */
  function askerOf(id: RpcId, line: string): Asker | undefined {
    const call = typeof id === "number" ? calls.take(id) : undefined;
    if (call !== undefined) return call.asker;
    if (id === null) stray("answer without id", line);
    else if (typeof id !== "number" || !calls.isLate(id)) stray("answer to no open call", line);
    return undefined;
  }

  async function answer(id: RpcId, method: string, params: unknown): Promise<void> {
    running += 1;
    if (running >= limits.requests) reading.close("requests");
    let reply: string;
    try {
      reply = writeFrame({ type: "result", id, result: await deps.onRequest({ method, params }) });
    } catch (error) {
      if (!(error instanceof RpcFault)) {
        log.error("microapp.request_failed", { method, error: messageOf(error) });
      }
      reply = writeFrame({ type: "error", id, error: rpcErrorOf(error) });
    }
    outbox.send(reply);
    running -= 1;
    if (running < limits.requests) reading.open("requests");
  }

  function receive(frame: RpcFrame, line: string): void {
    switch (frame.type) {
      case "result":
        askerOf(frame.id, line)?.answered(frame.result);
        return;
      case "error": {
        const { code, message, data } = frame.error;
        askerOf(frame.id, line)?.failed(new RpcFault(code, message, data));
        return;
      }
      case "notification":
        stray("notification", line);
        return;
      case "request":
        if (typeof frame.id === "string" && !frame.id.startsWith("app:")) {
          stray("request id without app:", line);
          const error = {
            code: RPC_CODES.invalid_request,
            message: 'invalid request: a string id must start with "app:"',
          };
          outbox.send(writeFrame({ type: "error", id: frame.id, error }));
          return;
        }
        void answer(frame.id, frame.method, frame.params);
    }
  }

  const lines = createLineSplitter({
    maxBytes: limits.lineBytes,
    onTooLong: () => stray("line too long", `(a line over ${limits.lineBytes} bytes, dropped)`),
    onLine(line) {
      let frame: RpcFrame;
      try {
        frame = readLine(line);
      } catch {
        stray("not a frame", line);
        return;
      }
      receive(frame, line);
    },
  });

  input.on("data", (chunk: Buffer) => {
    const before = strays;
    lines.push(chunk);
    if (outbox.waitingChars > limits.waitingChars) reading.close("unread");
    if (strays - before > limits.strayLines) reading.pauseFor(limits.strayPauseMs);
  });
  input.on("end", () => lines.end());

  function ask({ method, params, timeoutMs, signal, id: given }: Question, asker: Asker): void {
    if (closedBy !== null) return asker.failed(closedBy);
    if (signal !== undefined && !calls.hears(signal) && signal.aborted) {
      return asker.failed(signal.reason);
    }
    if (calls.size >= limits.calls) {
      const state = `${calls.size} calls wait for an answer already`;
      return asker.failed(new CodedError("microapp_busy", `Cannot call "${method}": ${state}`));
    }
    const id = given ?? calls.nextId();
    // One call after another: whoever waits for nothing else gets its answer sooner.
    const frame = outbox.send(writeRequest(method, params, id), { alone: calls.size === 0 });
    calls.add({ id, method, sentMs: performance.now(), timeoutMs, signal, frame, asker });
  }

  return {
    ask,
    call: (method, params, options) =>
      new Promise((answered, failed) =>
        ask({ method, params: lineJson(params), ...options }, { answered, failed })
      ),
    idle: () => calls.idle(),
    notify(method, params) {
      outbox.notify(writeFrame({ type: "notification", method, params }));
    },
    get droppedNotices() {
      return outbox.droppedNotices;
    },
    close(reason) {
      if (closedBy !== null) return;
      closedBy = reason;
      outbox.close();
      reading[Symbol.dispose]();
      calls.close(reason);
    },
  };
}

/** Some children echo `method` in their answers; with a result or error beside it, it is one. */
function readLine(line: string): RpcFrame {
  const value = parseJson(line);
  if (!isObject(value) || typeof value["id"] !== "number") return readFrame(value);
  const { id, result, error } = value;
  // Most lines are results, and need no closer look.
  if (result !== undefined) return { type: "result", id, result };
  return readFrame(error === undefined ? value : { ...value, method: undefined });
}
