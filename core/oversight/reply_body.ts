/**
 * An operator's reply as nexo's clients write it, as what a channel is asked to send.
 *
 * @module
 */
import {
  CodedError,
  type InterventionAction,
  MediaKind,
  type OutboundBody,
  type ReplyAddress,
} from "../contract/mod.ts";

type Reply = InterventionAction & { kind: "reply" };
type Json = NonNullable<Reply["attachments"]>[number];

/**
 * The body of a reply to `address`.
 *
 * @throws {CodedError} `invalid_params` in the words of nexo's translators
 */
export function bodyOf(reply: Reply, address: ReplyAddress | null): OutboundBody {
  const { msg_kind: kind, body: text } = reply;
  const answers = reply.reply_to_msg_id ?? null;
  const [attachment] = reply.attachments ?? [];
  const to = withSubject(address, reply.to, member(attachment, "subject"));
  switch (kind) {
    case "text":
      return { kind, text: filled("body", text), to, reply_to_msg_id: answers };
    case "reply":
      return {
        kind,
        text: filled("body", text),
        to,
        reply_to_msg_id: filled("reply_to_msg_id", answers),
      };
    case "media":
      return {
        kind,
        media: mediaOf(attachment),
        url: httpUrl(filled("attachments[0].url", member(attachment, "url"))),
        mime: member(attachment, "mime_type") ?? member(attachment, "mime") ?? null,
        name: member(attachment, "file_name") ?? member(attachment, "name") ?? null,
        caption: text.trim() === "" ? null : text,
        to,
        reply_to_msg_id: answers,
      };
    default:
      throw unsupported(kind);
  }
}

/** The refusal of a kind of message that the channel, or nobody, sends. */
export function unsupported(kind: string): CodedError {
  return new CodedError("invalid_params", `unsupported msg_kind: ${kind}`);
}

/** A mail says its subject in the attachment, as nexo's clients write it. */
function withSubject(
  address: ReplyAddress | null,
  to: string,
  subject: string | undefined,
): ReplyAddress | null {
  if (subject === undefined) return address;
  const { extra = {}, ...place } = address ?? { to, thread: null };
  return { ...place, extra: { ...extra, subject } };
}

function mediaOf(attachment: Json | undefined): MediaKind {
  const named = MediaKind.safeParse(member(attachment, "kind") ?? member(attachment, "media"));
  if (named.success) return named.data;
  const mime = member(attachment, "mime_type") ?? member(attachment, "mime") ?? "";
  const family = MediaKind.safeParse(mime.split("/")[0]);
  return family.success ? family.data : "document";
}

function member(value: Json | undefined, name: string): string | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const found = value[name];
  return typeof found === "string" ? found : undefined;
}

function filled(name: string, text: string | null | undefined): string {
  if (text == null || text.trim() === "") {
    throw new CodedError("invalid_params", `missing field: ${name}`);
  }
  return text;
}

function httpUrl(url: string): string {
  if (/^https?:$/.test(protocolOf(url))) return url;
  throw new CodedError(
    "invalid_params",
    "invalid value for attachments[0].url: it must be http or https",
  );
}

function protocolOf(url: string): string {
  try {
    return new URL(url).protocol;
  } catch {
    return "";
  }
}
