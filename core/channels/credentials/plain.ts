/**
 * What credentials have in common whose payload is kept as it was given.
 *
 * @module
 */
import { type ChannelCredential, NOT_PROBED } from "./credential.ts";

/** A channel whose lines are listed at `path` of its own file, and that cannot be asked. */
export function plain(
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
