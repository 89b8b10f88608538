/**
 * The addresses channels' providers call: `POST /channels/<channel>/<instance>`, verified like any source.
 *
 * @module
 */
import {
  bindingId,
  type EdgeSource,
  resolveSource,
  secretProblem,
  SourceFields,
  subjects,
} from "../contract/mod.ts";
import type { Settings } from "../settings/settings.ts";
import { instancesOf } from "../settings/tenant.ts";
import type { ChannelWebhook } from "./channel.ts";
import type { Channels } from "./ingress.ts";

/** Where the provider of an instance calls, below the edge's own address. */
export function webhookPath(channel: string, instance: string): string {
  return `/channels/${channel}/${instance}`;
}

/** A source for each enabled instance of each channel that is called. */
export function channelSources(settings: Settings, channels: Channels): EdgeSource[] {
  return [...channels.values()].flatMap((channel) =>
    instancesOf(settings.plugins, channel.id).flatMap(({ instance, enabled = true }) => {
      const webhook = enabled ? channel.webhookOf?.(instance) : undefined;
      return webhook === undefined ? [] : [sourceOf(channel.id, instance, webhook, settings)];
    })
  );
}

function sourceOf(
  channel: string,
  instance: string,
  { source, secret, verifyToken }: ChannelWebhook,
  { webhooks: { public_url: publicUrl } }: Settings,
): EdgeSource {
  const id = bindingId(channel, instance);
  const path = webhookPath(channel, instance);
  const resolved = resolveSource(SourceFields.parse({
    ...source,
    id: channel,
    path,
    secret_env: id,
    publish_to: subjects.inbound(channel, instance),
  }));
  const problem = secretProblem(resolved.signature, `the secret of ${id}`, secret ?? "");
  return {
    ...resolved,
    id,
    public_url: publicUrl === undefined ? null : publicUrl.replace(/\/$/, "") + path,
    secret: problem === null ? secret : null,
    previous_secret: null,
    verify_token: verifyToken,
    disabled_reason: problem,
  };
}
