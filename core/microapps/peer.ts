/**
 * The JSON-RPC peer that talks with one child process over its stdio.
 *
 * @module
 */
import type { Readable, Writable } from "node:stream";
import {
  CodedError,
  messageOf,
  readFrame,
  RPC_CODES,
  RpcFault,
  type RpcFrame,
  type RpcId,
  writeFrame,
} from "../contract/mod.ts";
import { type Log } from "../flow/log.ts";
import { createLineSplitter } from "./framing.ts";
import { isObject, parseJson } from "./json.ts";
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

/** One end of the conversation with one process. It never outlives that process. */
export interface Peer {
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

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Late answers remembered, so that they are not mistaken for nonsense. */
const ABANDONED = 1024;

/** Starts reading `input`. */
export function createPeer(deps: PeerDeps): Peer {
  const { input, output, log, limits } = deps;
  const pending = new Map<number, Pending>();
  const abandoned = new Set<number>();
  const waitingForIdle = new Set<() => void>();
  let closedBy: CodedError | null = null;
  let nextId = 1;
  let running = 0;
  let strays = 0;

  const reading = createReadGate(input);
  const outbox = createOutbox({
    output,
    limits: { notices: limits.notices, noticeChars: limits.waitingChars },
    onRoom: () => reading.open("unread"),
  });

  /** A broken child may say thousands of useless things: the log gets the 1st, 2nd, 4th, 8th, …. */
  function stray(why: string, line: string): void {
    strays += 1;
    deps.onStray(line.slice(0, 512));
    if ((strays & (strays - 1)) === 0) log.warn("microapp.stray_line", { why, count: strays });
  }

  function leave(id: number): void {
    pending.delete(id);
    if (pending.size > 0) return;
    for (const resolve of waitingForIdle) resolve();
    waitingForIdle.clear();
  }

  function settle(id: RpcId, line: string): Pending | undefined {
    const open = typeof id === "number" ? pending.get(id) : undefined;
    if (open !== undefined) leave(id as number);
    else if (id === null) stray("answer without id", line);
    else if (typeof id !== "number" || !abandoned.delete(id)) stray("answer to no open call", line);
    return open;
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
        settle(frame.id, line)?.resolve(frame.result);
        return;
      case "error": {
        const { code, message, data } = frame.error;
        settle(frame.id, line)?.reject(new RpcFault(code, message, data));
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
        frame = readFrame(withoutEchoedMethod(parseJson(line)));
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

  return {
    call(method, params, { timeoutMs, signal, id = nextId }) {
      return new Promise<unknown>((resolve, reject) => {
        if (closedBy !== null) return reject(closedBy);
        if (signal?.aborted === true) return reject(signal.reason as Error);
        if (pending.size >= limits.calls) {
          const state = `${pending.size} calls wait for an answer already`;
          return reject(new CodedError("microapp_busy", `Cannot call "${method}": ${state}`));
        }
        const withdraw = outbox.send(writeFrame({ type: "request", id, method, params }));
        if (id === nextId) nextId += 1;

        const finish = (): void => {
          clearTimeout(timer);
          signal?.removeEventListener("abort", onAbort);
        };
        const giveUp = (error: unknown): void => {
          finish();
          leave(id);
          withdraw();
          abandoned.add(id);
          if (abandoned.size > ABANDONED) {
            for (const oldest of abandoned) {
              abandoned.delete(oldest);
              break;
            }
          }
          reject(error);
        };
        const onAbort = (): void => giveUp(signal?.reason);
        const onTimeout = (): void =>
          giveUp(
            new CodedError(
              "microapp_timeout",
              `Cannot call "${method}": no answer in ${timeoutMs} ms`,
            ),
          );
        const timer = setTimeout(onTimeout, timeoutMs);
        signal?.addEventListener("abort", onAbort, { once: true });
        pending.set(id, {
          resolve: (value) => (finish(), resolve(value)),
          reject: (error) => (finish(), reject(error)),
        });
      });
    },
    idle: () =>
      pending.size === 0
        ? Promise.resolve()
        : new Promise((resolve) => waitingForIdle.add(resolve)),
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
      for (const [id, { reject }] of Array.from(pending)) {
        leave(id);
        reject(reason);
      }
    },
  };
}

/** Some children echo `method` in their answers; with a result or error beside it, it is one. */
function withoutEchoedMethod(value: unknown): unknown {
  if (!isObject(value) || value["method"] === undefined || typeof value["id"] !== "number") {
    return value;
  }
  if (value["result"] === undefined && value["error"] === undefined) return value;
  return { ...value, method: undefined };
}
