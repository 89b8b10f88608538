/**
 * The credentials of all channels, by channel.
 *
 * @module
 */
import type { PluginsConfig } from "../../contract/mod.ts";
import type { ChannelCredential } from "./credential.ts";
import { emailCredential } from "./email.ts";
import { slackCredential, webchatCredential, whatsappCredential } from "./plain.ts";
import { telegramCredential } from "./telegram.ts";

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
  { telegram }: PluginsConfig,
  line: { readonly channel: string; readonly instance: string },
): string | undefined {
  return line.channel === "telegram"
    ? telegram.find(({ instance }) => instance === line.instance)?.api_root
    : undefined;
}
