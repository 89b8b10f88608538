/**
 * The channels there are: one line each.
 *
 * @module
 */
import type { Channel } from "./channel.ts";
import type { ChannelDeps, ChannelKind } from "./kind.ts";
import { email } from "./email/email.ts";
import { generic } from "./generic/generic.ts";
import { mcp } from "./mcp/mcp.ts";
import { slack } from "./slack/slack.ts";
import { telegram } from "./telegram/telegram.ts";
import { webchat } from "./webchat.ts";
import { whatsapp } from "./whatsapp/whatsapp.ts";

/** Every kind of channel. */
export const CHANNEL_KINDS: readonly ChannelKind[] = [
  webchat,
  telegram,
  whatsapp,
  slack,
  email,
  generic,
  mcp,
];

const limits = new Map(CHANNEL_KINDS.map(({ id, textLimit }) => [id, textLimit]));

/** Most UTF-16 code units of one text on a channel. */
export function textLimitOf(channel: string): number {
  return limits.get(channel) ?? Number.MAX_SAFE_INTEGER;
}

/** Opens every channel; nothing is started. */
export function openChannels(deps: ChannelDeps): Map<string, Channel> {
  return new Map(CHANNEL_KINDS.map((kind) => [kind.id, kind.open(deps)]));
}
