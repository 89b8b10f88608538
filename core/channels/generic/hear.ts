/**
 * A webhook's body as messages, by the pointers of `plugins/generic.yaml`.
 *
 * @module
 */
import type { GenericInbound, MessagePart } from "../../contract/mod.ts";
import type { Heard, HeardMessage } from "../channel.ts";
import { kindOfMime } from "../media/kinds.ts";
import { textAt, valueAt } from "./pointer.ts";

const MAX_CONTACT_CHARS = 256;
/** More messages in one body than this are a mistake; the rest of them is left out. */
const MAX_MESSAGES = 1000;

/** What a body says; an item without contact and content says nothing. */
export function hearBody(body: unknown, rules: GenericInbound, receivedAtMs: number): Heard {
  const found = rules.messages === undefined ? [body] : valueAt(body, rules.messages);
  const items: readonly unknown[] = Array.isArray(found) ? found.slice(0, MAX_MESSAGES) : [];
  const messages = items.flatMap((item) => {
    const message = hearItem(item, rules, receivedAtMs);
    return message === undefined ? [] : [message];
  });
  return { messages, receipts: [] };
}

function hearItem(
  item: unknown,
  rules: GenericInbound,
  receivedAtMs: number,
): HeardMessage | undefined {
  for (const [pointer, wanted] of Object.entries(rules.only)) {
    if (valueAt(item, pointer) !== wanted) return undefined;
  }
  const contact = textAt(item, rules.contact)?.slice(0, MAX_CONTACT_CHARS) ?? "";
  const parts = partsOf(item, rules);
  if (contact === "" || parts.length === 0) return undefined;
  const sender = textAt(item, rules.sender_id);
  return {
    contact,
    chat: isSet(item, rules.group) ? "group" : "direct",
    parts,
    sender: { id: sender ?? contact, name: textAt(item, rules.sender_name) ?? null },
    msgId: textAt(item, rules.msg_id)?.slice(0, MAX_CONTACT_CHARS) ?? null,
    replyToMsgId: textAt(item, rules.reply_to) ?? null,
    editOf: null,
    fromMe: isSet(item, rules.from_me),
    replyAddress: { to: contact, thread: null, extra: {} },
    sentAtMs: timeOf(item, rules.sent_at) ?? receivedAtMs,
  };
}

function partsOf(item: unknown, { text, media }: GenericInbound): MessagePart[] {
  const parts: MessagePart[] = [];
  const words = textAt(item, text) ?? "";
  if (words !== "") parts.push({ kind: "text", text: words });
  const url = media === undefined ? undefined : textAt(item, media.url);
  if (media !== undefined && url !== undefined && URL.canParse(url)) {
    const mime = textAt(item, media.mime) ?? null;
    parts.push({
      kind: "media",
      media: kindOfMime(mime),
      ref: url,
      mime,
      name: textAt(item, media.name) ?? null,
      size: null,
    });
  }
  return parts;
}

/** Whether a member is there and says yes. */
function isSet(item: unknown, pointer: string | undefined): boolean {
  const value = pointer === undefined ? undefined : valueAt(item, pointer);
  return value === true || (typeof value === "string" && value !== "" && value !== "false") ||
    (typeof value === "number" && value !== 0);
}

function timeOf(item: unknown, rule: GenericInbound["sent_at"]): number | undefined {
  const text = rule === undefined ? undefined : textAt(item, rule.at);
  if (rule === undefined || text === undefined) return undefined;
  const ms = rule.format === "rfc3339"
    ? Date.parse(text)
    : Number(text) * (rule.format === "unix" ? 1000 : 1);
  return Number.isFinite(ms) && ms >= 0 && ms < 1e15 ? Math.floor(ms) : undefined;
}
