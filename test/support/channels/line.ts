/**
 * LINE: official accounts, by the Messaging API.
 *
 * @module
 */
import { z } from "zod";
import type {
  Channel,
  HeardMessage,
  NotReady,
  SendResult,
} from "../../../core/channels/channel.ts";
import { postFailure } from "../../../core/channels/http_failure.ts";
import type { ChannelDeps, ChannelKind } from "../../../core/channels/kind.ts";
import { messageOf } from "../../../core/contract/mod.ts";
import type { Outbound } from "../../../core/queues/outbound.ts";
import { instanceOf } from "../../../core/settings/tenant.ts";

const Credential = z.object({
  channel_access_token: z.string().min(1),
  /** Signs LINE's webhooks. */
  channel_secret: z.string().min(1),
  api_root: z.url().default("https://api.line.me"),
});

const Event = z.looseObject({
  type: z.literal("message"),
  timestamp: z.int().nonnegative(),
  source: z.looseObject({
    userId: z.string().optional(),
    groupId: z.string().optional(),
    roomId: z.string().optional(),
  }),
  message: z.looseObject({
    id: z.string().min(1),
    type: z.literal("text"),
    text: z.string().min(1),
    quotedMessageId: z.string().optional(),
  }),
});
const Body = z.looseObject({ events: z.array(z.unknown()) });

/** See {@linkcode ChannelKind}. */
export const line: ChannelKind = {
  id: "line",
  textLimit: 5000,
  open: (deps): Channel => ({
    id: "line",
    sends: new Set(["text", "reply"]),
    // LINE drops a repetition by its X-Line-Retry-Key.
    repeats: true,
    ready: (instance) => Promise.resolve(notReady(deps, instance)),
    webhookOf: (instance) => ({
      source: { preset: "line" },
      secret: credentialOf(deps, instance)?.channel_secret ?? null,
      verifyToken: null,
    }),
    hear({ body_json }) {
      const events = Body.safeParse(body_json).data?.events ?? [];
      return { messages: events.flatMap((event) => heardIn(event) ?? []), receipts: [] };
    },
    send: (outbound, { signal }) => push(deps, outbound, signal),
  }),
};

function credentialOf(deps: ChannelDeps, instance: string) {
  return Credential.safeParse(deps.credentialOf("line", instance)).data;
}

function notReady(deps: ChannelDeps, instance: string): NotReady | undefined {
  const declared = instanceOf(deps.settings().plugins, "line", instance);
  if (declared?.enabled !== false && credentialOf(deps, instance) !== undefined) return undefined;
  return { kind: "not_ready", reason: `account "${instance}" has no credential` };
}

/** A message; undefined for events that are none, and for shapes nobody knows. */
function heardIn(value: unknown): HeardMessage | undefined {
  const event = Event.safeParse(value);
  if (!event.success) return undefined;
  const { source, message, timestamp } = event.data;
  const group = source.groupId ?? source.roomId;
  const contact = group ?? source.userId;
  if (contact === undefined || contact === "") return undefined;
  return {
    contact,
    chat: group === undefined ? "direct" : "group",
    parts: [{ kind: "text", text: message.text }],
    sender: source.userId === undefined ? null : { id: source.userId, name: null },
    msgId: message.id,
    replyToMsgId: message.quotedMessageId ?? null,
    editOf: null,
    fromMe: false,
    replyAddress: { to: contact, thread: null, extra: {} },
    sentAtMs: timestamp,
  };
}

async function push(
  deps: ChannelDeps,
  { id, instance, contact, body }: Outbound,
  signal: AbortSignal,
): Promise<SendResult> {
  const credential = credentialOf(deps, instance);
  if (credential === undefined) return { kind: "not_ready", reason: "it has no credential" };
  const text = "text" in body ? body.text : "";
  try {
    const response = await fetch(`${credential.api_root}/v2/bot/message/push`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${credential.channel_access_token}`,
        "content-type": "application/json",
        "x-line-retry-key": id,
      },
      body: JSON.stringify({ to: body.to?.to ?? contact, messages: [{ type: "text", text }] }),
      redirect: "error",
      signal,
    });
    const answer = await response.text();
    // 409: it was taken before, when nobody heard the answer.
    if (response.ok || response.status === 409) return { kind: "sent", receipt: null };
    return postFailure(response, answer);
  } catch (error) {
    signal.throwIfAborted();
    return { kind: "retry", reason: messageOf(error) };
  }
}
