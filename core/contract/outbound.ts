/**
 * What a channel is asked to send, whichever it is.
 *
 * @module
 */
import { z } from "zod";
import { MediaKind, ReplyAddress } from "./message.ts";

const common = {
  /** Where to; null means the contact itself, which each channel can write to. */
  to: ReplyAddress.nullable().default(null),
  /** The channel's id of the message this answers; threads are built with it, nothing is quoted. */
  reply_to_msg_id: z.string().nullable().default(null),
};

/** A message on its way out. Sealed on disk, so members may only be added with a default. */
export const OutboundBody = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("text"),
    text: z.string(),
    /** A code in the text that its reader is to pass on; shown by itself where a channel can. */
    code: z.string().optional(),
    ...common,
  }),
  /** Text that quotes the message it answers, where a channel can. */
  z.strictObject({
    kind: z.literal("reply"),
    text: z.string(),
    to: common.to,
    reply_to_msg_id: z.string(),
  }),
  /** A file at a public address. */
  z.strictObject({
    kind: z.literal("media"),
    media: MediaKind,
    url: z.url({ protocol: /^https?$/ }),
    mime: z.string().nullable().default(null),
    name: z.string().nullable().default(null),
    caption: z.string().nullable().default(null),
    ...common,
  }),
  /** A text the provider has approved beforehand, for example outside WhatsApp's 24 hours. */
  z.strictObject({
    kind: z.literal("template"),
    name: z.string().min(1),
    language: z.string().min(1),
    /** What is put into its places, in order. */
    parameters: z.array(z.string()).default([]),
    ...common,
  }),
  /** "… is typing": gone after some seconds, and nothing is lost when it does not arrive. */
  z.strictObject({ kind: z.literal("typing"), ...common }),
]);
/** See {@linkcode OutboundBody}. */
export type OutboundBody = z.infer<typeof OutboundBody>;

/** An outbound body as people read it. */
export function textOfBody(body: OutboundBody): string {
  switch (body.kind) {
    case "text":
    case "reply":
      return body.text;
    case "media":
      return body.caption ?? `[${body.media}: ${body.name ?? body.url}]`;
    case "template":
      return [`[template: ${body.name}]`, ...body.parameters].join(" ");
    case "typing":
      return "";
  }
}
