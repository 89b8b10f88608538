/**
 * A channel's message as an inbound, and a channel's delivery as a route.
 *
 * @module
 */
import type { ChannelMessage } from "../channels/channel.ts";
import {
  type ChannelDelivery,
  type ChannelPlace,
  type Channels,
  hearDelivery,
} from "../channels/ingress.ts";
import { CodedError, type Handoff, type Inbound, textOfParts } from "../contract/mod.ts";
import type { Settings } from "../settings/settings.ts";
import { dead, NO_ACCOUNT, type Route } from "./route.ts";

/** The delivery a message came in. */
type Origin = Pick<Handoff, "envelope" | "delivery_id">;

/** A message from a person in the queue's own shape; `origin` is null for what no provider delivered. */
export function inboundOfMessage(
  message: ChannelMessage,
  { id, origin }: { id: string; origin: Origin | null },
): Inbound {
  return {
    id,
    key: message.key,
    trigger: "channel",
    kind: "external_user",
    text: textOfParts(message.parts),
    templated: false,
    sender_id: message.sender?.id ?? null,
    sender_name: message.sender?.name ?? null,
    parts: [...message.parts],
    chat: message.chat,
    edit_of_msg_id: message.editOf,
    reply_address: message.replyAddress,
    msg_id: message.msgId,
    reply_to_msg_id: message.replyToMsgId,
    sent_at_ms: message.sentAtMs,
    event_source: null,
    envelope_id: origin?.envelope.envelope_id ?? null,
    delivery_id: origin?.delivery_id ?? null,
    hops: 0,
  };
}

/** Where a delivery on the subject of a channel's instance goes. */
export async function routeChannel(
  place: ChannelPlace,
  handoff: Handoff,
  { settings, uuid, channels }: { settings: Settings; uuid: () => string; channels: Channels },
): Promise<Route> {
  let delivery: ChannelDelivery;
  try {
    delivery = await hearDelivery(place, handoff, { settings, channels });
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return dead(handoff.account_id ?? NO_ACCOUNT, error.code, error.message);
  }
  const { account, messages } = delivery;
  return {
    kind: "inbounds",
    account,
    inbounds: messages.filter(({ fromMe }) => !fromMe)
      .map((message) => inboundOfMessage(message, { id: uuid(), origin: handoff })),
    own: messages.filter(({ fromMe }) => fromMe),
    receipts: delivery,
  };
}
