/**
 * All MCP servers of one core: started, called, and changed when the config does.
 *
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import { type CallMeta, CodedError, RpcFault } from "../../contract/mod.ts";
import type { Breakers } from "../../flow/breaker.ts";
import { inSpan } from "../../flow/trace.ts";
import type { MicroappFault } from "../faults.ts";
import type { MicroappState } from "../lifeline.ts";
import { fitName } from "../naming.ts";
import type { PeerLimits } from "../peer.ts";
import type { RestartPolicy } from "../restart_plan.ts";
import { tracedMeta } from "../meta_json.ts";
import { readToolFault, type ToolResult } from "../results.ts";
import type { Confinement } from "../sandbox/prepare.ts";
import type { MicroappStatus } from "../slots.ts";
import { createTail, type Tail } from "../stderr.ts";
import { ANY_OBJECT, type ToolDescriptor } from "../tools.ts";
import { readMcpResult } from "./mcp_result.ts";
import { childOf, type ServerChildDeps } from "./server_child.ts";
import { isServerFault, type McpServer, openMcpServer } from "./server.ts";
import { type McpServerSpec, serverId, type StdioWire } from "./spec.ts";

/** What servers need; see `HostDeps`. */
export interface McpServersDeps extends ServerChildDeps {
  readonly breakers: Breakers;
  readonly agentVersion: string;
  readonly onState: (id: string, state: MicroappState, reason?: string) => void;
  readonly onFault: (id: string, fault: MicroappFault) => void;
  /** Called whenever tools may have changed. */
  readonly onChange: () => void;
  /** Hears what channel servers bring. @default nobody does */
  readonly onChannelMessage?: (server: string, params: unknown) => void;
  readonly limits: PeerLimits;
  readonly restart: RestartPolicy;
}

/** The servers. Disposing ends them all. */
export interface McpServers extends AsyncDisposable {
  tools(): ToolDescriptor[];
  status(): MicroappStatus[];
  /** How a server stands as a channel; undefined when there is none of that name. */
  channel(key: string): { readonly state: string; readonly isChannel: boolean } | undefined;
  /** Calls a tool; an error that the server answers with is a result. Throws as `Host.callTool`. */
  call(call: {
    readonly tool: ToolDescriptor;
    readonly arguments: unknown;
    readonly meta: CallMeta;
    readonly account: string;
    readonly signal: AbortSignal | undefined;
  }): Promise<ToolResult>;
  /** Starts what is new, ends what is gone, begins again what has changed. */
  apply(specs: readonly McpServerSpec[]): Promise<void>;
  /** Begins one again; false when there is none of that id. */
  restart(id: string): Promise<boolean>;
  settled(id?: string): Promise<void>;
}

interface Slot {
  spec: McpServerSpec;
  server: McpServer | null;
  wanted: boolean;
  confinement: Confinement | null;
  readonly tail: Tail;
  /** Changes of one server happen one after another. */
  changes: Promise<void>;
}

const TAIL_LINES = 50;

/** Starts the servers; none is waited for. */
export function openMcpServers(specs: readonly McpServerSpec[], deps: McpServersDeps): McpServers {
  const slots = new Map<string, Slot>();
  let closed = false;
  const all = (): Slot[] => [...slots.values()].sort((a, b) => (a.spec.key < b.spec.key ? -1 : 1));

  function start(slot: Slot): void {
    const { spec, tail } = slot;
    const id = serverId(spec.key);
    deps.onChange();
    slot.server = openMcpServer({
      spec,
      child: childOf(spec, deps, {
        tail,
        onConfined: (confinement) => void (slot.confinement = confinement),
      }),
      limits: deps.limits,
      version: deps.agentVersion,
      restart: deps.restart,
      onTools: deps.onChange,
      onMessage: (params) => deps.onChannelMessage?.(spec.key, params),
      onState(state, reason) {
        deps.onChange();
        deps.onState(id, state, reason);
      },
      onFault: (kind, summary) => deps.onFault(id, { kind, summary, stderr: tail.lines() }),
      now: deps.now,
      log: deps.logFor(id),
    });
  }

  function replace(slot: Slot): Promise<void> {
    slot.changes = slot.changes.then(async () => {
      await slot.server?.[Symbol.asyncDispose]();
      slot.server = null;
      deps.breakers.forget(serverId(slot.spec.key));
      deps.onChange();
      if (slot.wanted && !closed) start(slot);
      else if (!slot.wanted) slots.delete(slot.spec.key);
    });
    return slot.changes;
  }

  function add(spec: McpServerSpec): void {
    const slot: Slot = {
      spec,
      server: null,
      wanted: true,
      confinement: null,
      tail: createTail(TAIL_LINES),
      changes: Promise.resolve(),
    };
    slots.set(spec.key, slot);
    start(slot);
  }

  for (const spec of specs) add(spec);

  return {
    tools: () => all().flatMap(describe),
    status: () => all().map(statusOf),
    channel(key) {
      const slot = slots.get(key);
      if (slot === undefined || !slot.wanted) return undefined;
      const { server } = slot;
      return { state: server?.lifeline.state ?? "stopped", isChannel: server?.isChannel ?? false };
    },
    async call({ tool, arguments: args, meta, account, signal }) {
      const key = tool.server ?? "";
      const slot = slots.get(key);
      if (slot?.server == null || (slot.spec.account ?? account) !== account) {
        throw new CodedError("not_found", `Cannot call MCP server "${key}": there is none`);
      }
      const id = serverId(key);
      const leave = deps.breakers.enter(id, account);
      if (leave === null) {
        const state = "it failed this tenant too often and rests";
        throw new CodedError("microapp_breaker_open", `Cannot call MCP server "${key}": ${state}`);
      }
      const { spec, server } = slot;
      try {
        const attributes = { "rpc.system": "jsonrpc", "rpc.method": "tools/call" };
        const result = await inSpan(
          `tools/call ${id}`,
          { kind: "client", attributes: { ...attributes, "nexo.microapp_id": id } },
          () =>
            server.call({
              tool: tool.ownName,
              arguments: args,
              ...(spec.passesContext ? { meta: tracedMeta(meta) } : {}),
            }, signal),
        );
        leave("ok");
        return readMcpResult({ server: key, tool: tool.ownName }, result);
      } catch (error) {
        leave(isServerFault(error) ? "fault" : error instanceof RpcFault ? "ok" : "undecided");
        if (error instanceof RpcFault) {
          return readToolFault({ microappId: id, ownName: tool.ownName }, error);
        }
        throw error;
      }
    },
    async apply(wanted) {
      const next = new Map(wanted.map((spec) => [spec.key, spec]));
      const changes: Promise<void>[] = [];
      for (const [key, slot] of slots) {
        const spec = next.get(key);
        const keeps = spec !== undefined && slot.wanted && isSameServer(slot.spec, spec);
        slot.spec = spec ?? slot.spec;
        slot.wanted = spec !== undefined;
        if (!keeps) changes.push(replace(slot));
      }
      for (const spec of wanted) if (!slots.has(spec.key) && !closed) add(spec);
      deps.onChange();
      await Promise.all(changes);
    },
    async restart(id) {
      const slot = all().find(({ spec, wanted }) => wanted && serverId(spec.key) === id);
      if (slot === undefined) return false;
      await replace(slot);
      return true;
    },
    async settled(id) {
      const wanted = all().filter(({ spec }) => id === undefined || serverId(spec.key) === id);
      await Promise.all(wanted.map(async (slot) => {
        await slot.changes;
        await slot.server?.lifeline.settled;
      }));
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      await Promise.all([...slots.values()].map(replace));
    },
  };
}

/** Whether a server can go on as it is. Who may call it is looked up for each call. */
function isSameServer(a: McpServerSpec, b: McpServerSpec): boolean {
  const essence = ({ account: _a, agents: _b, passesContext: _c, wire, ...spec }: McpServerSpec) =>
    wire.kind !== "stdio" ? { ...spec, wire } : {
      ...spec,
      wire: { ...wire, candidate: null },
      ...confinementOf(wire),
    };
  return isDeepStrictEqual(essence(a), essence(b));
}

/** What of its microapp a process was started under. */
function confinementOf({ candidate: { id, root, manifest, entry } }: StdioWire) {
  const { sandbox, network, read_paths, limits } = entry;
  return { id, root, manifest: manifest.sandbox, sandbox, network, read_paths, limits };
}

function describe({ spec, server }: Slot): ToolDescriptor[] {
  return (server?.tools ?? []).map(({ name, description, inputSchema }) => ({
    name: fitName("mcp_", spec.key, name).replaceAll(/[^A-Za-z0-9_-]/gu, "_"),
    ownName: name,
    microappId: spec.owner,
    server: spec.key,
    poller: null,
    description: `[mcp:${spec.key}] ${description || name}`,
    inputSchema: inputSchema ?? ANY_OBJECT,
    account: spec.account,
    agents: spec.agents,
  }));
}

function statusOf({ spec, server, tail, confinement }: Slot): MicroappStatus {
  return {
    id: serverId(spec.key),
    version: server?.version ?? "",
    state: server?.lifeline.state ?? "stopped",
    reason: server?.lifeline.reason ?? null,
    pid: server?.pid ?? null,
    restarts: server?.lifeline.restarts ?? 0,
    sandbox: confinement?.level ?? null,
    sandbox_notes: confinement?.notes ?? [],
    tools: server?.tools.map(({ name }) => ({ name })) ?? [],
    hooks: [],
    http: null,
    grants: [],
    stderr: tail.lines(),
  };
}
