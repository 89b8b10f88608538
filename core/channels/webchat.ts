/**
 * The web channel: visitors talk to an instance, and read what it answered.
 *
 * @module
 */
import { z } from "zod";
import { CodedError, type ConversationKey } from "../contract/mod.ts";
import type { Settings } from "../settings/settings.ts";
import { answererOf } from "./answerer.ts";
import type { Channel, ChannelMessage } from "./channel.ts";
import type { ChannelKind } from "./kind.ts";

const instance = z.string().min(1).max(64);
const contact = z.string().min(1).max(128);

/** What the edge asks on behalf of a visitor. */
export const ChatRequest = z.discriminatedUnion("op", [
  z.strictObject({
    op: z.literal("say"),
    instance,
    contact,
    text: z.string().trim().min(1).max(8000),
    msg_id: z.string().min(1).max(128).nullish(),
  }),
  z.strictObject({
    op: z.literal("read"),
    instance,
    contact,
    /** The last message the visitor has. */
    after: z.string().max(64).nullish(),
  }),
]);
/** See {@linkcode ChatRequest}. */
export type ChatRequest = z.infer<typeof ChatRequest>;

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

/** A visitor's words as a canonical message. */
export function webchatMessage(
  settings: Settings,
  say: ChatRequest & { op: "say" },
  nowMs: number,
): ChannelMessage {
  return {
    key: webchatKey(settings, say),
    chat: "direct",
    parts: [{ kind: "text", text: say.text }],
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
 * The channel's way out. Visitors read their messages from the outbox, so a message is with them as
 * soon as its row says that it was sent.
 */
export const webchatChannel: Channel = {
  id: "webchat",
  sends: new Set(["text", "reply"]),
  repeats: true,
  send: (outbound) => Promise.resolve({ kind: "sent", receipt: outbound.id }),
};

/** See {@linkcode ChannelKind}. */
export const webchat: ChannelKind = {
  id: "webchat",
  textLimit: Number.MAX_SAFE_INTEGER,
  open: () => webchatChannel,
};
