/**
 * What Slack posts: events of the Events API, pressed buttons, slash commands.
 *
 * @module
 */
import { z } from "zod";
import type { MessagePart } from "../../contract/mod.ts";
import type { Heard, HeardMessage } from "../channel.ts";
import { kindOfMime } from "../media/kinds.ts";

/** What is heard in rooms. */
export type Rooms = "all" | "mentions";

const File = z.looseObject({
  id: z.string().min(1),
  name: z.string().nullish(),
  mimetype: z.string().optional(),
  size: z.int().nonnegative().optional(),
  url_private: z.url().optional(),
});
const Said = z.looseObject({
  user: z.string().optional(),
  bot_id: z.string().optional(),
  text: z.string().optional(),
  ts: z.string().regex(/^\d+\.\d+$/),
  thread_ts: z.string().optional(),
  edited: z.looseObject({ ts: z.string() }).optional(),
  files: z.array(z.unknown()).optional(),
});
type Said = z.infer<typeof Said>;

const Message = Said.partial({ ts: true }).extend({
  type: z.enum(["message", "app_mention"]),
  subtype: z.string().optional(),
  channel: z.string().min(1),
  channel_type: z.string().optional(),
  /** Of a changed message: what it is now. */
  message: Said.optional(),
});
const Reaction = z.looseObject({
  type: z.enum(["reaction_added", "reaction_removed"]),
  user: z.string(),
  reaction: z.string(),
  item: z.looseObject({ type: z.literal("message"), channel: z.string().min(1), ts: z.string() }),
  event_ts: z.string().regex(/^\d+\.\d+$/),
});
const Callback = z.looseObject({
  type: z.literal("event_callback"),
  authorizations: z.array(z.looseObject({ user_id: z.string().nullish() })).optional(),
  event: z.unknown(),
});
const Action = z.looseObject({
  action_id: z.string(),
  action_ts: z.string().optional(),
  value: z.string().optional(),
  text: z.looseObject({ text: z.string() }).optional(),
  selected_option: z.looseObject({
    value: z.string(),
    text: z.looseObject({ text: z.string() }).optional(),
  }).nullish(),
});
const Pressed = z.looseObject({
  type: z.literal("block_actions"),
  trigger_id: z.string(),
  user: z.looseObject({ id: z.string(), name: z.string().optional() }),
  channel: z.looseObject({ id: z.string().min(1) }),
  message: z.looseObject({ ts: z.string(), thread_ts: z.string().optional() }).optional(),
  actions: z.array(Action).min(1),
});
const Command = z.looseObject({
  command: z.string().startsWith("/"),
  text: z.string().default(""),
  trigger_id: z.string(),
  user_id: z.string(),
  user_name: z.string().optional(),
  channel_id: z.string().min(1),
});

/** Kinds of message people write; all others are Slack's own words or come from programs. */
const WRITTEN = new Set([undefined, "file_share", "thread_broadcast", "me_message"]);

/** What an event says that came at `receivedAtMs`; events of other kinds say nothing. */
export function hearEvent(value: unknown, rooms: Rooms, receivedAtMs: number): Heard {
  const message = hearCallback(value, rooms) ?? hearPressed(value, receivedAtMs) ??
    hearCommand(value, receivedAtMs);
  return { messages: message === undefined ? [] : [message], receipts: [] };
}

function hearCallback(value: unknown, rooms: Rooms): HeardMessage | undefined {
  const callback = Callback.safeParse(value);
  if (!callback.success) return undefined;
  const { event, authorizations } = callback.data;
  const reaction = Reaction.safeParse(event);
  if (reaction.success) return reacted(reaction.data);
  const message = Message.safeParse(event);
  if (!message.success) return undefined;
  const self = authorizations?.[0]?.user_id ?? undefined;
  const heard = message.data.subtype === "message_changed"
    ? changed(message.data)
    : written(message.data);
  if (heard === undefined || heard.sender?.id === self) return undefined;
  const isMeant = rooms === "all" || heard.chat === "direct" ||
    message.data.type === "app_mention" || isNamed(message.data, self);
  return isMeant ? heard : undefined;
}

function isNamed({ text = "", message }: z.infer<typeof Message>, self: string | undefined) {
  return self !== undefined && `${text}${message?.text ?? ""}`.includes(`<@${self}>`);
}

function written(event: z.infer<typeof Message>): HeardMessage | undefined {
  const { subtype, ts } = event;
  if (!WRITTEN.has(subtype) || ts === undefined) return undefined;
  return said({ ...event, ts }, event, { msgId: ts, editOf: null });
}

/** Slack also changes messages by itself, to show what a link leads to; then nobody edited them. */
function changed(event: z.infer<typeof Message>): HeardMessage | undefined {
  const { message } = event;
  if (message?.edited === undefined) return undefined;
  const msgId = `${message.ts}/edit/${message.edited.ts}`;
  return said(message, event, { msgId, editOf: message.ts });
}

function said(
  message: Said,
  { channel, channel_type: kind }: z.infer<typeof Message>,
  { msgId, editOf }: { msgId: string; editOf: string | null },
): HeardMessage | undefined {
  const { user, bot_id: bot, text = "", ts, thread_ts: thread, files } = message;
  // Programs that answer programs never stop.
  if (bot !== undefined || user === undefined) return undefined;
  const parts: MessagePart[] = [];
  if (text !== "") parts.push({ kind: "text", text: plainOf(text) });
  parts.push(...filesOf(files));
  if (parts.length === 0) return undefined;
  return {
    ...where(channel, thread ?? ts, thread !== undefined, kind),
    parts,
    sender: { id: user, name: null },
    msgId,
    replyToMsgId: thread !== undefined && thread !== ts ? thread : null,
    editOf,
    fromMe: false,
    sentAtMs: Math.floor(Number(message.edited?.ts ?? ts) * 1000),
  };
}

/**
 * The conversation of a message: a thread, which each message in a room begins; between two people the
 * whole chat, and a thread in it apart.
 */
function where(
  channel: string,
  thread: string,
  inThread: boolean,
  kind: string | undefined,
): Pick<HeardMessage, "contact" | "chat" | "replyAddress"> {
  const direct = kind === "im" || (kind === undefined && channel.startsWith("D"));
  if (direct && !inThread) {
    return {
      contact: channel,
      chat: "direct",
      replyAddress: { to: channel, thread: null, extra: {} },
    };
  }
  return {
    contact: `${channel}/${thread}`,
    chat: direct ? "direct" : "group",
    replyAddress: { to: channel, thread, extra: {} },
  };
}

function reacted({ type, user, reaction, item, event_ts: ts }: z.infer<typeof Reaction>) {
  const emoji = type === "reaction_added" ? `:${reaction}:` : null;
  return {
    ...where(item.channel, item.ts, false, undefined),
    parts: [{ kind: "reaction" as const, emoji, to_msg_id: item.ts }],
    sender: { id: user, name: null },
    msgId: `reaction/${ts}`,
    replyToMsgId: item.ts,
    editOf: null,
    fromMe: false,
    sentAtMs: Math.floor(Number(ts) * 1000),
  };
}

function hearPressed(value: unknown, receivedAtMs: number): HeardMessage | undefined {
  const pressed = Pressed.safeParse(value);
  if (!pressed.success) return undefined;
  const { trigger_id: id, user, channel, message, actions } = pressed.data;
  const thread = message?.thread_ts ?? message?.ts;
  return {
    ...where(channel.id, thread ?? id, message?.thread_ts !== undefined, undefined),
    parts: actions.map(({ action_id, value: given, text, selected_option: option }) => ({
      kind: "choice",
      data: option?.value ?? given ?? action_id,
      label: option?.text?.text ?? text?.text ?? null,
    })),
    sender: { id: user.id, name: user.name ?? null },
    msgId: `action/${id}`,
    replyToMsgId: message?.ts ?? null,
    editOf: null,
    fromMe: false,
    sentAtMs: receivedAtMs,
  };
}

function hearCommand(value: unknown, receivedAtMs: number): HeardMessage | undefined {
  const command = Command.safeParse(value);
  if (!command.success) return undefined;
  const { command: name, text, trigger_id: id, user_id, user_name, channel_id } = command.data;
  const direct = channel_id.startsWith("D");
  return {
    // A command is no message, so no thread can begin at it: its answer stands in the room.
    contact: channel_id,
    chat: direct ? "direct" : "group",
    replyAddress: { to: channel_id, thread: null, extra: {} },
    parts: [{ kind: "text", text: `${name} ${text}`.trim() }],
    sender: { id: user_id, name: user_name ?? null },
    msgId: `command/${id}`,
    replyToMsgId: null,
    editOf: null,
    fromMe: false,
    sentAtMs: receivedAtMs,
  };
}

function filesOf(files: readonly unknown[] = []): MessagePart[] {
  return files.flatMap((item): MessagePart[] => {
    const file = File.safeParse(item);
    if (!file.success) return [];
    const { id, name = null, mimetype: mime = null, size = null, url_private: url } = file.data;
    return [{ kind: "media", media: kindOfMime(mime), ref: url ?? id, mime, name, size }];
  });
}

/** Slack's text as people wrote it: links as addresses, escapes undone. */
export function plainOf(text: string): string {
  return text
    .replaceAll(/<(https?:[^|>]+|mailto:[^|>]+)(?:\|[^>]*)?>/g, "$1")
    .replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}
