/**
 * How the instances that agents answer on stand, as operators see it.
 *
 * @module
 */
import { bindingId, messageOf } from "../contract/mod.ts";
import { MCP_CHANNEL, serversHeardBy } from "../settings/mcp_channels.ts";
import type { Settings } from "../settings/settings.ts";
import type { InstanceView } from "./attendants.ts";
import type { Channel } from "./channel.ts";
import type { Channels } from "./ingress.ts";

/** One view of each instance, by channel and instance. Loads what sending needs, and sends nothing. */
export async function channelHealth(
  { settings, channels, attended }: {
    readonly settings: Settings;
    readonly channels: Channels;
    /** What is known of the instances' own work. */
    readonly attended: readonly InstanceView[];
  },
): Promise<InstanceView[]> {
  const known = new Map(attended.map((view) => [bindingId(view.channel, view.instance), view]));
  const views = [...answeredOn(settings)].sort().flatMap((id) => {
    const [name = "", instance = ""] = id.split(":");
    const channel = channels.get(name);
    return channel === undefined ? [] : [viewOf(channel, instance, known.get(id))];
  });
  return Promise.all(views);
}

/** The lines active agents are bound to; a binding of any instance names none. */
function answeredOn({ agents }: Settings): Set<string> {
  const active = [...agents.values()].filter((agent) => agent.active);
  return new Set(active.flatMap(({ inbound_bindings, channels }) => [
    ...inbound_bindings.map(({ plugin, instance }) => bindingId(plugin, instance ?? "default")),
    ...serversHeardBy({ channels }).map((server) => bindingId(MCP_CHANNEL, server)),
  ]));
}

async function viewOf(
  channel: Channel,
  instance: string,
  attended: InstanceView | undefined,
): Promise<InstanceView> {
  const place = { channel: channel.id, instance };
  try {
    const unready = await channel.ready?.(instance);
    if (unready !== undefined) return { ...place, state: "not_ready", reason: unready.reason };
  } catch (error) {
    return { ...place, state: "failed", reason: messageOf(error) };
  }
  return attended ?? { ...place, state: "attended", reason: null };
}
