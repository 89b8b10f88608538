/**
 * What edges are told of this core: where to listen, for whom, and which tokens hold.
 *
 * @module
 */
import type { Channels } from "../channels/ingress.ts";
import { channelSources } from "../channels/sources.ts";
import type { EdgeConfig } from "../contract/mod.ts";
import { edgeConfigOf } from "../settings/edge_config.ts";
import { chatConfigOf } from "./chat.ts";
import type { LiveSettings } from "./config.ts";
import type { TokenDesk } from "./tokens.ts";

/** What it is put together from. */
export interface EdgeConfigDeps {
  readonly config: Pick<LiveSettings, "current" | "secretOf">;
  readonly channels: Channels;
  readonly tokens: Pick<TokenDesk, "edgeAuth">;
}

/** Returns what puts it together from the settings in force, secrets included. */
export function createEdgeConfig({ config, channels, tokens }: EdgeConfigDeps): () => EdgeConfig {
  return function edgeConfig() {
    const settings = config.current();
    const webhooks = edgeConfigOf(settings.webhooks, config.secretOf, settings.version);
    return {
      ...webhooks,
      sources: [...webhooks.sources, ...channelSources(settings, channels)],
      firehose: settings.broker.firehose,
      chat: chatConfigOf(settings),
      tenant_label: settings.tenantLabel,
      auth: tokens.edgeAuth(),
    };
  };
}
