/**
 * What is said on a channel, whichever it is: the parts of a message, and where its answer goes.
 *
 * @module
 */
import { z } from "zod";

/** What a file is to people. */
export const MediaKind = z.enum(["image", "audio", "video", "document", "sticker"]);
/** See {@linkcode MediaKind}. */
export type MediaKind = z.infer<typeof MediaKind>;

/** One part of a message that came in. */
export const MessagePart = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("text"), text: z.string() }),
  /** A file; its bytes stay with the provider until somebody asks for them. */
  z.strictObject({
    kind: z.literal("media"),
    media: MediaKind,
    /** How the channel finds it again: Telegram's `file_id`, WhatsApp's media id, an address. */
    ref: z.string().min(1),
    /** As the provider says; never trusted for what the bytes are. */
    mime: z.string().nullable(),
    name: z.string().nullable(),
    /** Bytes, as the provider says. */
    size: z.int().nonnegative().nullable(),
  }),
  z.strictObject({
    kind: z.literal("location"),
    latitude: z.number(),
    longitude: z.number(),
    name: z.string().nullable(),
  }),
  /** A sign put on another message; null takes it away. */
  z.strictObject({
    kind: z.literal("reaction"),
    emoji: z.string().nullable(),
    to_msg_id: z.string(),
  }),
  /** A button that was pressed or a line that was chosen. */
  z.strictObject({ kind: z.literal("choice"), data: z.string(), label: z.string().nullable() }),
]);
/** See {@linkcode MessagePart}. */
export type MessagePart = z.infer<typeof MessagePart>;

/** A conversation of two, or a room with more. */
export const ChatKind = z.enum(["direct", "group"]);
/** See {@linkcode ChatKind}. */
export type ChatKind = z.infer<typeof ChatKind>;

/** Where an answer goes, as the channel wrote it down when the message came in. */
export const ReplyAddress = z.strictObject({
  /** The chat, person or mailbox. */
  to: z.string().min(1),
  /** The thread within it: Slack's `thread_ts`, Telegram's topic, the `Message-ID` of a mail. */
  thread: z.string().nullable().default(null),
  /** What else the channel wants to see again: the subject and references of a mail. */
  extra: z.record(z.string(), z.string()).default({}),
});
/** See {@linkcode ReplyAddress}. */
export type ReplyAddress = z.infer<typeof ReplyAddress>;

/** A message's parts as a model and people read them: text as it is, all else in square brackets. */
export function textOfParts(parts: readonly MessagePart[]): string {
  return parts.map(partText).filter((text) => text !== "").join("\n");
}

function partText(part: MessagePart): string {
  switch (part.kind) {
    case "text":
      return part.text;
    case "media": {
      const about = [part.name, part.mime].filter((word) => word !== null && word !== "");
      return `[${[part.media, ...about].join(": ")}]`;
    }
    case "location": {
      const name = part.name === null ? "" : `${part.name}, `;
      return `[location: ${name}${part.latitude}, ${part.longitude}]`;
    }
    case "reaction":
      return part.emoji === null ? "[took a reaction back]" : `[reacted with ${part.emoji}]`;
    case "choice":
      return part.label ?? part.data;
  }
}
