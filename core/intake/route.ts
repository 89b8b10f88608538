/**
 * From an accepted event to the agents that subscribe to it, its tenant resolved once.
 *
 * @module
 */
import type { ChannelMessage } from "../channels/channel.ts";
import {
  type AgentConfig,
  type ConversationKey,
  DEFAULT_ACCOUNT,
  envelopeOf,
  type ErrorCode,
  type EventSubscriberConfig,
  type Handoff,
  type Inbound,
  matchSubject,
  MAX_HOPS,
} from "../contract/mod.ts";
import { untrusted } from "../models/untrusted.ts";
import { subscribingAgents } from "../settings/bindings.ts";
import type { Settings } from "../settings/settings.ts";

import type { HeardReceipts } from "./receipts.ts";
import { renderTemplate } from "./template.ts";

/** The account of rows whose tenant could not be resolved. */
export const NO_ACCOUNT = "_";

/** Where an event goes. */
export type Route =
  | {
    readonly kind: "inbounds";
    readonly account: string;
    readonly inbounds: readonly Inbound[];
    /** Of a channel: what our own side wrote elsewhere, which no agent answers. */
    readonly own?: readonly ChannelMessage[];
    /** Of a channel: what its provider says of what was sent. */
    readonly receipts?: HeardReceipts;
  }
  | {
    readonly kind: "dead";
    readonly account: string;
    readonly code: ErrorCode;
    readonly detail: string;
  };

/** Finds the subscribers of an event and renders a message for each. */
export function routeEvent(
  handoff: Handoff,
  settings: Settings,
  { uuid }: { uuid: () => string },
): Route {
  if (handoff.hops >= MAX_HOPS) {
    return dead(
      handoff.account_id ?? NO_ACCOUNT,
      "inbound_refused",
      `the event passed ${MAX_HOPS} subscribers: a loop`,
    );
  }
  const matching = subscribingAgents(settings).flatMap((agent) =>
    agent.event_subscribers
      .filter((subscriber) =>
        agent.active && subscriber.synthesize_inbound !== "off" &&
        matchSubject(subscriber.subject_pattern, handoff.subject)
      )
      .map((subscriber) => ({ agent, subscriber }))
  );
  const accounts = tenantsOfEvent(handoff, matching, settings);
  const [account, ...others] = accounts;
  if (account === undefined) {
    // Nobody listens, so nobody needs the tenant; the delivery is kept all the same.
    return { kind: "inbounds", account: NO_ACCOUNT, inbounds: [] };
  }
  if (others.length > 0) {
    return dead(NO_ACCOUNT, "inbound_refused", "subscribers disagree about the event's tenant");
  }
  // A suspended tenant's events are kept; their turns wait until it is active again.
  if (!settings.tenants.has(account)) {
    return dead(NO_ACCOUNT, "account_unknown", `the event names no known tenant: "${account}"`);
  }
  const inbounds = matching
    // An agent of one tenant never hears of another's events, whatever its pattern says.
    .filter(({ agent }) => agent.tenant_id == null || agent.tenant_id === account)
    .map(({ agent, subscriber }) => inboundOf(handoff, agent, subscriber, account, uuid()));
  return { kind: "inbounds", account, inbounds };
}

interface Match {
  readonly agent: AgentConfig;
  readonly subscriber: EventSubscriberConfig;
}

/** Whose an event is: the source says, else the subscribers' templates, else the agents' tenants. */
function tenantsOfEvent(
  handoff: Handoff,
  matching: readonly Match[],
  settings: Settings,
): Set<string> {
  if (handoff.account_id !== null) return new Set([handoff.account_id]);
  const rendered = matching.flatMap(({ subscriber }) => tenantBySubscriber(handoff, subscriber));
  if (rendered.length > 0) return new Set(rendered);
  return new Set(
    matching.map(({ agent }) =>
      agent.tenant_id ?? (settings.singleTenant ? DEFAULT_ACCOUNT : NO_ACCOUNT)
    ),
  );
}

/** What a subscriber's template makes of the subject, and of the payload only when it is trusted. */
function tenantBySubscriber(
  { envelope, body, subject }: Handoff,
  { account_id, trust_payload_tenant: trusted }: EventSubscriberConfig,
): string[] {
  if (account_id == null) return [];
  return [
    renderTemplate(account_id, { payload: trusted ? envelopeOf(envelope, body) : {}, subject }),
  ];
}

/** A delivery that goes nowhere, and why. */
export function dead(account: string, code: ErrorCode, detail: string): Route & { kind: "dead" } {
  return { kind: "dead", account, code, detail };
}

function inboundOf(
  { envelope: head, body, subject, delivery_id, hops }: Handoff,
  agent: AgentConfig,
  subscriber: EventSubscriberConfig,
  account: string,
  id: string,
): Inbound {
  const envelope = envelopeOf(head, body);
  const roots = { payload: envelope, subject };
  const key: ConversationKey = {
    account_id: account,
    agent_id: agent.id,
    channel: "event",
    instance: subscriber.id,
    contact: subscriber.session_key == null
      ? subscriber.id
      : renderTemplate(subscriber.session_key, roots).slice(0, 512) || subscriber.id,
  };
  const tick = subscriber.synthesize_inbound === "tick";
  const text = tick
    ? `<event subject="${escapeAttribute(subject)}" envelope_id="${envelope.envelope_id}"/>`
    : subscriber.inbound_template == null
    ? untrusted(JSON.stringify(envelope))
    : renderTemplate(subscriber.inbound_template, roots, { mark: untrusted });
  return {
    id,
    key,
    trigger: "event",
    kind: subscriber.inbound_kind,
    text,
    templated: !tick,
    sender_id: subscriber.inbound_kind === "internal_system" ? null : `event:${subscriber.id}`,
    msg_id: envelope.envelope_id,
    reply_to_msg_id: null,
    sent_at_ms: envelope.received_at_ms,
    sender_name: null,
    parts: [],
    chat: "direct",
    edit_of_msg_id: null,
    reply_address: null,
    event_source: {
      subject,
      envelope_id: envelope.envelope_id,
      synthesis_mode: tick ? "tick" : "synthesize",
    },
    envelope_id: envelope.envelope_id,
    delivery_id,
    hops: hops + 1,
  };
}

function escapeAttribute(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
}
