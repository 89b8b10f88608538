/**
 * The lines of channels: which agent answers on which instance, for which tenant.
 *
 * @module
 */
import type { AccountId } from "../contract/mod.ts";
import type { Settings } from "./settings.ts";
import { tenantOf } from "./tenant.ts";

/** One line of a channel. */
export interface Line {
  readonly account: AccountId;
  readonly agentId: string;
  readonly instance: string;
}

/** What lines follow from. */
type LineSettings = Pick<Settings, "agents" | "mcp" | "plugins" | "singleTenant" | "tenants">;

/** The lines of one channel. */
interface ChannelLines {
  readonly all: readonly Line[];
  /** By tenant and by instance. */
  readonly byName: ReadonlyMap<string, readonly Line[]>;
}

const NONE: ChannelLines = { all: [], byName: new Map() };

/** A snapshot never changes, so its lines are gone through once. */
const indexes = new WeakMap<LineSettings, ReadonlyMap<string, ChannelLines>>();

/** The lines of a channel that active agents answer; with `name`, those of that tenant or instance. */
export function linesOf(settings: LineSettings, channel: string, name?: string): readonly Line[] {
  let index = indexes.get(settings);
  if (index === undefined) {
    index = indexOf(settings);
    indexes.set(settings, index);
  }
  const { all, byName } = index.get(channel) ?? NONE;
  return name === undefined ? all : byName.get(name) ?? [];
}

function indexOf(settings: LineSettings): ReadonlyMap<string, ChannelLines> {
  const index = new Map<string, { all: Line[]; byName: Map<string, Line[]> }>();
  for (const agent of settings.agents.values()) {
    if (!agent.active) continue;
    for (const { plugin, instance = "default" } of agent.inbound_bindings) {
      const account = tenantOf(settings, agent, plugin, instance);
      if (account === undefined) continue;
      const line = { account, agentId: agent.id, instance };
      const lines = index.get(plugin) ?? { all: [], byName: new Map<string, Line[]>() };
      index.set(plugin, lines);
      lines.all.push(line);
      for (const name of new Set([account, instance])) {
        lines.byName.set(name, [...lines.byName.get(name) ?? [], line]);
      }
    }
  }
  return index;
}
