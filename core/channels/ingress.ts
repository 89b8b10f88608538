/**
 * From a provider's event on a channel's own subject to canonical messages with their tenant.
 *
 * @module
 */
import { envelopeOf, type Handoff, subjects, unescapeToken } from "../contract/mod.ts";
import type { Settings } from "../settings/settings.ts";
import { answererOf } from "./answerer.ts";
import type { Channel, ChannelMessage, Receipt } from "./channel.ts";

/** The channels there are, by id. */
export type Channels = ReadonlyMap<string, Channel>;

/** What one delivery on a channel brought. */
export interface ChannelDelivery {
  readonly account: string;
  readonly agentId: string;
  readonly channel: string;
  readonly instance: string;
  readonly messages: readonly ChannelMessage[];
  readonly receipts: readonly Receipt[];
}

const SUBJECT = /^plugin\.inbound\.([^.]+)\.([^.]+)$/;

/** An instance of a channel. */
export interface ChannelPlace {
  readonly channel: string;
  readonly instance: string;
}

/** The instance a subject belongs to; undefined for subjects of subscribers. */
export function channelOfSubject(subject: string): ChannelPlace | undefined {
  const [, channel, instance] = SUBJECT.exec(subject) ?? [];
  if (channel === undefined || instance === undefined) return undefined;
  const place = { channel: unescapeToken(channel), instance: unescapeToken(instance) };
  return subjects.inbound(place.channel, place.instance) === subject ? place : undefined;
}

/**
 * Reads a delivery on a channel's subject.
 *
 * @throws {CodedError} `not_found` when there is no such channel, and what {@linkcode answererOf} throws
 */
export async function hearDelivery(
  { channel, instance }: ChannelPlace,
  { envelope, body }: Pick<Handoff, "body" | "envelope">,
  { settings, channels }: { settings: Settings; channels: Channels },
): Promise<ChannelDelivery> {
  const { account, agentId } = answererOf(settings, channel, instance, {
    suspended: "accept",
  });
  const heard = await channels.get(channel)?.hear?.(envelopeOf(envelope, body), instance);
  const messages = (heard?.messages ?? []).map(({ contact, ...message }): ChannelMessage => ({
    key: { account_id: account, agent_id: agentId, channel, instance, contact },
    ...message,
  }));
  return { account, agentId, channel, instance, messages, receipts: heard?.receipts ?? [] };
}
