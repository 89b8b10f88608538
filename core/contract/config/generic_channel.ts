/**
 * `plugins/generic.yaml`: channels written in YAML, for services that speak webhooks and JSON.
 *
 * @module
 */
import { z } from "zod";
import { AccountId, Slug } from "../ids.ts";
import { Json, list, map, optional, Text, withDefault } from "./block.ts";
import { SourceFields } from "./webhook_source.ts";

const pointer = z.string().regex(
  /^(\/([^~/]|~[01])*)*$/,
  "must be a JSON pointer such as /from/id",
);
/** RFC 6901, from the message; several are joined, and those that lead nowhere left out. */
const pointers = z.union([pointer, z.array(pointer).min(1).max(8)]);

/** Where the parts of a message stand in a webhook's body. */
export const GenericInbound = z.strictObject({
  /** The list of messages in the body; absent means that the body is one. */
  messages: optional(pointer),
  /** What makes a conversation: the chat, or the person where there are no rooms. */
  contact: pointers,
  text: pointers,
  msg_id: optional(pointers),
  sender_id: optional(pointers),
  sender_name: optional(pointers),
  reply_to: optional(pointers),
  /** True, or a text other than the empty one, means a room. */
  group: optional(pointer),
  /** True means that our own side wrote it. */
  from_me: optional(pointer),
  sent_at: optional(z.strictObject({
    at: pointer,
    format: withDefault(z.enum(["unix", "unix_ms", "rfc3339"]), "unix_ms"),
  })),
  /** The address of a file, and what it is. */
  media: optional(z.strictObject({
    url: pointer,
    mime: optional(pointer),
    name: optional(pointer),
  })),
  /** Only messages whose members are these, by pointer. */
  only: map(z.string(), z.union([z.string(), z.number(), z.boolean()])),
});
/** See {@linkcode GenericInbound}. */
export type GenericInbound = z.infer<typeof GenericInbound>;

/** How an answer is posted. `{{to}}`, `{{text}}`, `{{reply_to}}`, … stand for the answer's. */
export const GenericOutbound = z.strictObject({
  /** Values in it are escaped as parts of an address. */
  url: z.string().regex(/^https?:\/\/[^\s]+$/, "must be an http or https address"),
  method: withDefault(z.enum(["POST", "PUT", "PATCH"]), "POST"),
  headers: map(z.string(), z.string()),
  /** JSON with placeholders in its texts; absent means all that is known of the answer. */
  body: optional(Json),
  /** Signs what is posted, as Standard Webhooks say: a text, or `whsec_` and base64. */
  signing_secret: optional(Text),
  /** The service's id of the message, in its answer. */
  receipt: optional(pointer),
});
/** See {@linkcode GenericOutbound}. */
export type GenericOutbound = z.infer<typeof GenericOutbound>;

const { preset, signature, handshake, answers, response, form, dedupe, body_cap_bytes } =
  SourceFields.shape;

/** The channels, each an instance. */
export const GenericConfig = list(z.strictObject({
  instance: withDefault(Slug, "default"),
  account_id: optional(AccountId),
  enabled: withDefault(z.boolean(), true),
  allow_agents: list(Text),
  /** How a webhook is proved, as in `webhook_receiver.yaml`. */
  webhook: z.strictObject({
    preset: withDefault(preset.unwrap(), "generic_hmac"),
    signature,
    handshake,
    answers,
    response,
    form,
    dedupe,
    body_cap_bytes,
    /** Absent: the `webhook_secret` of the credential registered for this instance. */
    secret: optional(Text),
    verify_token: optional(Text),
  }),
  inbound: GenericInbound,
  outbound: optional(GenericOutbound),
}));
/** See {@linkcode GenericConfig}. */
export type GenericConfig = z.infer<typeof GenericConfig>;
