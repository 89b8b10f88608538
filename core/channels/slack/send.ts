/**
 * Sending by a Slack app, and what its refusals mean.
 *
 * @module
 */
import type { WebClient } from "@slack/web-api";
import { z } from "zod";
import { messageOf, type OutboundBody, type ReplyAddress } from "../../contract/mod.ts";
import type { Outbound } from "../../queues/outbound.ts";
import type { SendResult } from "../channel.ts";

/** Slack takes ten times as much and asks for no more than this. */
export const SLACK_TEXT_LIMIT = 4000;
/** Without a word from Slack, how long it takes nothing, in milliseconds. */
const LIMITED_MS = 5_000;

/** What the client throws. */
const Failure = z.looseObject({
  code: z.string(),
  retryAfter: z.number().optional(),
  statusCode: z.int().optional(),
  data: z.looseObject({ error: z.string().optional() }).optional(),
});

/** Answers of Slack's that only other credentials or rights end. */
const NOT_ALLOWED = new Set([
  "account_inactive",
  "invalid_auth",
  "missing_scope",
  "no_permission",
  "not_authed",
  "not_allowed_token_type",
  "org_login_required",
  "token_expired",
  "token_revoked",
  "ekm_access_denied",
]);
const TROUBLES = new Set([
  "fatal_error",
  "internal_error",
  "request_timeout",
  "service_unavailable",
  "team_added_to_org",
]);

/** Tries once. */
export async function sendByApp(
  client: WebClient,
  { body, contact }: Outbound,
  signal: AbortSignal,
): Promise<SendResult> {
  const { to: channel, thread } = body.to ?? addressOf(contact);
  // Slack quotes nothing: an answer to a message stands in its thread.
  const thread_ts = thread ?? (body.kind === "reply" ? threadOf(body.reply_to_msg_id) : undefined);
  try {
    const sent = await within(
      client.chat.postMessage({
        channel,
        ...(thread_ts === undefined ? {} : { thread_ts }),
        ...contentOf(body),
      }),
      signal,
    );
    return { kind: "sent", receipt: sent.ts ?? null };
  } catch (error) {
    signal.throwIfAborted();
    return failureOf(error);
  }
}

/** The channel and thread a contact stands for. */
function addressOf(contact: string): ReplyAddress {
  const [to = "", thread = null] = contact.split("/");
  return { to, thread, extra: {} };
}

/** The message a thread can begin at; pressed buttons and edits have other ids. */
function threadOf(msgId: string): string | undefined {
  return /^\d+\.\d+/.exec(msgId)?.[0];
}

function contentOf(body: OutboundBody) {
  if (body.kind !== "media") return { text: escaped("text" in body ? body.text : "") };
  const caption = body.caption ?? body.name ?? body.url;
  if (body.media !== "image") return { text: `${escaped(caption)}\n<${body.url}>` };
  return {
    // Shown where blocks are not, for example in notifications.
    text: escaped(caption),
    blocks: [{
      type: "image" as const,
      image_url: body.url,
      alt_text: caption.slice(0, 2000),
      ...(body.caption === null
        ? {}
        : { title: { type: "plain_text" as const, text: caption.slice(0, 2000) } }),
    }],
  };
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** The client takes no signal; when ours aborts, nobody waits for it any more. */
function within<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    signal.addEventListener("abort", stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
    if (signal.aborted) stop();
  });
}

function failureOf(error: unknown): SendResult {
  const failure = Failure.safeParse(error);
  if (!failure.success) return { kind: "retry", reason: messageOf(error) };
  const { code, retryAfter, statusCode = 0, data } = failure.data;
  const word = data?.error ?? "";
  const reason = `Slack answered: ${word === "" ? messageOf(error) : word}`;
  switch (code) {
    case "slack_webapi_rate_limited_error": {
      const afterMs = retryAfter === undefined ? LIMITED_MS : retryAfter * 1000;
      // Its limit is of a channel, about one message a second.
      return { kind: "limited", reason, afterMs, wide: false };
    }
    case "slack_webapi_platform_error":
      if (NOT_ALLOWED.has(word)) return { kind: "auth", reason };
      if (word === "ratelimited" || word === "rate_limited") {
        return { kind: "limited", reason, afterMs: LIMITED_MS, wide: false };
      }
      return { kind: TROUBLES.has(word) ? "retry" : "permanent", reason };
    case "slack_webapi_http_error":
      return { kind: statusCode >= 500 || statusCode === 0 ? "retry" : "permanent", reason };
    default:
      return { kind: "retry", reason };
  }
}
