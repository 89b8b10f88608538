/**
 * A mail as a canonical message; a thread is a conversation with one sender.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import type { EmailConfig, Envelope, MessagePart } from "../../contract/mod.ts";
import type { Heard } from "../channel.ts";
import { kindOfMime } from "../media/kinds.ts";
import { type Mail, readMail } from "./mime.ts";

type Account = EmailConfig["accounts"][number];

/** The rules of one mailbox. */
export interface MailRules {
  readonly account: Pick<Account, "address" | "filters">;
  readonly config: Pick<EmailConfig, "loop_prevention" | "max_body_bytes">;
}

const Body = z.union([
  z.object({ raw_base64: z.base64() }),
  z.object({ raw: z.string() }),
]);

const NOTHING: Heard = { messages: [], receipts: [] };
/** A contact has room for a sender and a thread; a longer id of a thread stands in for itself. */
const MAX_ROOT_CHARS = 160;
const MAX_ADDRESS_CHARS = 254;

/** The raw mail in an event; undefined when there is none. */
export function rawMail({ body_json: body }: Pick<Envelope, "body_json">): Uint8Array | undefined {
  const parsed = Body.safeParse(body);
  if (!parsed.success) return undefined;
  return "raw" in parsed.data
    ? new TextEncoder().encode(parsed.data.raw)
    : Buffer.from(parsed.data.raw_base64, "base64");
}

/** What a mail says: a message, or what became of one of ours; nothing, when no person wrote it. */
export async function hearMail(envelope: Envelope, rules: MailRules): Promise<Heard> {
  const raw = rawMail(envelope);
  if (raw === undefined) return NOTHING;
  let mail: Mail;
  try {
    mail = await readMail(raw);
  } catch {
    return NOTHING; // it is kept with its delivery, and no program can read it
  }
  const { bounce } = mail;
  if (bounce !== null) return bouncedOf(bounce, mail, envelope);
  const { from } = mail;
  if (from === null || from.address.length > MAX_ADDRESS_CHARS || !isHeard(mail, rules)) {
    return NOTHING;
  }
  const parts = partsOf(mail, envelope.envelope_id, rules.config.max_body_bytes);
  if (parts.length === 0) return NOTHING;
  const own = rules.account.address.toLowerCase();
  const { messageId, references } = mail;
  const root = references[0] ?? messageId ?? `<${envelope.envelope_id}@unknown>`;
  return {
    messages: [{
      contact: contactOf(from.address, root),
      chat: "direct",
      parts,
      sender: { id: from.address, name: from.name },
      msgId: messageId ?? `<${hash(Buffer.from(raw))}@unknown>`,
      replyToMsgId: references.at(-1) ?? null,
      editOf: null,
      fromMe: from.address === own,
      replyAddress: {
        to: mail.replyTo ?? from.address,
        thread: messageId,
        extra: {
          subject: /^re:/i.test(mail.subject) ? mail.subject : `Re: ${mail.subject}`.trim(),
          references: [...references, ...(messageId === null ? [] : [messageId])].join(" "),
        },
      },
      sentAtMs: mail.sentAtMs ?? envelope.received_at_ms,
    }],
    receipts: [],
  };
}

/** What one sender writes in one thread; nobody joins it who only knows the id of a mail. */
export function contactOf(address: string, root: string): string {
  return `${address} ${root.length > MAX_ROOT_CHARS ? `<${hash(root)}>` : root}`;
}

/** The address and thread in a contact, which may also be an address alone. */
export function addressIn(contact: string): { address: string; root: string | null } {
  const [address = "", root = null] = contact.split(" ");
  return { address, root };
}

function hash(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex").slice(0, 32);
}

function isHeard(mail: Mail, { account, config }: MailRules): boolean {
  const { auto_submitted, list_headers, self_from } = config.loop_prevention;
  const from = mail.from?.address ?? "";
  if (self_from && from === account.address.toLowerCase()) return false;
  const isAnswer = mail.automatic === "auto-submitted" || mail.automatic === "return-path";
  if (mail.automatic !== null && (isAnswer ? auto_submitted : list_headers)) return false;
  const { from_allowlist: allowed, from_denylist: denied } = account.filters;
  return !denied.some((rule) => fits(from, rule)) &&
    (allowed.length === 0 || allowed.some((rule) => fits(from, rule)));
}

/** Whether an address is the one of a rule, or of its domain: `@acme.example`. */
function fits(address: string, rule: string): boolean {
  const wanted = rule.trim().toLowerCase().replace(/^\*(?=@)/, "");
  return wanted.startsWith("@") ? address.endsWith(wanted) : address === wanted;
}

function partsOf(mail: Mail, envelopeId: string, maxBytes: number): MessagePart[] {
  // What a thread is about is said once; the mails of its course only repeat it.
  const subject = mail.references.length === 0 && mail.subject !== ""
    ? `Subject: ${mail.subject}\n\n`
    : "";
  const text = cut(`${subject}${mail.text}`, maxBytes).trim();
  return [
    ...(text === "" ? [] : [{ kind: "text" as const, text }]),
    ...mail.files.map(({ name, mime, bytes }, i): MessagePart => ({
      kind: "media",
      media: kindOfMime(mime),
      ref: `${envelopeId}/${i}`,
      mime,
      name,
      size: bytes.length,
    })),
  ];
}

function cut(text: string, maxBytes: number): string {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= maxBytes) return text;
  return `${new TextDecoder().decode(bytes.subarray(0, maxBytes)).replace(/\ufffd+$/, "")} […]`;
}

/** Our mails carry our own id, by which the one that came back is found. */
function bouncedOf(
  { messageId, reason }: NonNullable<Mail["bounce"]>,
  { sentAtMs }: Mail,
  { received_at_ms }: Envelope,
): Heard {
  const [outboundId = null] = messageId.slice(1).split("@");
  return {
    messages: [],
    receipts: [{
      msgId: messageId,
      outboundId,
      status: "failed",
      reason,
      atMs: sentAtMs ?? received_at_ms,
    }],
  };
}
