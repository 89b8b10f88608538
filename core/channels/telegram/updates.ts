/**
 * Telegram's updates as canonical messages: messages, edits, pressed buttons, reactions.
 *
 * @module
 */
import { z } from "zod";
import type { MediaKind, MessagePart } from "../../contract/mod.ts";
import type { Heard, HeardMessage } from "../channel.ts";

const User = z.looseObject({
  id: z.int(),
  first_name: z.string().optional(),
  last_name: z.string().optional(),
  username: z.string().optional(),
});
const Chat = z.looseObject({ id: z.int(), type: z.string(), title: z.string().optional() });
const File = z.looseObject({
  file_id: z.string().min(1),
  file_size: z.int().nonnegative().optional(),
  mime_type: z.string().optional(),
  file_name: z.string().optional(),
});
const Place = z.looseObject({ latitude: z.number(), longitude: z.number() });
const Button = z.looseObject({ text: z.string().optional(), callback_data: z.string().optional() });

const Message = z.looseObject({
  message_id: z.int(),
  message_thread_id: z.int().optional(),
  is_topic_message: z.boolean().optional(),
  date: z.int(),
  edit_date: z.int().optional(),
  chat: Chat,
  from: User.optional(),
  sender_chat: Chat.optional(),
  reply_to_message: z.looseObject({ message_id: z.int() }).optional(),
  text: z.string().optional(),
  caption: z.string().optional(),
  photo: z.array(File).optional(),
  audio: File.optional(),
  voice: File.optional(),
  video: File.optional(),
  video_note: File.optional(),
  animation: File.optional(),
  document: File.optional(),
  sticker: File.optional(),
  location: Place.optional(),
  venue: z.looseObject({ location: Place, title: z.string() }).optional(),
  contact: z.looseObject({ phone_number: z.string(), first_name: z.string() }).optional(),
  reply_markup: z.looseObject({ inline_keyboard: z.array(z.array(Button)).optional() }).optional(),
});
type Message = z.infer<typeof Message>;

const Reaction = z.looseObject({
  chat: Chat,
  message_id: z.int(),
  user: User.optional(),
  actor_chat: Chat.optional(),
  date: z.int(),
  new_reaction: z.array(z.looseObject({ type: z.string(), emoji: z.string().optional() })),
});

const Update = z.looseObject({
  update_id: z.int(),
  message: Message.optional(),
  edited_message: Message.optional(),
  channel_post: Message.optional(),
  callback_query: z.looseObject({
    id: z.string(),
    from: User,
    message: Message.optional(),
    data: z.string().optional(),
  }).optional(),
  message_reaction: Reaction.optional(),
});

/** The kinds of update that are asked for; Telegram leaves reactions out unless they are named. */
export const ALLOWED_UPDATES = [
  "message",
  "edited_message",
  "channel_post",
  "callback_query",
  "message_reaction",
] as const;

/** The name and id of an update, as the edge calls them; undefined for what is no update. */
export function nameUpdate(value: unknown): { kind: string; id: string } | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { update_id: id, ...rest } = value as Record<string, unknown>;
  const [kind] = Object.keys(rest);
  return typeof id === "number" && kind !== undefined ? { kind, id: String(id) } : undefined;
}

/** What an update says that came at `receivedAtMs`; updates of other kinds say nothing. */
export function hearUpdate(value: unknown, receivedAtMs: number): Heard {
  const update = Update.safeParse(value);
  const message = update.success ? messageOf(update.data, receivedAtMs) : undefined;
  return { messages: message === undefined ? [] : [message], receipts: [] };
}

function messageOf(
  update: z.infer<typeof Update>,
  receivedAtMs: number,
): HeardMessage | undefined {
  const { edited_message: edited, callback_query: pressed, message_reaction: reaction } = update;
  const written = update.message ?? update.channel_post;
  if (written !== undefined) {
    return said(written, { msgId: String(written.message_id), editOf: null });
  }
  if (edited !== undefined) {
    const id = String(edited.message_id);
    return said(edited, { msgId: `${id}/edit/${edited.edit_date ?? edited.date}`, editOf: id });
  }
  if (pressed?.message !== undefined && pressed.data !== undefined) {
    const { id, from, message, data } = pressed;
    return {
      ...where(message),
      parts: [{ kind: "choice", data, label: labelOf(message, data) }],
      sender: nameOf(from),
      msgId: `callback/${id}`,
      replyToMsgId: String(message.message_id),
      editOf: null,
      fromMe: false,
      // When it was pressed is not said, and the message may be old.
      sentAtMs: receivedAtMs,
    };
  }
  return reaction === undefined ? undefined : reactedTo(reaction);
}

function said(
  message: Message,
  { msgId, editOf }: { msgId: string; editOf: string | null },
): HeardMessage | undefined {
  const parts = partsOf(message);
  if (parts.length === 0) return undefined;
  const { from, sender_chat: behind, reply_to_message: answered } = message;
  return {
    ...where(message),
    parts,
    sender: from !== undefined ? nameOf(from) : behind === undefined ? null : nameOfChat(behind),
    msgId,
    replyToMsgId: answered === undefined ? null : String(answered.message_id),
    editOf,
    fromMe: false,
    sentAtMs: (message.edit_date ?? message.date) * 1000,
  };
}

/** The chat, or the topic in it, and where its answers go. */
function where(
  message: Pick<Message, "chat" | "message_thread_id" | "is_topic_message">,
): Pick<HeardMessage, "contact" | "chat" | "replyAddress"> {
  const { chat, message_thread_id: topic, is_topic_message: inTopic } = message;
  const to = String(chat.id);
  const thread = inTopic === true && topic !== undefined ? String(topic) : null;
  return {
    contact: thread === null ? to : `${to}/${thread}`,
    chat: chat.type === "private" ? "direct" : "group",
    replyAddress: { to, thread, extra: {} },
  };
}

function reactedTo(reaction: z.infer<typeof Reaction>): HeardMessage {
  const { chat, message_id: id, user, actor_chat: behind, date } = reaction;
  const sender = user !== undefined
    ? nameOf(user)
    : behind === undefined
    ? null
    : nameOfChat(behind);
  const emoji = reaction.new_reaction.find(({ type }) => type === "emoji")?.emoji ??
    (reaction.new_reaction.length > 0 ? "a custom sign" : null);
  return {
    ...where({ chat }),
    parts: [{ kind: "reaction", emoji, to_msg_id: String(id) }],
    sender,
    msgId: `reaction/${id}/${sender?.id ?? ""}/${date}`,
    replyToMsgId: String(id),
    editOf: null,
    fromMe: false,
    sentAtMs: date * 1000,
  };
}

function partsOf(message: Message): MessagePart[] {
  const { venue, location, contact } = message;
  const parts: MessagePart[] = [];
  const text = message.text ?? message.caption ?? "";
  if (text !== "") parts.push({ kind: "text", text });
  parts.push(...mediaOf(message));
  if (venue !== undefined) parts.push(placeOf(venue.location, venue.title));
  else if (location !== undefined) parts.push(placeOf(location, null));
  if (contact !== undefined) {
    parts.push({ kind: "text", text: `[contact: ${contact.first_name}, ${contact.phone_number}]` });
  }
  return parts;
}

/** The file of a message; an animation comes as a document as well, and is one file. */
function mediaOf(message: Message): MessagePart[] {
  const largest = message.photo?.toSorted((a, b) => (a.file_size ?? 0) - (b.file_size ?? 0)).at(-1);
  const found: readonly [MediaKind, z.infer<typeof File> | undefined, string | null][] = [
    ["image", largest, "image/jpeg"],
    ["audio", message.audio ?? message.voice, null],
    ["video", message.video ?? message.video_note ?? message.animation, null],
    ["document", message.animation === undefined ? message.document : undefined, null],
    ["sticker", message.sticker, null],
  ];
  return found.flatMap(([media, file, mime]) =>
    file === undefined ? [] : [{
      kind: "media" as const,
      media,
      ref: file.file_id,
      mime: file.mime_type ?? mime,
      name: file.file_name ?? null,
      size: file.file_size ?? null,
    }]
  );
}

function placeOf({ latitude, longitude }: z.infer<typeof Place>, name: string | null): MessagePart {
  return { kind: "location", latitude, longitude, name };
}

function labelOf({ reply_markup: markup }: Message, data: string): string | null {
  const buttons = markup?.inline_keyboard?.flat() ?? [];
  return buttons.find(({ callback_data }) => callback_data === data)?.text ?? null;
}

function nameOf({ id, first_name, last_name, username }: z.infer<typeof User>) {
  const name = [first_name, last_name].filter((part) => part !== undefined).join(" ");
  return { id: String(id), name: name === "" ? username ?? null : name };
}

function nameOfChat({ id, title }: z.infer<typeof Chat>) {
  return { id: String(id), name: title ?? null };
}
