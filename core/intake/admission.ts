/**
 * Who comes in: each message finds a place in its conversation, unless its sender writes too often.
 *
 * @module
 */
import { senderRateOf } from "../agents/policy.ts";
import {
  type AgentEvent,
  bindingId,
  type Clock,
  type ConversationKey,
  type Inbound,
} from "../contract/mod.ts";
import type { Conversations } from "../conversations/conversations.ts";
import type { SenderClaim, SenderLimits } from "../limits/sender_limits.ts";
import { type OpenInbound, openInbound } from "../queues/inbounds.ts";
import type { Settings } from "../settings/settings.ts";

/** What admitting needs. */
export interface AdmissionDeps {
  readonly settings: () => Settings;
  readonly room: Pick<Conversations["room"], "release" | "reserve">;
  readonly senders: Pick<SenderLimits, "giveBack" | "take">;
  readonly sessionIdOf: (key: ConversationKey) => string;
  readonly now: Clock;
}

/** A message with a place in its conversation. */
export interface AdmittedMessage {
  readonly inbound: Inbound;
  readonly item: OpenInbound;
}

/** A message that does not come in. */
export interface RefusedMessage {
  readonly inbound: Inbound;
  readonly code: "queue_full" | "rate_limited";
  /** For people. */
  readonly reason: string;
}

/** What became of some messages at the door. */
export interface Admitted {
  readonly messages: readonly AdmittedMessage[];
  readonly refused: readonly RefusedMessage[];
  /** What the record should know: one event when a sender begins to write too often. */
  readonly events: readonly AgentEvent[];
  /** Gives up places that are not used after all, and what they took from limits; all by default. */
  readonly release: (isUnused?: (message: AdmittedMessage) => boolean) => void;
}

/** Admits messages, in order; undefined when the core as a whole or the tenant has no room. */
export type Admit = (inbounds: readonly Inbound[]) => Promise<Admitted | undefined>;

/** Returns the door. */
export function createAdmission(deps: AdmissionDeps): Admit {
  const { settings, room, senders, now } = deps;

  /** Whose bucket a message counts in; undefined for what no person wrote. */
  function claimOf({ key, trigger, sender_id: sender }: Inbound): SenderClaim | undefined {
    if (trigger !== "channel" || sender === null) return undefined;
    return {
      account: key.account_id,
      agentId: key.agent_id,
      bindingId: bindingId(key.channel, key.instance),
      // In a conversation of two the sender is the contact.
      sender: deps.sessionIdOf(sender === key.contact ? key : { ...key, contact: sender }),
    };
  }

  return async function admit(inbounds) {
    const messages: AdmittedMessage[] = [];
    const refused: RefusedMessage[] = [];
    const events: AgentEvent[] = [];

    const release: Admitted["release"] = (isUnused = () => true) => {
      for (const message of messages.filter(isUnused)) {
        room.release([message.item]);
        giveBack(message.inbound);
      }
    };
    const giveBack = (inbound: Inbound): void => {
      const claim = claimOf(inbound);
      if (claim !== undefined) senders.giveBack(claim);
    };

    /** False when there is no room for anybody. */
    async function admitOne(inbound: Inbound): Promise<boolean> {
      const claim = claimOf(inbound);
      const rate = claim && senderRateOf(settings(), claim.agentId, claim.bindingId);
      const drawn = claim && await senders.take(claim, rate);
      if (claim !== undefined && rate !== undefined && drawn?.ok === false) {
        const seconds = Math.ceil(drawn.retryAfterMs / 1000);
        const reason = `one sender wrote too often; the next message may come in ${seconds} s`;
        refused.push({ inbound, code: "rate_limited", reason });
        if (drawn.refusals === 1) events.push(limitedEvent(inbound, claim, rate.rps));
        return true;
      }
      const item = openInbound(inbound, deps.sessionIdOf(inbound.key), now());
      const verdict = room.reserve(item);
      if (verdict === "reserved") {
        messages.push({ inbound, item });
        return true;
      }
      giveBack(inbound);
      if (verdict === "store_full") return false;
      const reason = "too many messages of the conversation wait for an answer already";
      refused.push({ inbound, code: "queue_full", reason });
      return true;
    }

    try {
      for (const inbound of inbounds) {
        if (await admitOne(inbound)) continue;
        release();
        return undefined;
      }
    } catch (error) {
      release();
      throw error;
    }
    return { messages, refused, events, release };
  };

  function limitedEvent({ key }: Inbound, claim: SenderClaim, rps: number): AgentEvent {
    const shown = Number(rps.toPrecision(6));
    return {
      kind: "rate_limited",
      agent_id: key.agent_id,
      session_id: deps.sessionIdOf(key),
      binding_id: claim.bindingId,
      rps,
      marker: `rate_limited:sender,binding=${claim.bindingId},rps=${shown}`,
      at_ms: now(),
    };
  }
}
