/**
 * The credentials of all channels, by channel.
 *
 * @module
 */
import type { PluginsConfig } from "../../contract/mod.ts";
import type { ChannelCredential } from "./credential.ts";
import { emailCredential } from "./email.ts";
import { webchatCredential } from "./plain.ts";
import { slackCredential } from "./slack.ts";
import { telegramCredential } from "./telegram.ts";
import { whatsappCredential } from "./whatsapp.ts";

/** One row for each channel that keeps credentials. */
export const CHANNEL_CREDENTIALS: ReadonlyMap<string, ChannelCredential> = new Map(
  [
    emailCredential,
    slackCredential,
    telegramCredential,
    webchatCredential,
    whatsappCredential,
  ].map((row) => [row.channel, row]),
);

/** Where a line's provider answers, when its file says so. */
export function apiRootOf(
  { telegram, whatsapp, slack }: PluginsConfig,
  { channel, instance }: { readonly channel: string; readonly instance: string },
): string | undefined {
  const lines = new Map(Object.entries({ telegram, whatsapp, slack })).get(channel);
  return lines?.find((line) => line.instance === instance)?.api_root;
}
