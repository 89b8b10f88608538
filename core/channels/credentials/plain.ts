/**
 * Channels that keep a credential and cannot be asked about it.
 *
 * @module
 */
import { type ChannelCredential, NOT_PROBED } from "./credential.ts";

/** A channel whose lines are listed at `path` of its own file. */
function plain(
  channel: string,
  path: readonly [string, ...string[]],
  secrets: readonly string[] = [],
): ChannelCredential {
  return {
    channel,
    needsInstance: false,
    problemOf: () => undefined,
    place: { file: `plugins/${channel}.yaml`, path, secrets },
    fieldsFor: () => secrets.length > 0 ? { enabled: true } : {},
    probe: () => Promise.resolve(NOT_PROBED),
  };
}

/** See {@linkcode ChannelCredential}. */
export const webchatCredential = plain("webchat", ["webchat", "instances"]);
/** See {@linkcode ChannelCredential}. */
export const whatsappCredential = plain("whatsapp", ["whatsapp"], [
  "phone_number_id",
  "access_token",
  "app_secret",
  "verify_token",
]);
/** See {@linkcode ChannelCredential}. */
export const slackCredential = plain("slack", ["slack"], ["bot_token", "signing_secret"]);
