/**
 * What a channel server's notification says: a person's words, and where they stand.
 *
 * @module
 */
import { z } from "zod";
import type { ChatKind } from "../../contract/mod.ts";
import type { HeardMessage } from "../channel.ts";

/** The params of `notifications/nexo/channel`. */
const Notice = z.looseObject({
  content: z.string(),
  meta: z.record(z.string(), z.unknown()).optional(),
});

/** Members of `meta` that say where an answer goes; all that are there make the conversation. */
const PLACES = [
  "to",
  "channel_id",
  "room_id",
  "conversation_id",
  "chat_id",
  "thread_id",
  "thread_ts",
] as const;
const SENDERS = ["user_id", "sender_id", "user", "sender", "from"];
const NAMES = ["user_name", "username", "sender_name", "user", "sender"];
const IDS = ["message_id", "msg_id", "id"];
const GROUPS = new Set(["group", "supergroup", "channel", "room"]);

const SAFE_NAME = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;
const MAX_FIELDS = 32;
const MAX_FIELD_CHARS = 256;
/** A conversation's key has room for as much. */
const MAX_CONTACT_CHARS = 500;
/** Of a server that says nothing of where it heard something: there is one place. */
const ONLY_PLACE = "server";

/** How much of what a server says is heard. */
export interface NoticeRules {
  /** 0 means no limit. */
  readonly maxChars: number;
  /** Senders and chats; empty means all. */
  readonly allowlist: readonly string[];
}

/** The message in a notification; undefined when it holds none, or none that may be heard. */
export function hearNotice(
  params: unknown,
  { maxChars, allowlist }: NoticeRules,
  receivedAtMs: number,
): HeardMessage | undefined {
  const notice = Notice.safeParse(params);
  if (!notice.success || notice.data.content.trim() === "") return undefined;
  const meta = fieldsOf(notice.data.meta ?? {});
  const contact = contactOf(meta);
  if (contact.length > MAX_CONTACT_CHARS) return undefined;
  const sender = first(meta, SENDERS);
  const known = [sender, ...PLACES.map((name) => meta.get(name))];
  if (allowlist.length > 0 && !allowlist.some((allowed) => known.includes(allowed))) {
    return undefined;
  }
  return {
    contact,
    chat: chatOf(meta),
    parts: [{ kind: "text", text: cut(notice.data.content, maxChars) }],
    sender: sender === undefined ? null : { id: sender, name: first(meta, NAMES) ?? null },
    msgId: first(meta, IDS) ?? null,
    replyToMsgId: meta.get("reply_to") ?? null,
    editOf: null,
    fromMe: false,
    replyAddress: { to: contact, thread: null, extra: Object.fromEntries(meta) },
    sentAtMs: receivedAtMs,
  };
}

/** The server's own id of a message, within its conversation; undefined when it gives none. */
export function noticeId(params: unknown): string | undefined {
  const meta = fieldsOf(Notice.safeParse(params).data?.meta ?? {});
  const id = first(meta, IDS);
  return id === undefined ? undefined : `${contactOf(meta)}/${id}`;
}

/** What a contact stands for: the members of `meta` it was made of. */
export function placesIn(contact: string): Record<string, string> {
  return contact === ONLY_PLACE ? {} : Object.fromEntries(new URLSearchParams(contact));
}

/** Names that could be more than names are left out, as is all that is no text or number. */
function fieldsOf(meta: Readonly<Record<string, unknown>>): Map<string, string> {
  const fields = Object.entries(meta).flatMap(([name, value]): [string, string][] =>
    SAFE_NAME.test(name) && (typeof value === "string" || typeof value === "number")
      ? [[name, String(value).slice(0, MAX_FIELD_CHARS)]]
      : []
  );
  return new Map(fields.slice(0, MAX_FIELDS));
}

function contactOf(meta: ReadonlyMap<string, string>): string {
  const places = new URLSearchParams();
  for (const name of PLACES) {
    const value = meta.get(name);
    if (value !== undefined && value !== "") places.set(name, value);
  }
  return places.size === 0 ? ONLY_PLACE : places.toString();
}

function chatOf(meta: ReadonlyMap<string, string>): ChatKind {
  const isGroup = GROUPS.has(meta.get("chat_type") ?? "") || meta.get("is_group") === "true";
  return isGroup ? "group" : "direct";
}

function first(meta: ReadonlyMap<string, string>, names: readonly string[]): string | undefined {
  return names.map((name) => meta.get(name)).find((value) => value !== undefined && value !== "");
}

function cut(text: string, maxChars: number): string {
  const chars = maxChars === 0 ? [] : Array.from(text);
  return chars.length <= maxChars ? text : `${chars.slice(0, maxChars).join("")}…`;
}
