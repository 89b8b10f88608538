/**
 * All microapps of one core: their tools, their hooks, and the way to call them.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { type Clock, lineJson } from "../contract/mod.ts";
import { type Log } from "../flow/log.ts";
import { BREAKER_LIMITS, type BreakerLimits, createBreakers } from "../flow/breaker.ts";
import { type CallContext, createCalls, worksFor } from "./calls.ts";
import type { Candidate } from "./candidate.ts";
import type { Env } from "./env.ts";
import type { MicroappFault } from "./faults.ts";
import type { HookPoint } from "./handshake.ts";
import { type Guards, isHooked, runHookChain } from "./hook_chain.ts";
import type { HookOutcome } from "./hooks.ts";
import type { IdentityOf } from "./http/identity.ts";
import { createHttpServers, type RoutableServer } from "./http/servers.ts";
import { WATCH_TIMES, type WatchTimes } from "./http/watch.ts";
import type { JsonObject } from "./json.ts";
import { endLeftovers } from "./leftover.ts";
import type { MicroappState } from "./lifeline.ts";
import type { Gate } from "./manifest.ts";
import { type McpServers, openMcpServers } from "./mcp/servers.ts";
import { type McpPlan, NO_MCP, serversOf } from "./mcp/spec.ts";
import { PEER_LIMITS, type PeerLimits } from "./peer.ts";
import { RESTART_POLICY, type RestartPolicy } from "./restart_plan.ts";
import type { ToolResult } from "./results.ts";
import { openGuard } from "./sandbox/guard.ts";
import { createSandboxHelpers, type SandboxHelpers } from "./sandbox/helpers.ts";
import { findInstallDir } from "./sandbox/code_places.ts";
import { openWarden } from "./sandbox/warden.ts";
import { type MicroappStatus, openSlots, type Slot } from "./slots.ts";
import type { LifeTimeouts } from "./supervisor.ts";
import { ToolCall } from "./tool_call.ts";
import { describeTools, type ToolDescriptor, withoutMeta } from "./tools.ts";

/** Limits of calls and of a microapp's life, in milliseconds. */
export interface HostTimeouts extends LifeTimeouts {
  /** A tool call; longer than the 30 s after which an SDK gives up an admin call of its own. */
  readonly toolMs: number;
  readonly hookMs: number;
}

/** The timeouts that apply unless a test says otherwise. */
export const HOST_TIMEOUTS: HostTimeouts = {
  handshakeMs: 10_000,
  politeMs: 5_000,
  killMs: 10_000,
  toolMs: 45_000,
  hookMs: 30_000,
};

/** What a host needs. */
export interface HostDeps {
  /** What {@linkcode discoverMicroapps} found. */
  readonly candidates: readonly Candidate[];
  /** MCP servers beside those that microapps declare. @default {NO_MCP} */
  readonly mcp?: McpPlan;
  /** `$NEXO_HOME`; state goes to `extensions/<id>/state` below it. */
  readonly homeDir: string;
  /** The environment that children inherit from, without its secrets. */
  readonly env: Env;
  /** What confines microapps; absent: what this machine has. */
  readonly helpers?: SandboxHelpers;
  /** Names this core among all that ever ran here; absent: a random one. */
  readonly instance?: string;
  /** Where this program is installed, whose SDK microapps import; absent: found from here. */
  readonly installDir?: string;
  /** The version microapps are told, compatible with nexo's. */
  readonly agentVersion: string;
  readonly now: Clock;
  /** A logger for one microapp. */
  readonly logFor: (microappId: string) => Log;
  /** Answers a request of a microapp; throws {@linkcode RpcFault} to choose the error reply. */
  readonly onRequest: (
    call: { readonly microappId: string; readonly method: string; readonly params: unknown },
  ) => Promise<unknown>;
  readonly onState: (microappId: string, state: MicroappState, reason?: string) => void;
  /** Hears what goes wrong with microapps themselves. @default nobody does */
  readonly onFault?: (microappId: string, fault: MicroappFault) => void;
  /** Hears what MCP servers that are channels bring, in their order. @default nobody does */
  readonly onChannelMessage?: (server: string, params: unknown) => void;
  /** Passes the lines that are kept of what microapps say. @default nothing is taken out of them */
  readonly redact?: (line: string) => string;
  /** `{<agent_id>: <its extensions_config for this microapp>}`. */
  readonly agentsConfigFor?: (microappId: string) => JsonObject;
  /** Who must have their say at a hook. @default nobody */
  readonly guards?: Guards;
  readonly timeouts?: Partial<HostTimeouts>;
  readonly restart?: RestartPolicy;
  readonly breaker?: BreakerLimits;
  readonly limits?: Partial<PeerLimits>;
  /** What HTTP servers know their callers by; absent: what ends with this process. */
  readonly httpIdentity?: IdentityOf;
  /** Whether HTTP servers are probed before they are routed to. @default {() => true} */
  readonly mayProbe?: () => boolean;
  readonly watch?: WatchTimes;
}

/** The microapps of one core. Disposing stops them all and leaves no process. */
export interface Host extends AsyncDisposable {
  status(): MicroappStatus[];
  /** Tools of all microapps that run, in the order of their ids; the same array until one changes. */
  tools(): readonly ToolDescriptor[];
  /**
   * Calls a tool. An error that the microapp answers with is a result.
   *
   * @throws {CodedError} `microapp_not_ready`, `microapp_timeout`, `microapp_exited`,
   * `microapp_busy`, `microapp_breaker_open`, `not_found`
   * @throws the signal's reason
   */
  callTool(
    call: CallContext & { readonly tool: ToolDescriptor; readonly arguments: unknown },
  ): Promise<ToolResult>;
  /** How an MCP server stands as a channel; undefined when there is none of that name. */
  channelServer: McpServers["channel"];
  /** The HTTP server of a microapp; undefined when there is none of that name, or it declares none. */
  server(microappId: string): RoutableServer | undefined;
  /** The microapp that brings jobs of `kind` for a tenant; the first of several. */
  pollerOf(kind: string, account: string): string | undefined;
  /** The microapps that keep data of a tenant's people, whether they run or not, in the order of their ids. */
  erasersOf(account: string): string[];
  /** Variables of the environment that microapps say they read, in the order of their ids. */
  gates(): { readonly microappId: string; readonly gate: Gate }[];
  /** The accounts of a channel that a microapp's manifest writes to; none for one that is not there. */
  boundTo(microappId: string, channel: string): readonly string[];
  /** The subjects a microapp's manifest says it publishes to; none for one that is not there. */
  publishes(microappId: string): readonly string[];
  /** Whether any microapp wants to be asked at `point`, or has to be, for a tenant. */
  hasHooks(point: HookPoint, account: string): boolean;
  /**
   * Asks the microapps in the order of their priorities. One that fails or does not answer in time
   * counts as content, unless {@linkcode HostDeps.guards} names it.
   *
   * @throws the signal's reason
   */
  runHook(point: HookPoint, params: JsonObject, context: CallContext): Promise<HookOutcome>;
  /**
   * Calls any method of a microapp, such as `tools/list` or `poll_tick`.
   *
   * @throws {RpcFault} its error reply
   * @throws {CodedError} as {@linkcode Host.callTool}
   */
  request(
    call: {
      readonly microappId: string;
      readonly method: string;
      readonly params: unknown;
      readonly account: string;
      readonly timeoutMs?: number;
      readonly signal?: AbortSignal | undefined;
    },
  ): Promise<unknown>;
  /** Sends a notification; false when the microapp is not ready. */
  notify(microappId: string, method: string, params: unknown): boolean;
  /**
   * Stops a microapp and starts it afresh, also one that has failed.
   *
   * @throws {CodedError} `not_found`, `microapp_not_ready` when it may not start
   */
  restart(microappId: string): Promise<void>;
  /**
   * Starts a microapp's code afresh beside the process that runs, and lets it take over once it has
   * shaken hands; open calls finish where they began. One that serves HTTP is stopped first.
   *
   * @throws {CodedError} `microapp_handshake` when the new one does not start, and the old one goes on;
   * `not_found`, `microapp_not_ready` when it may not start
   */
  renew(microappId: string): Promise<void>;
  /** Takes a new list: starts what is new, stops what is gone, restarts what has changed. */
  apply(candidates: readonly Candidate[], mcp?: McpPlan): Promise<void>;
  /**
   * Resolves when the first handshake of one microapp, or of every one, has gone well or badly; of one
   * that is being replaced, when that of the next has.
   */
  settled(microappId?: string): Promise<void>;
}

/** Starts every candidate without waiting for any; one that fails says so in its status. */
export async function openHost(deps: HostDeps): Promise<Host> {
  const { logFor, now } = deps;
  const runDir = join(deps.homeDir, "run", "microapps");
  for (const id of await endLeftovers(runDir)) logFor(id).warn("microapp.leftover_ended");
  const timeouts: HostTimeouts = { ...HOST_TIMEOUTS, ...deps.timeouts };
  let known: readonly ToolDescriptor[] | null = null;
  const onFault = deps.onFault ?? ((): void => {});
  const breakers = createBreakers({ now, limits: deps.breaker ?? BREAKER_LIMITS });
  const calls = createCalls({
    slot: (id) => slots.get(id),
    onPanic: (id, summary) => onFault(id, { kind: "handler_panic", summary, stderr: [] }),
    breakers,
  });
  const log = logFor("nexo");
  const guard = openGuard({ log });
  const warden = openWarden({ instance: deps.instance ?? randomUUID(), log });
  const servers = createHttpServers({
    times: deps.watch ?? WATCH_TIMES,
    mayProbe: deps.mayProbe ?? (() => true),
    now,
    logFor,
  });
  const common = {
    ...deps,
    onFault,
    guard,
    runDir,
    warden,
    helpers: deps.helpers ?? createSandboxHelpers(deps.env),
    installDir: deps.installDir ?? findInstallDir(),
    restart: deps.restart ?? RESTART_POLICY,
    limits: { ...PEER_LIMITS, ...deps.limits },
    onChange: () => void (known = null),
  };
  const slots = openSlots(deps.candidates, {
    ...common,
    servers,
    agentsConfigFor: deps.agentsConfigFor ?? (() => ({})),
    httpIdentity: deps.httpIdentity ?? passingIdentity,
    timeouts,
    drainMs: timeouts.toolMs,
    redact: deps.redact,
    onStopped: (id) => calls.forget(id),
  });
  let plan = deps.mcp ?? NO_MCP;
  const mcp = openMcpServers(serversOf(plan, deps.candidates), { ...common, breakers });
  const chain = {
    slots: () => slots.all(),
    guards: deps.guards ?? (() => []),
    calls,
    timeoutMs: timeouts.hookMs,
    logFor,
  };

  const toolCalls = { timeoutMs: timeouts.toolMs, logFor };

  const host: Host = {
    status: () => [...slots.status(), ...mcp.status()],
    tools: () => known ??= collectTools(slots.all(), mcp, logFor),
    callTool(call) {
      const { tool, arguments: given, meta, account, signal } = call;
      return tool.server === null
        ? calls.make(new ToolCall(tool, given, call, toolCalls))
        : mcp.call({ tool, arguments: withoutMeta(given), meta, account, signal });
    },
    channelServer: (key) => mcp.channel(key),
    server(id) {
      const slot = slots.get(id);
      return slot === undefined ? undefined : servers.find(slot.candidate);
    },
    pollerOf: (kind, account) =>
      slots.all().find((slot) =>
        worksFor(slot, account) && slot.candidate.manifest.capabilities.pollers.includes(kind)
      )?.candidate.id,
    erasersOf: (account) =>
      slots.all()
        .filter((slot) =>
          worksFor(slot, account) && slot.candidate.manifest.capabilities.dataErasure
        )
        .map(({ candidate }) => candidate.id),
    gates: () =>
      slots.all().flatMap(({ candidate: { id, manifest } }) =>
        manifest.gates.map((gate) => ({ microappId: id, gate }))
      ),
    boundTo: (id, channel) => slots.get(id)?.candidate.manifest.outboundBindings[channel] ?? [],
    publishes: (id) => slots.get(id)?.candidate.manifest.capabilities.broker.publish ?? [],
    hasHooks: (point, account) => isHooked(point, account, chain),
    runHook: (point, params, context) => runHookChain(point, params, context, chain),
    request: ({ params, timeoutMs, signal, ...call }) =>
      calls.make({
        ...call,
        timeoutMs: timeoutMs ?? timeouts.toolMs,
        signal,
        params: () => lineJson(params),
        read: (result) => result,
      }),
    notify(microappId, method, params) {
      const live = slots.get(microappId)?.supervisor?.live ?? null;
      live?.peer.notify(method, params);
      return live !== null;
    },
    async restart(id) {
      if (!await mcp.restart(id)) await slots.restart(id);
    },
    renew: (id) => slots.renew(id),
    async apply(candidates, next = plan) {
      plan = next;
      await Promise.all([slots.apply(candidates), mcp.apply(serversOf(plan, candidates))]);
    },
    async settled(id) {
      await Promise.all([slots.settled(id), mcp.settled(id)]);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([slots[Symbol.asyncDispose](), mcp[Symbol.asyncDispose]()]);
      await servers[Symbol.asyncDispose]();
      await guard[Symbol.asyncDispose]();
      await warden[Symbol.asyncDispose]();
    },
  };
  return host;
}

const passingIdentity: IdentityOf = (_id, first) =>
  Promise.resolve({ token: first ?? randomUUID(), hopKey: randomUUID() });

/** The tools of all slots, then of MCP servers; of two with the same visible name the first counts. */
function collectTools(
  slots: readonly Slot[],
  mcp: Pick<McpServers, "tools">,
  logFor: (microappId: string) => Log,
): readonly ToolDescriptor[] {
  const ofSlots = slots.flatMap(({ candidate: { id, entry, manifest }, supervisor }) => {
    const handshake = supervisor?.handshake ?? null;
    if (handshake === null) return [];
    return describeTools(id, entry.tenant_id ?? null, handshake, manifest.tools);
  });
  const tools = new Map<string, ToolDescriptor>();
  for (const tool of [...ofSlots, ...mcp.tools()]) {
    const taken = tools.has(tool.name);
    if (taken) logFor(tool.microappId).warn("microapp.tool_name_taken", { tool: tool.name });
    else tools.set(tool.name, tool);
  }
  return [...tools.values()];
}
