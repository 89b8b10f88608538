/**
 * A microapp: its tools, its hooks, what it hears, and the process it runs in.
 *
 * @module
 */
import process from "node:process";
import type { Readable, Writable } from "node:stream";
import { setTimeout } from "node:timers";
import { createAdminClient } from "./admin.ts";
import type { Declared, Part } from "./answers.ts";
import type { AppContext } from "./context.ts";
import type { EraseHandler } from "./erase.ts";
import type { HookHandler, Hooks } from "./hook.ts";
import { createLog, type Log } from "./log.ts";
import { listenersOf, type Notifications } from "./notifications.ts";
import { createTokenHolder } from "./operator.ts";
import type { AnySchema, Checked, JsonSchema } from "./schema.ts";
import { serve } from "./serve.ts";
import { guardStdout } from "./stdout.ts";
import { createTool, type ToolDefinition } from "./tool.ts";

/** Names and values, as in `process.env`. */
export type Env = Readonly<Record<string, string | undefined>>;

/** What a microapp is. */
export interface MicroappDefinition<
  Inputs extends Record<string, AnySchema | JsonSchema> = Record<string, AnySchema | JsonSchema>,
  Config extends AnySchema = AnySchema,
> {
  /** @default its id in `plugin.toml` */
  readonly name?: string;
  /** @default its version in `plugin.toml` */
  readonly version?: string;
  /** Checks `entries.<id>.config` of `extensions.yaml` and types `context.config`. */
  readonly config?: Config;
  /** Tools by their names. */
  readonly tools?: {
    readonly [Name in keyof Inputs]: ToolDefinition<Inputs[Name], Checked<Config>>;
  };
  readonly hooks?: Hooks<Checked<Config>>;
  readonly notifications?: Notifications<Checked<Config>>;
  /** Erases what it keeps of people; with `capabilities.data_erasure = true` in `plugin.toml`. */
  readonly erase?: EraseHandler<Checked<Config>>;
  /**
   * Runs before core is told that the microapp is ready: opens what all calls need and gives what to
   * close at the end. When it throws, the microapp does not start and core shows why.
   */
  readonly start?: (context: AppContext<Checked<Config>>) => ReturnType<Part>;
  /** The part that serves HTTP, started after `start`. */
  readonly http?: Part;
  /**
   * The operators' token until core rotates it; in its name their acts are done.
   *
   * @default the token of the microapp's HTTP server
   */
  readonly operatorToken?: (env: Env) => string | undefined;
}

/** Where a microapp is connected; everything defaults to the process's own. */
export interface RunOptions {
  readonly stdin?: Readable;
  readonly stdout?: Writable;
  readonly stderr?: Writable;
  readonly env?: Env;
  /** Ends the run. */
  readonly signal?: AbortSignal | undefined;
}

/** A microapp that can be run. */
export interface Microapp {
  /**
   * Serves core until it asks for shutdown or closes stdin. With the process's own stdin, the process
   * ends soon after, whatever still runs in it.
   */
  readonly run: (options?: RunOptions) => Promise<void>;
}

/** How long what was left open may keep the process alive, in milliseconds. */
const LINGER_MS = 1_000;

/**
 * Defines a microapp; `run` starts it.
 *
 * @throws {RangeError} when a tool cannot be announced
 */
export function defineMicroapp<
  const Inputs extends Record<string, AnySchema | JsonSchema> = Record<never, never>,
  Config extends AnySchema = AnySchema,
>(definition: MicroappDefinition<Inputs, Config>): Microapp {
  const { name, version, config, notifications = {}, start, http, operatorToken } = definition;
  const tools = Object.entries<ToolDefinition<AnySchema | JsonSchema>>(
    definition.tools as unknown as Record<string, ToolDefinition<AnySchema | JsonSchema>> ?? {},
  ).map(([toolName, given]) => [toolName, createTool(toolName, given)] as const);
  const hooks = Object.entries(definition.hooks ?? {}) as [string, HookHandler][];
  const parts = [start as Part | undefined, http].filter((part) => part !== undefined);

  return {
    async run(options = {}) {
      const { stderr = process.stderr, env = process.env, signal } = options;
      const log: Log = createLog(stderr);
      const token = createTokenHolder(() => operatorToken?.(env));
      const declared: Declared = {
        name,
        version,
        config,
        tools: new Map(tools),
        hooks: new Map(hooks),
        erase: definition.erase as EraseHandler | undefined,
        listeners: listenersOf(notifications as Notifications, () => log),
        parts,
      };
      using guard = guardStdout(options.stdout);
      await serve(declared, {
        stdin: options.stdin ?? process.stdin,
        output: guard.output,
        log,
        admin: createAdminClient({ operatorHash: token.hash }),
        token,
        stateDir: env["NEXO_EXTENSION_STATE_ROOT"] ?? "./state",
        signal,
      });
      if (options.stdin === undefined) setTimeout(() => process.exit(), LINGER_MS).unref();
    },
  };
}
