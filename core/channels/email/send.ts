/**
 * Sending a mail by SMTP, and what a server's refusals mean.
 *
 * @module
 */
import type { SendMailOptions, Transporter } from "nodemailer";
import { z } from "zod";
import { codeOf, messageOf, type OutboundBody, type ReplyAddress } from "../../contract/mod.ts";
import type { Outbound } from "../../queues/outbound.ts";
import type { SendResult } from "../channel.ts";
import type { FetchMedia } from "../media/fetch_media.ts";
import { addressIn } from "./hear.ts";

/** A mailbox that can send. */
export interface Sender {
  readonly transport: Transporter;
  readonly address: string;
  readonly displayName: string | undefined;
}

const NO_SUBJECT = "(no subject)";

const Failure = z.looseObject({
  code: z.string().optional(),
  responseCode: z.int().optional(),
});

/** Tries once. The mail carries our own id, by which a report that it came back finds it. */
export async function sendMail(
  { transport, address, displayName }: Sender,
  { id, body, contact }: Outbound,
  { fetchMedia, signal }: { fetchMedia: FetchMedia; signal: AbortSignal },
): Promise<SendResult> {
  try {
    const mail = {
      messageId: `<${id}@${address.split("@").at(-1)}>`,
      from: displayName === undefined ? address : { name: displayName, address },
      ...headersOf(body, contact),
      ...await contentOf(body, { fetchMedia, signal }),
    } satisfies SendMailOptions;
    signal.throwIfAborted();
    const { messageId } = await transport.sendMail(mail) as { messageId?: string };
    return { kind: "sent", receipt: messageId ?? mail.messageId };
  } catch (error) {
    signal.throwIfAborted();
    return failureOf(error);
  }
}

function headersOf(body: OutboundBody, contact: string) {
  const { address, root } = addressIn(contact);
  const to: ReplyAddress = body.to ?? { to: address, thread: root, extra: {} };
  const answered = body.reply_to_msg_id ?? to.thread;
  const references = to.extra["references"] ?? to.thread ?? undefined;
  return {
    to: to.to,
    subject: to.extra["subject"] ?? NO_SUBJECT,
    ...(answered === null ? {} : { inReplyTo: answered }),
    ...(references === undefined ? {} : { references }),
    headers: {
      // Programs that answer mails leave such ones alone.
      "Auto-Submitted": answered === null ? "auto-generated" : "auto-replied",
      "X-Auto-Response-Suppress": "All",
    },
  };
}

async function contentOf(
  body: OutboundBody,
  { fetchMedia, signal }: { fetchMedia: FetchMedia; signal: AbortSignal },
): Promise<Pick<SendMailOptions, "text" | "attachments">> {
  if (body.kind !== "media") return { text: "text" in body ? body.text : "" };
  const { bytes, mime } = await fetchMedia(body.url, { signal });
  const filename = body.name ?? (new URL(body.url).pathname.split("/").at(-1) || body.media);
  return {
    text: body.caption ?? "",
    attachments: [{ filename, content: Buffer.from(bytes), contentType: mime }],
  };
}

function failureOf(error: unknown): SendResult {
  const code = codeOf(error);
  if (code === "fetch_refused") return { kind: "permanent", reason: messageOf(error) };
  const { code: word, responseCode: status } = Failure.safeParse(error).data ?? {};
  const reason = `the mail server: ${messageOf(error)}`;
  if (word === "EAUTH" || word === "EOAUTH2" || status === 530 || status === 535) {
    return { kind: "auth", reason };
  }
  return { kind: status !== undefined && status >= 500 ? "permanent" : "retry", reason };
}
