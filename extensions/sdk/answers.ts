/**
 * What a microapp answers to each method of core.
 *
 * @module
 */
import {
  AgentEvent,
  DATA_ERASE,
  DataErasure,
  messageOf,
  NOTICES,
  type RpcError,
} from "../../core/contract/mod.ts";
import { type AppContextDeps, type AppSettings, createAppContexts } from "./app_context.ts";
import { type AppContext, readContext } from "./context.ts";
import type { EraseHandler } from "./erase.ts";
import { allow, type HookAnswer, type HookHandler } from "./hook.ts";
import { isObject } from "./json.ts";
import type { Listener } from "./notifications.ts";
import { type AnySchema, check } from "./schema.ts";
import type { Tool } from "./tool.ts";
import { errorReply, UnknownMethod } from "./tool_error.ts";

/** Something that runs beside the tools, such as an HTTP server; disposed when the microapp stops. */
export type Part = (
  context: AppContext,
) => AsyncDisposable | Disposable | void | Promise<AsyncDisposable | Disposable | void>;

/** What a microapp can do. */
export interface Declared {
  /** Absent: the id core gives it. */
  readonly name: string | undefined;
  readonly version: string | undefined;
  readonly config: AnySchema | undefined;
  readonly tools: ReadonlyMap<string, Tool>;
  readonly hooks: ReadonlyMap<string, HookHandler>;
  readonly erase: EraseHandler | undefined;
  readonly listeners: ReadonlyMap<string, readonly Listener[]>;
  /** Started before `initialize` is answered, stopped in reverse. */
  readonly parts: readonly Part[];
}

/** A reply without its id. */
export type Reply =
  | { readonly type: "result"; readonly result: unknown }
  | { readonly type: "error"; readonly error: RpcError };

/** One microapp, as core asks it. */
export interface Answers {
  /** Never rejects. */
  readonly answer: (method: string, params: unknown) => Promise<Reply>;
  /** Takes a notification. Never rejects. */
  readonly hear: (method: string, params: unknown) => Promise<void>;
  /** Stops the parts. Never rejects. */
  readonly close: () => Promise<void>;
}

/** Builds the answers; parts start with `initialize`. */
export function createAnswers(
  declared: Declared,
  around: Omit<AppContextDeps, "on"> & {
    /** Unless core names another in `initialize`. */
    readonly stateDir: string;
  },
): Answers {
  const { name, version, tools, hooks } = declared;
  const { log, token } = around;
  const listeners = new Map(declared.listeners);
  const on: AppContext["on"] = (method, listener) => {
    const hear: Listener = (params) => listener(params);
    listeners.set(method, [...listeners.get(method) ?? [], hear]);
    return () => {
      listeners.set(method, (listeners.get(method) ?? []).filter((each) => each !== hear));
    };
  };
  const { hub, contextOf } = createAppContexts({ ...around, on });
  let app = contextOf({ config: {}, handshake: {}, stateDir: around.stateDir });
  let agentsConfig: Readonly<Record<string, unknown>> = {};
  let started: Promise<void> | undefined;
  const opened: (AsyncDisposable | Disposable)[] = [];

  async function start(given: Readonly<Record<string, unknown>>): Promise<void> {
    const { http } = given;
    if (isObject(http) && typeof http["token"] === "string") token.offer(http["token"]);
    app = contextOf(await settingsOf(given, around.stateDir, declared.config));
    agentsConfig = isObject(given["agents_config"]) ? given["agents_config"] : {};
    for (const open of declared.parts) {
      const part = await open(app);
      if (part !== undefined) opened.push(part);
    }
  }

  async function initialize(params: unknown): Promise<unknown> {
    await (started ??= start(isObject(params) ? params : {}));
    const announced = [...tools].sort(([a], [b]) => (a < b ? -1 : 1));
    const server = { name: name ?? app.handshake["extension_id"] ?? "microapp" };
    return {
      server_info: version === undefined ? server : { ...server, version },
      tools: announced.map(([toolName, { description, inputSchema }]) => ({
        name: toolName,
        description,
        input_schema: inputSchema,
      })),
      hooks: [...hooks.keys()].sort(),
      // Half of what a call says, it says again for children that read other names.
      aliases: false,
    };
  }

  function callTool(params: unknown): unknown {
    const call = isObject(params) ? params : {};
    const tool = typeof call["name"] === "string" ? tools.get(call["name"]) : undefined;
    if (tool === undefined) {
      throw new UnknownMethod(`tool '${String(call["name"])}' not registered`);
    }
    const given = call["arguments"] ?? {};
    if (!isObject(given)) return tool.call(given, readContext(undefined, { app, agentsConfig }));
    const { _meta: meta, ...args } = given;
    return tool.call(args, readContext(meta, { app, agentsConfig }));
  }

  async function callHook(point: string, params: unknown): Promise<HookAnswer> {
    const handler = hooks.get(point);
    if (handler === undefined) return { abort: false };
    const call = isObject(params) ? params : {};
    const context = readContext(call["_meta"], { app, agentsConfig });
    return await handler(call as unknown as Parameters<HookHandler>[0], context) ?? allow();
  }

  async function eraseData(params: unknown): Promise<{ erased: number }> {
    if (declared.erase === undefined) throw new UnknownMethod(`method not found: ${DATA_ERASE}`);
    const { account_id: accountId, contact } = DataErasure.parse(params);
    return { erased: await declared.erase({ accountId, contact }, app) };
  }

  function resultOf(method: string, params: unknown): unknown {
    if (method === "tools/call") return callTool(params);
    if (method === DATA_ERASE) return eraseData(params);
    if (method === "initialize") return initialize(params);
    if (method === "tools/list") return { tools: [...tools.keys()].sort() };
    if (method.startsWith("hooks/")) return callHook(method.slice("hooks/".length), params);
    throw new UnknownMethod(`method not found: ${method}`);
  }

  return {
    async answer(method, params) {
      try {
        return { type: "result", result: await resultOf(method, params) ?? null };
      } catch (error) {
        return { type: "error", error: errorReply(error) };
      }
    },
    async hear(method, params) {
      if (
        method === NOTICES.agents_updated && isObject(params) && isObject(params["agents_config"])
      ) {
        agentsConfig = params["agents_config"];
      } else if (method === NOTICES.token_rotated && token.rotate(params)) {
        log.info("the operators' token was rotated");
      } else if (method === NOTICES.agent_event) {
        const { data: event } = AgentEvent.safeParse(params);
        if (event !== undefined) hub.receive(event);
      }
      for (const listener of listeners.get(method) ?? []) {
        try {
          await listener(params, app);
        } catch (error) {
          log.error("a listener failed", { method, error: messageOf(error) });
        }
      }
    },
    async close() {
      await started?.catch(() => {}); // core has heard of it
      for (let part = opened.pop(); part !== undefined; part = opened.pop()) {
        try {
          if (Symbol.asyncDispose in part) await part[Symbol.asyncDispose]();
          else part[Symbol.dispose]();
        } catch (error) {
          log.error("a part did not stop well", { error: messageOf(error) });
        }
      }
    },
  };
}

async function settingsOf(
  given: Readonly<Record<string, unknown>>,
  stateDir: string,
  schema: AnySchema | undefined,
): Promise<AppSettings> {
  const config = given["config"] ?? {};
  const checked = schema === undefined
    ? { ok: true as const, value: config }
    : await check(schema, config);
  if (!checked.ok) throw new RangeError(`config in extensions.yaml: ${checked.problem}`);
  return {
    config: checked.value,
    handshake: given,
    stateDir: typeof given["state_dir"] === "string" ? given["state_dir"] : stateDir,
  };
}
