/**
 * Sending by a Telegram bot, and what its refusals mean.
 *
 * @module
 */
import type { Api } from "grammy";
import { z } from "zod";
import { messageOf, type OutboundBody, type ReplyAddress } from "../../contract/mod.ts";
import type { Outbound } from "../../queues/outbound.ts";
import type { SendResult } from "../channel.ts";

/** Characters of one message, as Telegram counts them: UTF-16 code units. */
export const TELEGRAM_TEXT_LIMIT = 4096;
const CAPTION_LIMIT = 1024;
/** Without a word from Telegram, how long it takes nothing, in milliseconds. */
const LIMITED_MS = 5_000;

/** What the client throws for an answer of Telegram's. */
const Refusal = z.object({
  error_code: z.int(),
  description: z.string(),
  parameters: z.object({
    retry_after: z.number().nonnegative().optional(),
    migrate_to_chat_id: z.int().optional(),
  }).default({}),
});

/** Tries once; a chat that has become a larger one is followed there. */
export async function sendByBot(
  api: Api,
  { body, contact }: Outbound,
  signal: AbortSignal,
): Promise<SendResult> {
  const to = body.to ?? addressOf(contact);
  const result = await tryToSend(api, body, to, signal);
  return "movedTo" in result
    ? settled(await tryToSend(api, body, { ...to, to: result.movedTo }, signal))
    : result;
}

/** The chat and topic a contact stands for. */
function addressOf(contact: string): ReplyAddress {
  const [to = "", thread = null] = contact.split("/");
  return { to, thread, extra: {} };
}

async function tryToSend(
  api: Api,
  body: OutboundBody,
  to: ReplyAddress,
  signal: AbortSignal,
): Promise<SendResult | { readonly movedTo: string }> {
  try {
    const receipt = await send(api, body, to, signal);
    return { kind: "sent", receipt };
  } catch (error) {
    return failureOf(error);
  }
}

function settled(result: SendResult | { readonly movedTo: string }): SendResult {
  return "movedTo" in result ? { kind: "retry", reason: "the chat moved twice" } : result;
}

async function send(
  api: Api,
  body: OutboundBody,
  { to, thread }: ReplyAddress,
  signal: AbortSignal,
): Promise<string | null> {
  // The client has its own type of signal; it is the platform's.
  const stop = signal as unknown as Parameters<Api["getMe"]>[0];
  const topic = thread === null ? {} : { message_thread_id: Number(thread) };
  const quoted = body.kind === "reply" ? Number(body.reply_to_msg_id) : Number.NaN;
  const quote = Number.isSafeInteger(quoted)
    // What is quoted may be gone meanwhile; the answer still goes out.
    ? { reply_parameters: { message_id: quoted, allow_sending_without_reply: true } }
    : {};
  switch (body.kind) {
    case "text":
    case "reply": {
      const sent = await api.sendMessage(to, body.text, { ...topic, ...quote }, stop);
      return String(sent.message_id);
    }
    case "media": {
      const about = {
        ...topic,
        ...(body.caption === null ? {} : { caption: body.caption.slice(0, CAPTION_LIMIT) }),
      };
      const sent = await sendFile(api, to, body, about, stop);
      return String(sent.message_id);
    }
    case "typing":
      await api.sendChatAction(to, "typing", topic, stop);
      return null;
    case "template":
      throw new TypeError("a bot has no templates");
  }
}

/** Telegram fetches the file itself. */
function sendFile(
  api: Api,
  to: string,
  { media, url }: OutboundBody & { kind: "media" },
  about: { message_thread_id?: number; caption?: string },
  stop: Parameters<Api["getMe"]>[0],
): Promise<{ message_id: number }> {
  switch (media) {
    case "image":
      return api.sendPhoto(to, url, about, stop);
    case "audio":
      return api.sendAudio(to, url, about, stop);
    case "video":
      return api.sendVideo(to, url, about, stop);
    case "document":
      return api.sendDocument(to, url, about, stop);
    case "sticker":
      return api.sendSticker(to, url, about, stop);
  }
}

/** What went wrong, as far as the sender of a message cares. */
export function failureOf(error: unknown): SendResult | { readonly movedTo: string } {
  const refusal = Refusal.safeParse(error);
  // No answer of Telegram's: the network, or a limit of time.
  if (!refusal.success) return { kind: "retry", reason: messageOf(error) };
  const { error_code: code, description, parameters } = refusal.data;
  const reason = `Telegram answered ${code}: ${description}`;
  if (code === 401 || code === 404) return { kind: "auth", reason };
  if (code === 429) {
    const afterMs = parameters.retry_after === undefined
      ? LIMITED_MS
      : parameters.retry_after * 1000;
    // Its limits are of a chat more often than of a bot, so other chats go on.
    return { kind: "limited", reason, afterMs, wide: false };
  }
  if (parameters.migrate_to_chat_id !== undefined) {
    return { movedTo: String(parameters.migrate_to_chat_id) };
  }
  return code >= 500 ? { kind: "retry", reason } : { kind: "permanent", reason };
}
