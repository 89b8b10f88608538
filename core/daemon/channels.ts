/**
 * The channels as the daemon wires them.
 *
 * @module
 */
import type { ChannelDeps, ChannelMemory } from "../channels/kind.ts";
import { createAddressCheck } from "../channels/media/addresses.ts";
import { createFetchMedia } from "../channels/media/fetch_media.ts";
import { openChannels } from "../channels/registry.ts";
import type { Channel } from "../channels/channel.ts";
import { CodedError } from "../contract/mod.ts";
import type { ChatLog } from "../queues/chat_log.ts";
import type { Inbounds } from "../queues/inbounds.ts";
import type { Inbox } from "../queues/inbox.ts";
import type { Settings } from "../settings/settings.ts";
import { statement, type Store } from "../store/store.ts";
import type { Credentials } from "../vault/credentials.ts";
import type { Vault } from "../vault/vault.ts";

/** The variable that lets media lie at more than public addresses: addresses and CIDR ranges, by commas. */
const FETCH_ALLOW = "NEXO_FETCH_ALLOW";

/** What the daemon's channels stand on. */
export interface DaemonChannelDeps
  extends Pick<ChannelDeps, "deliver" | "mcp" | "uuid" | "now" | "log" | "settings"> {
  readonly store: Store;
  readonly vault: Vault;
  readonly credentials: Credentials;
  readonly inbounds: Inbounds;
  readonly inbox: Inbox;
  readonly chatLog: ChatLog;
  /** Tells a visitor of the web chat that an answer is being written. */
  readonly tellTyping: (sessionId: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Opens all channels; `deliver` is called only by what is attended later. */
export function openDaemonChannels(deps: DaemonChannelDeps): ReadonlyMap<string, Channel> {
  const { store, vault, credentials, settings, inbounds, inbox } = deps;
  return openChannels({
    ...deps,
    credentialOf: (channel, instance) => credentials.open({ channel, instance })?.payload,
    ownSecret: (purpose) => vault.mac("channels", purpose),
    publicUrl: () => publicUrlOf(settings()),
    fetchMedia: createFetchMedia({ isAllowed: createAddressCheck(extraAddresses(deps.env)) }),
    lastHeardMs: (account, sessionId) => inbounds.lastHeardMs(account, sessionId),
    envelopeOf: async (id) => (await inbox.showForOperator(id))?.envelope ?? undefined,
    visitors: { log: deps.chatLog, typing: deps.tellTyping },
    memory: channelMemory(store),
  });
}

/** Where the internet finds the edge, without a slash at its end. */
function publicUrlOf({ webhooks }: Settings): string | undefined {
  return webhooks.public_url?.replace(/\/$/, "");
}

/** @throws {CodedError} `config_invalid` */
function extraAddresses(env: DaemonChannelDeps["env"]): string[] {
  const ranges = (env[FETCH_ALLOW] ?? "").split(",").map((range) => range.trim())
    .filter((range) => range !== "");
  try {
    createAddressCheck(ranges);
  } catch (error) {
    const message = `${FETCH_ALLOW} must be addresses or CIDR ranges, by commas`;
    throw new CodedError("config_invalid", message, { cause: error });
  }
  return ranges;
}

/** Texts in the table `meta`. */
function channelMemory(store: Store): ChannelMemory {
  const keyOf = (key: string) => `channel/${key}`;
  return {
    async get(key) {
      const [row] = await store.read<{ value: string }>(
        "SELECT value FROM meta WHERE key = ?",
        [keyOf(key)],
      );
      return row?.value;
    },
    async put(key, value) {
      await store.commit([statement(
        "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
        [keyOf(key), value],
      )]);
    },
  };
}
