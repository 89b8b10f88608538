/**
 * From an accepted event to the agents that subscribe to it, its tenant resolved once.
 *
 * @module
 */
import {
  type AgentConfig,
  type ConversationKey,
  DEFAULT_ACCOUNT,
  type ErrorCode,
  type EventSubscriberConfig,
  type Handoff,
  type Inbound,
  matchSubject,
  MAX_HOPS,
} from "../contract/mod.ts";
import { untrusted } from "../models/untrusted.ts";
import type { Settings } from "../settings/settings.ts";

import { renderTemplate } from "./template.ts";

/** The account of rows whose tenant could not be resolved. */
export const NO_ACCOUNT = "_";

/** Where an event goes. */
export type Route =
  | { readonly kind: "inbounds"; readonly account: string; readonly inbounds: readonly Inbound[] }
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
  const matching = [...settings.agents.values()].flatMap((agent) =>
    agent.event_subscribers
      .filter((subscriber) =>
        agent.active && subscriber.synthesize_inbound !== "off" &&
        matchSubject(subscriber.subject_pattern, handoff.subject)
      )
      .map((subscriber) => ({ agent, subscriber }))
  );
  const inbounds: Inbound[] = [];
  let account: string | undefined;
  for (const { agent, subscriber } of matching) {
    const tenant = tenantOfEvent(handoff, subscriber, agent, settings);
    if (tenant.kind === "dead") return tenant;
    // An agent of one tenant never hears of another's events, whatever its pattern says.
    if (agent.tenant_id != null && agent.tenant_id !== tenant.account) continue;
    account ??= tenant.account;
    if (account !== tenant.account) {
      return dead(NO_ACCOUNT, "inbound_refused", "subscribers disagree about the event's tenant");
    }
    inbounds.push(inboundOf(handoff, agent, subscriber, account, uuid()));
  }
  if (account === undefined) {
    const own = checked(handoff.account_id ?? soleTenant(settings) ?? NO_ACCOUNT, settings, true);
    return own.kind === "dead" ? own : { ...own, inbounds: [] };
  }
  return { kind: "inbounds", account, inbounds };
}

type Tenant = { readonly kind: "inbounds"; readonly account: string } | Route & { kind: "dead" };

/** Source, then subject, then (only when trusted) payload, then the agent's own tenant. */
function tenantOfEvent(
  handoff: Handoff,
  subscriber: EventSubscriberConfig,
  agent: AgentConfig,
  settings: Settings,
): Tenant {
  if (handoff.account_id !== null) return checked(handoff.account_id, settings);
  if (subscriber.account_id != null) {
    const payload = subscriber.trust_payload_tenant ? handoff.envelope : {};
    const rendered = renderTemplate(subscriber.account_id, { payload, subject: handoff.subject });
    return checked(rendered, settings);
  }
  return checked(agent.tenant_id ?? soleTenant(settings) ?? NO_ACCOUNT, settings);
}

function soleTenant(settings: Settings): string | undefined {
  return settings.singleTenant ? DEFAULT_ACCOUNT : undefined;
}

function checked(account: string, settings: Settings, mayBeNobody = false): Tenant {
  const tenant = settings.tenants.get(account);
  if (tenant?.active === true || (mayBeNobody && account === NO_ACCOUNT)) {
    return { kind: "inbounds", account };
  }
  if (tenant !== undefined) return dead(account, "account_suspended", `tenant "${account}" is suspended`);
  return dead(NO_ACCOUNT, "account_unknown", `the event names no known tenant: "${account}"`);
}

function dead(account: string, code: ErrorCode, detail: string): Route & { kind: "dead" } {
  return { kind: "dead", account, code, detail };
}

function inboundOf(
  { envelope, subject, delivery_id, hops }: Handoff,
  agent: AgentConfig,
  subscriber: EventSubscriberConfig,
  account: string,
  id: string,
): Inbound {
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
