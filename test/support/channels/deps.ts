/**
 * What a channel under test is made with.
 *
 * @module
 */
import type { ChannelDeps } from "../../../core/channels/kind.ts";
import { createAddressCheck } from "../../../core/channels/media/addresses.ts";
import { createFetchMedia } from "../../../core/channels/media/fetch_media.ts";
import type { Handoff } from "../../../core/contract/mod.ts";
import { settingsOf } from "../settings.ts";
import { uuid } from "../spine.ts";
import { silentLog } from "../store.ts";

const AGENTS = "agents:\n  - { id: ana, model: { provider: offline, model: rules } }\n";

/** Dependencies over real settings; `plugin` is the text of `plugins/<channel>.yaml`. */
export async function channelDeps(
  channel: string,
  plugin: string,
  over: Partial<ChannelDeps> = {},
): Promise<ChannelDeps & { readonly delivered: Handoff[] }> {
  const settings = await settingsOf({ "agents.yaml": AGENTS, [`plugins/${channel}.yaml`]: plugin });
  const kept = new Map<string, string>();
  const delivered: Handoff[] = [];
  return {
    settings: () => settings,
    credentialOf: () => undefined,
    ownSecret: (purpose) => `secret-of-${purpose}`,
    publicUrl: () => undefined,
    fetchMedia: createFetchMedia({ isAllowed: createAddressCheck(["127.0.0.0/8"]) }),
    deliver(handoffs) {
      delivered.push(...handoffs);
      return Promise.resolve(handoffs.map(({ envelope: { envelope_id } }) => ({
        kind: "accepted",
        envelope_id,
      })));
    },
    envelopeOf: () => Promise.resolve(undefined),
    mcp: { server: () => undefined, call: () => Promise.reject(new Error("no MCP servers here")) },
    lastHeardMs: () => Promise.resolve(undefined),
    visitors: { log: { rowsForHeard: () => [], rowsForSent: () => [] }, typing: () => undefined },
    memory: {
      get: (key) => Promise.resolve(kept.get(key)),
      put(key, value) {
        kept.set(key, value);
        return Promise.resolve();
      },
    },
    uuid,
    now: Date.now,
    log: silentLog,
    delivered,
    ...over,
  };
}
