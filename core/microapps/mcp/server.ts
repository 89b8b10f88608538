/**
 * Keeps one MCP server in use: started or reached, listed, called, and begun again when it is lost.
 *
 * @module
 */
import { type CallMeta, type Clock, CodedError, codeOf, RpcFault } from "../../contract/mod.ts";
import { openDeadline } from "../../flow/deadline.ts";
import type { Log } from "../../flow/log.ts";
import {
  endChild,
  type GuardedChildDeps,
  openGuardedChild,
  settlesBefore,
} from "../guarded_child.ts";
import type { OwnTool } from "../handshake.ts";
import type { JsonObject } from "../json.ts";
import { type Life, type LifelineDeps, type LifeOptions, openLifeline } from "../lifeline.ts";
import type { PeerLimits } from "../peer.ts";
import type { RestartPolicy } from "../restart_plan.ts";
import {
  type ConnectDeps,
  connectMcp,
  httpTransports,
  type McpConnection,
  messageReader,
} from "./connection.ts";
import type { HttpWire, McpServerSpec } from "./spec.ts";
import { createStdioTransport } from "./stdio_transport.ts";

/** Reaching a server again costs nothing, so it is tried for as long as it is away. */
export const HTTP_RESTARTS: RestartPolicy = {
  restarts: 10_000,
  windowMs: 300_000,
  pause: { firstMs: 500, maxMs: 30_000 },
};

/** What a server needs. */
export interface McpServerDeps extends Omit<LifelineDeps, "live"> {
  readonly spec: McpServerSpec;
  /** How to start it; unused for one that is reached over HTTP. */
  readonly child: GuardedChildDeps;
  readonly limits: PeerLimits;
  readonly version: string;
  /** Called when its tools may have changed. */
  readonly onTools: () => void;
  /** See {@linkcode ConnectDeps.onMessage}. */
  readonly onMessage: ConnectDeps["onMessage"];
  readonly now: Clock;
  readonly log: Log;
}

/** One server. Disposing ends it and leaves no process. */
export interface McpServer extends AsyncDisposable {
  readonly lifeline: Life;
  /** As last listed; none once it has failed or stopped. */
  readonly tools: readonly OwnTool[];
  readonly version: string | null;
  /** Whether it brings what people write; as it last said. */
  readonly isChannel: boolean;
  readonly pid: number | null;
  /**
   * Calls a tool. A server that forgot the session is asked once more, since it did nothing yet.
   *
   * @throws {CodedError} `microapp_not_ready`, `microapp_busy`, and as {@linkcode McpConnection}
   */
  call(
    request: { readonly tool: string; readonly arguments: unknown; readonly meta?: CallMeta },
    signal: AbortSignal | undefined,
  ): Promise<JsonObject>;
}

/** Starts or reaches the server and keeps it until disposed. */
export function openMcpServer(deps: McpServerDeps): McpServer {
  const { spec, log } = deps;
  const { key, timeouts: { connectMs, callMs, graceMs } } = spec;
  let connection: McpConnection | null = null;
  let tools: readonly OwnTool[] = [];
  let version: string | null = null;
  let isChannel = false;
  let pid: number | null = null;
  let calls = 0;
  let waiting: (() => void)[] = [];

  function follow(next: McpConnection): void {
    connection = next;
    tools = next.tools;
    version = next.version;
    isChannel = next.isChannel;
  }

  const connecting = (open: ConnectDeps["open"], signal: AbortSignal): ConnectDeps => ({
    open,
    timeoutMs: connectMs,
    signal,
    version: deps.version,
    logLevel: spec.logLevel,
    onTools() {
      tools = connection?.tools ?? tools;
      deps.onTools();
    },
    onMessage: deps.onMessage,
    warn(text) {
      log.warn("microapp.handshake_warning", { text });
      deps.child.tail.addStray(`nexo: ${text}`);
    },
  });

  async function liveAsChild({ ready, signal }: LifeOptions): Promise<string> {
    await using guarded = await openGuardedChild(deps.child, signal);
    const { child, ended } = guarded;
    pid = child.pid;
    const over = new AbortController();
    void child.exited.then((why) => over.abort(new CodedError("microapp_exited", why)));
    try {
      using either = openEither(signal, over.signal);
      const open: ConnectDeps["open"] = (sdk, attempt) =>
        attempt > 0 ? undefined : createStdioTransport({
          child,
          limits: deps.limits,
          parse: messageReader(sdk),
          onStray: (line) => deps.child.tail.addStray(`stdout: ${line}`),
        });
      await using opened = await connectMcp(connecting(open, either.signal));
      void child.exited.then(() => opened[Symbol.asyncDispose]());
      follow(opened);
      ready();
      const why = await settlesBefore(ended, signal) ? await ended : "";
      connection = null;
      if (signal.aborted) {
        using polite = openDeadline(undefined, graceMs);
        await endChild(child, ended, { polite: polite.signal, graceMs });
      }
      return why;
    } catch (error) {
      const why = guarded.breach() ?? (over.signal.aborted ? await ended : undefined);
      if (why === undefined || signal.aborted) throw error;
      throw new CodedError("microapp_handshake", why, { cause: error });
    } finally {
      connection = null;
      pid = null;
    }
  }

  async function liveOverHttp(
    wire: HttpWire,
    { ready, signal }: LifeOptions,
  ): Promise<string> {
    const open = httpTransports(wire, deps.limits.lineBytes);
    await using opened = await connectMcp(connecting(open, signal));
    follow(opened);
    ready();
    try {
      return await settlesBefore(opened.lost, signal) ? await opened.lost : "";
    } finally {
      connection = null;
    }
  }

  const { wire } = spec;
  const lifeline = openLifeline({
    ...deps,
    restart: wire.kind === "stdio" ? deps.restart : HTTP_RESTARTS,
    live: (options) => wire.kind === "stdio" ? liveAsChild(options) : liveOverHttp(wire, options),
    onState(state, reason) {
      if (state === "failed" || state === "stopped") tools = [];
      const woken = waiting;
      waiting = [];
      for (const wake of woken) wake();
      deps.onState(state, reason);
    },
  });

  function notReady(): CodedError {
    return new CodedError(
      "microapp_not_ready",
      `Cannot call MCP server "${key}": it is ${lifeline.state}`,
    );
  }

  /** The next connection, if there is one within `limitMs`. */
  async function reconnected(limitMs: number, signal: AbortSignal | undefined) {
    using deadline = openDeadline(signal, limitMs);
    while (connection === null) {
      const change = new Promise<void>((resolve) => waiting.push(resolve));
      if (!await settlesBefore(change, deadline.signal)) {
        signal?.throwIfAborted();
        throw notReady();
      }
    }
    return connection;
  }

  return {
    lifeline,
    get tools() {
      return tools;
    },
    get version() {
      return version;
    },
    get isChannel() {
      return isChannel;
    },
    get pid() {
      return pid;
    },
    async call(request, signal) {
      const used = connection;
      if (used === null) throw notReady();
      if (calls >= deps.limits.calls) {
        const state = `${calls} calls wait for an answer already`;
        throw new CodedError("microapp_busy", `Cannot call MCP server "${key}": ${state}`);
      }
      calls += 1;
      try {
        return await used.call(request, { timeoutMs: callMs, signal }).catch(
          async (error: unknown) => {
            if (!isForgotten(error)) throw error;
            if (connection === used) connection = null;
            const next = await reconnected(callMs, signal);
            return next.call(request, { timeoutMs: callMs, signal });
          },
        );
      } finally {
        calls -= 1;
      }
    },
    [Symbol.asyncDispose]: () => lifeline[Symbol.asyncDispose](),
  };
}

/**
 * Whether a server answered that it knows no such session, as after its restart. The standard says
 * 404, many servers say 400; either way it did nothing.
 */
function isForgotten(error: unknown): boolean {
  if (!(error instanceof CodedError) || error.code !== "microapp_exited") return false;
  const { cause } = error;
  return cause instanceof Error && "code" in cause && (cause.code === 404 || cause.code === 400);
}

/** Whether a failed call says something about the server's health, and not about the question. */
export function isServerFault(error: unknown): boolean {
  if (error instanceof RpcFault) return error.code === -32603;
  return codeOf(error) === "microapp_timeout" || codeOf(error) === "microapp_exited";
}

/** A signal that ends with the first of two; dispose it when nobody listens any more. */
function openEither(a: AbortSignal, b: AbortSignal): Disposable & { readonly signal: AbortSignal } {
  const own = new AbortController();
  const stop = (): void => own.abort(a.aborted ? a.reason : b.reason);
  for (const each of [a, b]) {
    each.addEventListener("abort", stop, { once: true });
    if (each.aborted) stop();
  }
  return {
    signal: own.signal,
    [Symbol.dispose]() {
      for (const each of [a, b]) each.removeEventListener("abort", stop);
    },
  };
}
