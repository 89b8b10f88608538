/**
 * A raw mail as what a person said: who, to what, in which thread, with which files.
 *
 * @module
 */
import type { Address, Email } from "postal-mime";

/** A mail, read. */
export interface Mail {
  readonly messageId: string | null;
  /** The thread, oldest first: what it refers to and answers. */
  readonly references: readonly string[];
  readonly from: { readonly address: string; readonly name: string | null } | null;
  /** Where answers go; the sender when nothing else is said. */
  readonly replyTo: string | null;
  readonly subject: string;
  readonly text: string;
  readonly sentAtMs: number | null;
  readonly files: readonly MailFile[];
  /** Why nobody may answer it: a program wrote it, or a list sent it. */
  readonly automatic: string | null;
  /** What could not be delivered: the id of the mail it was, and why. */
  readonly bounce: { readonly messageId: string; readonly reason: string } | null;
}

/** A file in a mail. */
export interface MailFile {
  readonly name: string | null;
  readonly mime: string;
  readonly bytes: Uint8Array;
}

const MAX_REFERENCES = 50;
const ID = /<[^<>\s]{1,250}>/g;

/** Reads a mail. @throws when it is nested or headed beyond reason */
export async function readMail(raw: Uint8Array): Promise<Mail> {
  // Loaded when the first mail comes: most installations have no mailbox.
  const { default: PostalMime } = await import("postal-mime");
  const email = await PostalMime.parse(raw, { maxNestingDepth: 50, maxHeadersSize: 256 * 1024 });
  const [from] = mailboxes(email.from ?? email.sender);
  const [replyTo] = mailboxes(email.replyTo);
  return {
    messageId: idsIn(email.messageId)[0] ?? null,
    references: unique([...idsIn(email.references), ...idsIn(email.inReplyTo).slice(0, 1)])
      .slice(-MAX_REFERENCES),
    from: from ?? null,
    replyTo: (replyTo ?? from)?.address ?? null,
    subject: (email.subject ?? "").replaceAll(/\s+/g, " ").trim().slice(0, 500),
    text: textOf(email),
    sentAtMs: timeOf(email.date),
    files: email.attachments.map((file) => ({
      name: file.filename,
      mime: file.mimeType,
      bytes: bytesOf(file.content),
    })),
    automatic: automaticOf(email),
    bounce: bounceOf(email),
  };
}

function mailboxes(given: Address | readonly Address[] | undefined) {
  const addresses = given === undefined ? [] : [given].flat();
  return addresses.flatMap((each) => each.group ?? [each]).flatMap(({ address, name }) =>
    /^[^\s<>,;"]+@[^\s<>,;"]+$/.test(address)
      ? [{ address: address.toLowerCase(), name: name === "" ? null : name }]
      : []
  );
}

function idsIn(text: string | undefined): string[] {
  return text?.match(ID) ?? [];
}

function unique(items: readonly string[]): string[] {
  return [...new Set(items)];
}

function textOf({ text, html }: Email): string {
  const plain = (text ?? "").trim();
  return (plain === "" ? textOfHtml(html ?? "") : plain).replaceAll("\r\n", "\n").trim();
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: " ",
};

/** The words of a page, without what only programs read. */
export function textOfHtml(html: string): string {
  return html
    .replaceAll(/<!--[^]*?-->/g, "")
    .replaceAll(/<(script|style|head|title)\b[^]*?(<\/\1\s*>|$)/gi, "")
    .replaceAll(/<(br|\/p|\/div|\/tr|\/li|\/h[1-6])\b[^>]*>/gi, "\n")
    .replaceAll(/<[^>]*>?/g, "")
    .replaceAll(/&(#x?[0-9a-f]{1,6}|[a-z]{2,6});/gi, (all, name: string) => entity(name) ?? all)
    .replaceAll(/[ \t\f\r]+/g, " ")
    .replaceAll(/ ?\n ?/g, "\n")
    .replaceAll(/\n{3,}/g, "\n\n")
    .trim();
}

function entity(name: string): string | undefined {
  if (!name.startsWith("#")) return ENTITIES[name.toLowerCase()];
  const isHex = /^#x/i.test(name);
  const code = Number.parseInt(name.slice(isHex ? 2 : 1), isHex ? 16 : 10);
  return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
}

function timeOf(date: string | undefined): number | null {
  const ms = date === undefined ? Number.NaN : Date.parse(date);
  return Number.isFinite(ms) && ms >= 0 ? ms : null;
}

function bytesOf(content: ArrayBuffer | Uint8Array | string): Uint8Array {
  if (typeof content === "string") return new TextEncoder().encode(content);
  return content instanceof Uint8Array ? content : new Uint8Array(content);
}

function header({ headers }: Email, name: string): string {
  return headers.find(({ key }) => key === name)?.value.trim().toLowerCase() ?? "";
}

/** What RFC 3834 and mailing lists say of mails nobody should answer. */
function automaticOf(email: Email): string | null {
  const submitted = header(email, "auto-submitted");
  if (submitted !== "" && submitted !== "no") return "auto-submitted";
  for (const name of ["list-id", "list-unsubscribe", "x-autoreply", "x-autorespond"]) {
    if (header(email, name) !== "") return name;
  }
  const precedence = header(email, "precedence");
  if (/^(bulk|junk|list|auto_reply)$/.test(precedence)) return "precedence";
  return header(email, "return-path") === "<>" ? "return-path" : null;
}

const REPORT = /^multipart\/report\b[^]*\breport-type\s*=\s*"?delivery-status/i;

/** A report (RFC 3464) holds the mail it is about, or its head, in which our own id stands. */
function bounceOf(email: Email): Mail["bounce"] {
  if (!REPORT.test(header(email, "content-type"))) return null;
  const texts = email.attachments
    .filter(({ mimeType }) => /^(message|text)\//.test(mimeType))
    .map(({ content }) => new TextDecoder().decode(bytesOf(content)));
  const all = [...texts, email.text ?? ""].join("\n");
  if (/^action:\s*(delayed|delivered|relayed|expanded)/im.test(all)) return null;
  const about = /^message-id:\s*(<[^<>\s]{1,250}>)/im.exec(all)?.[1];
  if (about === undefined) return null;
  const reason = /^diagnostic-code:\s*(.+)$/im.exec(all)?.[1] ??
    /^status:\s*(.+)$/im.exec(all)?.[1] ?? "it came back";
  return { messageId: about, reason: reason.trim().slice(0, 200) };
}
