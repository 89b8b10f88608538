/**
 * Core's side of a microapp, for the tests of its author.
 *
 * @module
 */
import { PassThrough } from "node:stream";
import { DEFAULT_ACCOUNT, readFrame, type RpcError, writeFrame } from "../../core/contract/mod.ts";
import { isObject } from "./context.ts";
import type { HookAnswer, HookPoint } from "./hook.ts";
import { createLineReader } from "./lines.ts";
import type { Microapp } from "./microapp.ts";

/** For whom a test calls. */
export interface TestCall {
  /** The tenant. @default {"default"} */
  readonly accountId?: string;
  /** @default {"test-agent"} */
  readonly agentId?: string;
  readonly callId?: string;
}

/** How a test session is set up. */
export interface TestSessionOptions {
  /** Where the microapp keeps its files. */
  readonly stateDir: string;
  /** Answers its admin calls; without it every one is refused. */
  readonly admin?: (method: string, params: unknown) => unknown;
  /** `entries.<id>.config`. */
  readonly config?: unknown;
}

/** A microapp that runs in this process. Disposing shuts it down. */
export interface TestSession extends AsyncDisposable {
  /** What it answered to `initialize`. */
  readonly handshake: unknown;
  /** @throws {TestCallError} the microapp's error reply */
  callTool(name: string, args: unknown, call?: TestCall): Promise<unknown>;
  runHook(point: HookPoint, params: Record<string, unknown>, call?: TestCall): Promise<HookAnswer>;
  notify(method: string, params: unknown): void;
  /** What it logged so far. */
  logged(): string;
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

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: TestCallError) => void;
}

function metaOf({ accountId = DEFAULT_ACCOUNT, agentId = "test-agent", callId }: TestCall) {
  const binding = { agent_id: agentId, account_id: accountId, tenant_id: accountId };
  const nexo = callId === undefined ? { binding } : { binding, call_id: callId };
  return { agent_id: agentId, session_id: null, nexo };
}

/** Runs `app` and shakes hands with it, as core would. */
export async function openTestSession(
  app: Microapp,
  { stateDir, config = {}, admin }: TestSessionOptions,
): Promise<TestSession> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const pending = new Map<unknown, Pending>();
  let log = "";
  let nextId = 1;

  async function answer(
    id: string | number | null,
    method: string,
    params: unknown,
  ): Promise<void> {
    try {
      if (admin === undefined) throw new RangeError("this test answers no admin calls");
      stdin.write(writeFrame({ type: "result", id, result: await admin(method, params) }));
    } catch (error) {
      const message = `capability_not_granted: ${String(error)}`;
      stdin.write(writeFrame({ type: "error", id, error: { code: -32004, message } }));
    }
  }
  const read = createLineReader((line) => {
    const frame = readFrame(JSON.parse(line));
    if (frame.type === "request") void answer(frame.id, frame.method, frame.params);
    else if (frame.type === "result") pending.get(frame.id)?.resolve(frame.result);
    else if (frame.type === "error") pending.get(frame.id)?.reject(new TestCallError(frame.error));
  });
  stdout.on("data", read);
  stderr.on("data", (chunk: Buffer) => {
    log += chunk.toString();
  });

  const ended = app.run({ stdin, stdout, stderr, env: { NEXO_EXTENSION_STATE_ROOT: stateDir } });
  function request(method: string, params: unknown, id = nextId++): Promise<unknown> {
    return new Promise((resolve, reject) => {
      pending.set(id, { resolve, reject });
      stdin.write(writeFrame({ type: "request", id, method, params }));
    });
  }

  const handshake = await request("initialize", { state_dir: stateDir, config }, 0);
  return {
    handshake,
    callTool(name, args, call = {}) {
      const withMeta = isObject(args) ? { ...args, _meta: metaOf(call) } : args;
      return request("tools/call", { name, arguments: withMeta });
    },
    async runHook(point, params, call = {}) {
      const answered = await request(`hooks/${point}`, { ...params, _meta: metaOf(call) });
      return answered as HookAnswer;
    },
    notify: (method, params) =>
      void stdin.write(writeFrame({ type: "notification", method, params })),
    logged: () => log,
    async [Symbol.asyncDispose]() {
      stdin.write(writeFrame({ type: "request", id: 0, method: "shutdown", params: {} }));
      await ended;
    },
  };
}
