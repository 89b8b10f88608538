/**
 * `nexo/admin/channels/*`: the MCP channel servers an agent listens to.
 *
 * @module
 */
import { answererOf } from "../channels/answerer.ts";
import { type AgentConfig, messageOf, RPC_CODES, RpcFault } from "../contract/mod.ts";
import { CHANNEL_METHODS, type ChannelEntry } from "../contract/admin/channels.ts";
import type { ChangeConfig } from "../settings/draft.ts";
import { MCP_CHANNEL } from "../settings/mcp_channels.ts";
import type { Settings } from "../settings/settings.ts";
import { seesAgent, soleTenantOf } from "./agents.ts";
import { type AdminMethod, type Call, methodsOf } from "./method.ts";
import { findAgent, isMap, literal, mapAt, type RawMap } from "./raw_config.ts";

interface Verdict {
  readonly status: "ok" | "warning" | "error";
  readonly message: string;
}

/** What the channel methods need. */
export interface ChannelMethodDeps {
  readonly settings: () => Settings;
  readonly changeConfig: ChangeConfig;
  /** Why a server cannot be heard or answered through; undefined when it can. */
  readonly troubleOf: (server: string) => Promise<string | undefined>;
}

/** Returns the methods on channel servers. */
export function channelMethods(
  { settings, changeConfig, troubleOf }: ChannelMethodDeps,
): AdminMethod[] {
  const agentsFor = (id: string | null | undefined, call: Call): AgentConfig[] =>
    [...settings().agents.values()].filter((agent) =>
      (id == null || agent.id === id) && seesAgent(agent, settings(), call)
    );
  const entriesFor = (id: string | null | undefined, call: Call): ChannelEntry[] =>
    agentsFor(id, call).flatMap(entriesOf).sort((a, b) =>
      a.agent_id < b.agent_id || (a.agent_id === b.agent_id && a.server_name < b.server_name)
        ? -1
        : 1
    );

  async function verdictOn(agentId: string, server: string): Promise<Verdict> {
    if (settings().agents.get(agentId)?.channels.enabled !== true) {
      return { status: "warning", message: "channels.enabled is off: nobody is heard" };
    }
    try {
      const first = answererOf(settings(), MCP_CHANNEL, server, { suspended: "accept" }).agentId;
      if (first !== agentId) {
        return { status: "warning", message: `agent "${first}" hears it first, and answers` };
      }
    } catch (error) {
      return { status: "error", message: messageOf(error) };
    }
    const trouble = await troubleOf(server);
    return trouble === undefined
      ? { status: "ok", message: "heard, and can be answered" }
      : { status: "error", message: trouble };
  }

  return methodsOf(CHANNEL_METHODS, {
    "nexo/admin/channels/list": ({ agent_id }, call) =>
      Promise.resolve({ entries: entriesFor(agent_id, call) }),

    async "nexo/admin/channels/approve"({ agent_id, server_name, allowlist }, call) {
      if (agentsFor(agent_id, call).length === 0) throw unknownAgent(agent_id);
      const { settings: next } = await changeConfig(async (draft) => {
        const declared = await findAgent(draft, agent_id);
        if (declared === undefined) throw unknownAgent(agent_id);
        const channels = mapAt(declared.agent, "channels");
        const approved = approvedIn(channels);
        const known = approved.find(({ server }) => server === server_name);
        channels["enabled"] ??= true;
        const entry = known ?? { server: literal(server_name) };
        if (allowlist != null) entry["allowlist"] = allowlist;
        if (known === undefined) channels["approved"] = [...approved, entry];
        await draft.write(declared.file, declared.content);
      });
      const agent = next.agents.get(agent_id);
      const entry = agent && entriesOf(agent).find((each) => each.server_name === server_name);
      if (entry === undefined) throw unknownAgent(agent_id);
      return { ...entry, config_version: next.version };
    },

    async "nexo/admin/channels/revoke"({ agent_id, server_name }, call) {
      if (!entriesFor(agent_id, call).some((entry) => entry.server_name === server_name)) {
        return { removed: false, config_version: settings().version };
      }
      const { changed, settings: next } = await changeConfig(async (draft) => {
        const declared = await findAgent(draft, agent_id);
        if (declared === undefined) return;
        const channels = mapAt(declared.agent, "channels");
        channels["approved"] = approvedIn(channels).filter(({ server }) => server !== server_name);
        await draft.write(declared.file, declared.content);
      });
      return { removed: changed, config_version: next.version };
    },

    "nexo/admin/channels/doctor": async ({ agent_id }, call) => ({
      verdicts: await Promise.all(
        entriesFor(agent_id, call).map(async ({ agent_id: agent, server_name }) => ({
          agent_id: agent,
          server_name,
          ...await verdictOn(agent, server_name),
        })),
      ),
    }),
  }, {
    "nexo/admin/channels/approve": ({ agent_id }) => soleTenantOf(agent_id, settings()),
    "nexo/admin/channels/revoke": ({ agent_id }) => soleTenantOf(agent_id, settings()),
  });
}

function entriesOf({ id, channels }: AgentConfig): ChannelEntry[] {
  return channels.approved.map(({ server, allowlist }) => {
    // The wire has numbers only; names that people wrote into the file are not told.
    const numbers = allowlist.map(Number).filter(Number.isSafeInteger);
    return {
      agent_id: id,
      server_name: server,
      ...(numbers.length === 0 ? {} : { allowlist: numbers }),
    };
  });
}

function approvedIn(channels: RawMap): RawMap[] {
  const { approved } = channels;
  return Array.isArray(approved) ? approved.filter(isMap) : [];
}

function unknownAgent(id: string): RpcFault {
  return new RpcFault(RPC_CODES.internal, `internal: not_found: agent \`${id}\` not in yaml`);
}
