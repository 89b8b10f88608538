/**
 * A microapp: its tools, its hooks, and the process it runs in.
 *
 * @module
 */
import process from "node:process";
import type { Readable, Writable } from "node:stream";
import type { z } from "zod";
import { type Admin, createAdminClient } from "./admin.ts";
import type { HookPoint } from "./hook.ts";
import type { Output } from "./lines.ts";
import { createLog } from "./log.ts";
import { type HookHandler, type Listener, serve } from "./serve.ts";
import {
  createTool,
  type JsonSchema,
  type Tool,
  type ToolHandler,
  type ToolOptions,
} from "./tool.ts";

/** Where a microapp is connected; everything defaults to the process's own. */
export interface RunOptions {
  readonly stdin?: Readable;
  readonly stdout?: Writable;
  readonly stderr?: Writable;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Ends the run. */
  readonly signal?: AbortSignal | undefined;
}

/** A microapp under construction, then running. */
export interface Microapp {
  /** Declares a tool. Calls run at the same time; guard what they share. */
  tool<Input extends z.ZodType | JsonSchema>(
    name: string,
    options: ToolOptions<Input>,
    handler: ToolHandler<Input>,
  ): Microapp;
  /** Declares a hook, one per point. */
  hook(point: HookPoint, handler: HookHandler): Microapp;
  /** Listens to a notification such as `nexo/notify/agent_event`. */
  on(method: string, listener: Listener): Microapp;
  /** Core's admin methods, while the microapp runs. */
  readonly admin: Admin;
  /** Serves core until it asks for shutdown or closes stdin. */
  run(options?: RunOptions): Promise<void>;
}

/** Starts a microapp; add tools and hooks, then call `run`. */
export function createMicroapp(
  { name, version }: { readonly name: string; readonly version: string },
): Microapp {
  const tools = new Map<string, Tool>();
  const hooks = new Map<string, HookHandler>();
  const listeners = new Map<string, Listener[]>();
  const admin = createAdminClient();

  const app: Microapp = {
    tool(toolName, options, handler) {
      if (tools.has(toolName)) throw new RangeError(`Cannot add tool "${toolName}": it exists`);
      tools.set(toolName, createTool(options, handler));
      return app;
    },
    hook(point, handler) {
      if (hooks.has(point)) throw new RangeError(`Cannot add hook "${point}": it exists`);
      hooks.set(point, handler);
      return app;
    },
    on(method, listener) {
      listeners.set(method, [...listeners.get(method) ?? [], listener]);
      return app;
    },
    admin,
    async run(
      { stdin = process.stdin, stdout, stderr = process.stderr, env = process.env, signal } = {},
    ) {
      using guard = guardStdout(stdout);
      const stateDir = env["NEXO_EXTENSION_STATE_ROOT"] ?? "./state";
      const log = createLog(stderr);
      const declared = { name, version, tools, hooks, listeners };
      await serve(declared, { stdin, output: guard.output, log, admin, stateDir, signal });
    },
  };
  return app;
}

/** Sends a stray `console.log` to stderr, since on stdout it would be read as a frame. */
function guardStdout(given: Writable | undefined): Disposable & { output: Output } {
  const { stdout, stderr } = process;
  if (given !== undefined) {
    return { output: (text, done) => void given.write(text, done), [Symbol.dispose]() {} };
  }
  const write = stdout.write.bind(stdout);
  stdout.write = stderr.write.bind(stderr);
  return {
    output: (text, done) => void write(text, done),
    [Symbol.dispose]() {
      stdout.write = write;
    },
  };
}
