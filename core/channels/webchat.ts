/**
 * The web channel: visitors talk to an instance, and read what it answered.
 *
 * @module
 */
import {
  type ChatFile,
  type ChatRequest,
  CodedError,
  type ConversationKey,
} from "../contract/mod.ts";
import type { Settings } from "../settings/settings.ts";
import { answererOf } from "./answerer.ts";
import type { Channel, ChannelMessage } from "./channel.ts";
import type { ChannelKind } from "./kind.ts";
import { kindOfMime } from "./media/kinds.ts";

/**
 * The conversation of a visitor with whoever answers this instance.
 *
 * @throws {CodedError} `not_found` when nobody does, also for a suspended tenant
 */
export function webchatKey(
  settings: Settings,
  { instance, contact }: { instance: string; contact: string },
): ConversationKey {
  try {
    const { account, agentId } = answererOf(settings, "webchat", instance);
    return { account_id: account, agent_id: agentId, channel: "webchat", instance, contact };
  } catch (error) {
    // A visitor learns no more than that; operators find the reason with `nexo check`.
    const message = `Cannot chat on "${instance}": no active agent answers there`;
    throw new CodedError("not_found", message, { cause: error });
  }
}

/** A visitor's words and files as a canonical message. */
export function webchatMessage(
  settings: Settings,
  say: ChatRequest & { op: "say" },
  nowMs: number,
  files: readonly ChatFile[] = [],
): ChannelMessage {
  return {
    key: webchatKey(settings, say),
    chat: "direct",
    parts: [
      ...(say.text === "" ? [] : [{ kind: "text" as const, text: say.text }]),
      ...files.map(({ id, name, mime, size }) => ({
        kind: "media" as const,
        media: kindOfMime(mime),
        ref: id,
        mime,
        name,
        size,
      })),
    ],
    sender: { id: say.contact, name: null },
    msgId: say.msg_id ?? null,
    replyToMsgId: null,
    editOf: null,
    fromMe: false,
    replyAddress: null,
    sentAtMs: nowMs,
  };
}

/**
 * The channel's way out. Visitors read their messages from the log that is written with the row that
 * says that they were sent, so a message is with them from then on.
 */
export const webchatChannel: Channel = {
  id: "webchat",
  sends: new Set(["text", "reply", "media", "typing"]),
  repeats: true,
  deliverByRows: ({ id }) => id,
  send: ({ id }) => Promise.resolve({ kind: "sent", receipt: id }),
};

/** See {@linkcode ChannelKind}. */
export const webchat: ChannelKind = {
  id: "webchat",
  textLimit: Number.MAX_SAFE_INTEGER,
  open: ({ visitors, publicUrl }) => ({
    ...webchatChannel,
    rowsForHeard: visitors.log.rowsForHeard,
    rowsForSent: visitors.log.rowsForSent,
    send(outbound, options) {
      if (outbound.body.kind === "typing") visitors.typing(outbound.session_id);
      return webchatChannel.send(outbound, options);
    },
    linkTo(instance, parameter) {
      const url = publicUrl();
      // Behind the hash it is in nobody's log.
      const link = url === undefined ? undefined : `${url}/chat/${instance}#${parameter}`;
      return Promise.resolve(link);
    },
  }),
};
