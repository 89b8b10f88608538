/**
 * The loop that answers core.
 *
 * @module
 */
import type { Readable } from "node:stream";
import { messageOf, readFrame, RPC_CODES, type RpcFrame } from "../../core/contract/mod.ts";
import type { Admin, AdminClient } from "./admin.ts";
import { type CallContext, isObject, readContext, type Surroundings } from "./context.ts";
import { allow, type HookAnswer } from "./hook.ts";
import { createFrameWriter, createLineReader, type Output } from "./lines.ts";
import type { Log } from "./log.ts";
import type { Tool } from "./tool.ts";
import { errorReply, UnknownMethod } from "./tool_error.ts";

/** Answers a hook; nothing means {@linkcode allow}. `call` holds the params, such as `text`. */
export type HookHandler = (
  call: Readonly<Record<string, unknown>>,
  context: CallContext,
) => HookAnswer | void | Promise<HookAnswer | void>;

/** Hears a notification. */
export type Listener = (
  params: unknown,
  around: { readonly log: Log; readonly admin: Admin; readonly signal: AbortSignal },
) => void | Promise<void>;

/** What a microapp can do. */
export interface Declared {
  readonly name: string;
  readonly version: string;
  readonly tools: ReadonlyMap<string, Tool>;
  readonly hooks: ReadonlyMap<string, HookHandler>;
  readonly listeners: ReadonlyMap<string, readonly Listener[]>;
}

/** Where it does it. */
export interface Connection {
  readonly stdin: Readable;
  readonly output: Output;
  readonly log: Log;
  readonly admin: AdminClient;
  /** Unless core names another in `initialize`. */
  readonly stateDir: string;
  readonly signal: AbortSignal | undefined;
}

/** How long running handlers may take to finish after a shutdown request, in milliseconds. */
const DRAIN_MS = 3_000;

/** Serves core until it asks for shutdown, closes stdin, or the signal aborts. */
export async function serve(declared: Declared, connection: Connection): Promise<void> {
  const { stdin, output, log, admin, stateDir, signal } = connection;
  const writer = createFrameWriter(output);
  const stop = new AbortController();
  const answers = createAnswers(declared, {
    stateDir,
    config: {},
    agentsConfig: {},
    log,
    admin,
    signal: stop.signal,
  });
  const running = new Set<Promise<void>>();

  function track(work: Promise<void>): void {
    const done: Promise<void> = work.finally(() => running.delete(done));
    running.add(done);
  }

  async function answer(
    { id, method, params }: Extract<RpcFrame, { type: "request" }>,
  ): Promise<void> {
    try {
      writer.send({ type: "result", id, result: await answers.answer(method, params) });
    } catch (error) {
      writer.send({ type: "error", id, error: errorReply(error) });
    }
  }

  async function shutDown(id: string | number | null): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, DRAIN_MS);
    });
    await Promise.race([Promise.all(running), late]);
    clearTimeout(timer);
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
    if (frame.type === "notification") track(answers.hear(frame.method, frame.params));
    else if (frame.type !== "request") admin.receive(frame);
    else if (frame.method === "shutdown") void shutDown(frame.id);
    else track(answer(frame));
  }

  admin.connect((frame) => writer.send(frame));
  try {
    await untilEnd(stdin, createLineReader(receive), stop, signal);
  } finally {
    stop.abort();
    admin.connect(null);
    await writer.flushed();
  }
}

/** What a microapp answers to each method. */
function createAnswers({ name, version, tools, hooks, listeners }: Declared, first: Surroundings) {
  let around = first;

  function initialize(params: unknown): unknown {
    const given = isObject(params) ? params : {};
    around = {
      ...around,
      stateDir: typeof given["state_dir"] === "string" ? given["state_dir"] : around.stateDir,
      config: given["config"] ?? {},
      agentsConfig: isObject(given["agents_config"]) ? given["agents_config"] : {},
    };
    const announced = [...tools].sort(([a], [b]) => (a < b ? -1 : 1));
    return {
      server_info: { name, version },
      tools: announced.map(([toolName, { description, inputSchema }]) => ({
        name: toolName,
        description,
        input_schema: inputSchema,
      })),
      hooks: [...hooks.keys()].sort(),
    };
  }

  function callTool(params: unknown): Promise<unknown> {
    const call = isObject(params) ? params : {};
    const tool = typeof call["name"] === "string" ? tools.get(call["name"]) : undefined;
    if (tool === undefined) {
      throw new UnknownMethod(`tool '${String(call["name"])}' not registered`);
    }
    const given = call["arguments"] ?? {};
    if (!isObject(given)) return tool.call(given, readContext(undefined, around));
    const { _meta: meta, ...args } = given;
    return tool.call(args, readContext(meta, around));
  }

  async function callHook(point: string, params: unknown): Promise<HookAnswer> {
    const handler = hooks.get(point);
    if (handler === undefined) return { abort: false };
    const call = isObject(params) ? params : {};
    return await handler(call, readContext(call["_meta"], around)) ?? allow();
  }

  return {
    async answer(method: string, params: unknown): Promise<unknown> {
      if (method === "initialize") return initialize(params);
      if (method === "tools/list") return { tools: [...tools.keys()].sort() };
      // Awaited here, so that a refusal thrown on the way becomes a rejection as well.
      if (method === "tools/call") return await callTool(params) ?? null;
      if (method.startsWith("hooks/")) return callHook(method.slice("hooks/".length), params);
      throw new UnknownMethod(`method not found: ${method}`);
    },
    async hear(method: string, params: unknown): Promise<void> {
      if (method === "agents/updated" && isObject(params) && isObject(params["agents_config"])) {
        around = { ...around, agentsConfig: params["agents_config"] };
      }
      const { log, admin, signal } = around;
      for (const listener of listeners.get(method) ?? []) {
        try {
          await listener(params, { log, admin, signal });
        } catch (error) {
          log.error("a listener failed", { method, error: messageOf(error) });
        }
      }
    },
  };
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
