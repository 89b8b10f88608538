/**
 * `nexo/admin/channels/*`: the MCP channel servers an agent listens to.
 *
 * @module
 */
import { z } from "zod";
import { type AgentConfig, RPC_CODES, RpcFault } from "../contract/mod.ts";
import { CHANNEL_METHODS, type ChannelEntry } from "../contract/admin/channels.ts";
import type { ChangeConfig } from "../settings/draft.ts";
import type { Settings } from "../settings/settings.ts";
import { seesAgent } from "./agents.ts";
import { type AdminMethod, type Call, methodsOf } from "./method.ts";
import { findAgent, isMap, literal, mapAt, type RawMap } from "./raw_config.ts";

/** As much of an agent's `channels` as these methods read; the rest is left alone. */
const AgentChannels = z.object({
  approved: z.array(z.object({ server: z.string(), allowlist: z.array(z.int()).optional() })),
});

/** What the channel methods need. */
export interface ChannelMethodDeps {
  readonly settings: () => Settings;
  readonly changeConfig: ChangeConfig;
}

/** Returns the methods on channel servers. */
export function channelMethods({ settings, changeConfig }: ChannelMethodDeps): AdminMethod[] {
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

    "nexo/admin/channels/doctor": ({ agent_id }, call) =>
      Promise.resolve({
        verdicts: entriesFor(agent_id, call).map(({ agent_id: agent, server_name }) => ({
          agent_id: agent,
          server_name,
          status: "warning" as const,
          message: "approved, but this version runs no MCP channel servers",
        })),
      }),
  });
}

function entriesOf(agent: AgentConfig): ChannelEntry[] {
  const channels = AgentChannels.safeParse(agent.channels);
  return !channels.success ? [] : channels.data.approved.map(({ server, allowlist }) => ({
    agent_id: agent.id,
    server_name: server,
    ...(allowlist === undefined ? {} : { allowlist }),
  }));
}

function approvedIn(channels: RawMap): RawMap[] {
  const { approved } = channels;
  return Array.isArray(approved) ? approved.filter(isMap) : [];
}

function unknownAgent(id: string): RpcFault {
  return new RpcFault(RPC_CODES.internal, `internal: not_found: agent \`${id}\` not in yaml`);
}
