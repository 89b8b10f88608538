/**
 * The wire between a test and the microapp in its process.
 *
 * @module
 */
import { PassThrough } from "node:stream";
import {
  readFrame,
  RPC_CODES,
  type RpcError,
  RpcFault,
  type RpcFrame,
  writeFrame,
} from "../../../core/contract/mod.ts";
import { createLineReader } from "../lines.ts";

/** A frame that passed, and who sent it. */
export interface TestFrame {
  readonly from: "core" | "microapp";
  readonly frame: RpcFrame;
}

/** An error reply. */
export class TestCallError extends Error {
  override readonly name = "TestCallError";
  /** The `error` member as it came. */
  readonly reply: RpcError;

  constructor(reply: RpcError) {
    super(reply.message);
    this.reply = reply;
  }
}

/** Core's end of the wire. */
export interface TestLink {
  readonly stdin: PassThrough;
  readonly stdout: PassThrough;
  /** Everything that passed, in order. */
  readonly frames: readonly TestFrame[];
  /** @throws {TestCallError} */
  readonly request: (method: string, params: unknown, id?: 0) => Promise<unknown>;
  readonly notify: (method: string, params: unknown) => void;
}

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: TestCallError) => void;
}

/** Builds a link; `answer` does what the microapp asks of core. */
export function createTestLink(
  answer: (method: string, params: unknown) => Promise<unknown>,
): TestLink {
  const [stdin, stdout] = [new PassThrough(), new PassThrough()];
  const frames: TestFrame[] = [];
  const pending = new Map<unknown, Pending>();
  let nextId = 1;

  function send(frame: RpcFrame): void {
    frames.push({ from: "core", frame });
    stdin.write(writeFrame(frame));
  }

  async function reply({ id, method, params }: Extract<RpcFrame, { type: "request" }>) {
    try {
      send({ type: "result", id, result: await answer(method, params) });
    } catch (error) {
      const fault = error instanceof RpcFault
        ? error
        : new RpcFault(RPC_CODES.internal, `internal: ${String(error)}`);
      send({ type: "error", id, error: fault.toError() });
    }
  }

  stdout.on(
    "data",
    createLineReader((line) => {
      const frame = readFrame(JSON.parse(line));
      frames.push({ from: "microapp", frame });
      if (frame.type === "request") void reply(frame);
      else if (frame.type === "result") pending.get(frame.id)?.resolve(frame.result);
      else if (frame.type === "error") {
        pending.get(frame.id)?.reject(new TestCallError(frame.error));
      }
    }),
  );

  return {
    stdin,
    stdout,
    frames,
    request(method, params, id) {
      const own = id ?? nextId++;
      return new Promise((resolve, reject) => {
        pending.set(own, { resolve, reject });
        send({ type: "request", id: own, method, params });
      });
    },
    notify: (method, params) => send({ type: "notification", method, params }),
  };
}
