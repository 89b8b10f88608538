/**
 * Sending by the WhatsApp Cloud API, and what its refusals mean.
 *
 * @module
 */
import { z } from "zod";
import { messageOf, type OutboundBody, type ReplyAddress } from "../../contract/mod.ts";
import type { Outbound } from "../../queues/outbound.ts";
import type { SendResult } from "../channel.ts";
import { retryAfterMs } from "../http_failure.ts";

/** Characters of one text message. */
export const WHATSAPP_TEXT_LIMIT = 4096;
const CAPTION_LIMIT = 1024;
/** After somebody's last message only templates reach them, in milliseconds. */
const WINDOW_MS = 24 * 3_600_000;
/** Without a word from Meta, how long it takes nothing, in milliseconds. */
const LIMITED_MS = 5_000;

/** A line that can send. */
export interface Line {
  /** Of its messages: `<root>/<version>/<phone number id>`. */
  readonly url: string;
  readonly token: string;
  readonly reengage: { readonly name: string; readonly language: string } | undefined;
}

const Sent = z.looseObject({ messages: z.array(z.looseObject({ id: z.string() })).min(1) });
const Refused = z.looseObject({
  error: z.looseObject({
    code: z.int(),
    message: z.string().optional(),
    error_data: z.looseObject({ details: z.string().optional() }).optional(),
  }),
});

/** Codes of Meta's: for every line and chat, for a chat alone, broken for a while, not allowed. */
const WIDE_LIMITS = new Set([4, 80007, 130429, 131048]);
const CHAT_LIMITS = new Set([131056]);
const TROUBLES = new Set([1, 2, 131000, 131016, 133004]);
const NOT_ALLOWED = new Set([0, 10, 190]);

/** Tries once. `heardAtMs` is when the other side last wrote; undefined when that is not known. */
export async function sendByLine(
  line: Line,
  outbound: Outbound,
  { heardAtMs, nowMs, signal }: {
    heardAtMs: number | undefined;
    nowMs: number;
    signal: AbortSignal;
  },
): Promise<SendResult> {
  const isLate = heardAtMs !== undefined && nowMs - heardAtMs > WINDOW_MS;
  const body = isLate ? withinTemplate(outbound.body, line) : outbound.body;
  if (body === undefined) {
    const reason =
      "nobody wrote for 24 hours, so only a template can be sent: set reengage_template";
    return { kind: "permanent", reason };
  }
  let response: Response;
  let answer: unknown;
  try {
    response = await fetch(`${line.url}/messages`, {
      method: "POST",
      headers: { authorization: `Bearer ${line.token}`, "content-type": "application/json" },
      body: JSON.stringify(requestOf(body, outbound)),
      redirect: "error",
      signal,
    });
    answer = await response.json().catch(() => undefined); // the status tells enough
  } catch (error) {
    return { kind: "retry", reason: messageOf(error) };
  }
  if (!response.ok) return refusalOf(response, answer);
  if (body.kind === "typing") return { kind: "sent", receipt: null };
  const sent = Sent.safeParse(answer);
  return { kind: "sent", receipt: sent.data?.messages[0]?.id ?? null };
}

/** What may still be said after 24 hours; undefined when that is nothing. */
function withinTemplate(body: OutboundBody, { reengage }: Line): OutboundBody | undefined {
  if (body.kind === "template" || body.kind === "typing") return body;
  const text = body.kind === "media" ? body.caption ?? body.url : body.text;
  return reengage && {
    kind: "template",
    ...reengage,
    parameters: [text],
    to: body.to,
    reply_to_msg_id: null,
  };
}

function requestOf(body: OutboundBody, { id, contact }: Outbound): unknown {
  if (body.kind === "typing") {
    return {
      messaging_product: "whatsapp",
      status: "read",
      message_id: body.reply_to_msg_id,
      typing_indicator: { type: "text" },
    };
  }
  const to: ReplyAddress = body.to ?? { to: contact, thread: null, extra: {} };
  return {
    messaging_product: "whatsapp",
    // The ids of groups are longer than any number and hold letters.
    recipient_type: /^\+?\d{5,20}$/.test(to.to) ? "individual" : "group",
    to: to.to,
    ...(body.kind === "reply" ? { context: { message_id: body.reply_to_msg_id } } : {}),
    ...contentOf(body),
    // Comes back with each receipt, which so says which of ours it is for.
    biz_opaque_callback_data: id,
  };
}

function contentOf(body: Exclude<OutboundBody, { kind: "typing" }>): Record<string, unknown> {
  switch (body.kind) {
    case "text":
    case "reply":
      return { type: "text", text: { body: body.text, preview_url: false } };
    case "media": {
      const { media, url, name } = body;
      const caption = body.caption === null || media === "audio" || media === "sticker"
        ? {}
        : { caption: body.caption.slice(0, CAPTION_LIMIT) };
      const filename = media === "document" && name !== null ? { filename: name } : {};
      return { type: media, [media]: { link: url, ...caption, ...filename } };
    }
    case "template": {
      const parameters = body.parameters.map((text) => ({ type: "text", text }));
      return {
        type: "template",
        template: {
          name: body.name,
          language: { code: body.language },
          ...(parameters.length > 0 ? { components: [{ type: "body", parameters }] } : {}),
        },
      };
    }
  }
}

function refusalOf(response: Response, answer: unknown): SendResult {
  const refused = Refused.safeParse(answer);
  const error = refused.data?.error;
  const code = error?.code;
  const words = error?.error_data?.details ?? error?.message ?? "no reason given";
  const reason = `WhatsApp answered ${response.status}, code ${code ?? "none"}: ${words}`;
  const isChatOnly = code !== undefined && CHAT_LIMITS.has(code);
  if (response.status === 429 || isChatOnly || (code !== undefined && WIDE_LIMITS.has(code))) {
    const afterMs = retryAfterMs(response) ?? LIMITED_MS;
    return { kind: "limited", reason, afterMs, wide: !isChatOnly };
  }
  const isAuth = response.status === 401 || response.status === 403 ||
    (code !== undefined && (NOT_ALLOWED.has(code) || (code >= 200 && code < 300)));
  if (isAuth) return { kind: "auth", reason };
  const isTrouble = response.status >= 500 || (code !== undefined && TROUBLES.has(code));
  return { kind: isTrouble ? "retry" : "permanent", reason };
}
