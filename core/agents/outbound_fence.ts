/**
 * Whether a message may leave: asked right before each send, whoever wrote it.
 *
 * @module
 */
import { bindingId, type ErrorCode } from "../contract/mod.ts";
import type { Outbound } from "../queues/outbound.ts";
import type { Settings } from "../settings/settings.ts";
import { findBinding } from "./policy.ts";

/** Why a message must not go out now. */
export interface OutboundRefusal {
  readonly code: ErrorCode;
  readonly reason: string;
  /** Whether it may go later: its tenant or agent is only switched off. */
  readonly later: boolean;
}

/**
 * What the settings say against a message, if anything. What a turn wrote needs an active agent; an
 * operator may write for one that is switched off. An allowlist holds for both: one that is absent or
 * empty for the channel lets everybody through.
 */
export function outboundRefusal(
  { agents, tenants }: Pick<Settings, "agents" | "tenants">,
  outbound: Pick<
    Outbound,
    "account_id" | "agent_id" | "body" | "channel" | "contact" | "instance" | "turn_id"
  >,
): OutboundRefusal | undefined {
  const { account_id: account, agent_id: agentId, channel, instance, contact, body } = outbound;
  const tenant = tenants.get(account);
  if (tenant === undefined) {
    return { code: "account_unknown", reason: `tenant "${account}" is unknown`, later: false };
  }
  if (!tenant.active) {
    return { code: "account_suspended", reason: `tenant "${account}" is suspended`, later: true };
  }
  const agent = agents.get(agentId);
  if (agent === undefined) return undefined;
  if (!agent.active && outbound.turn_id !== null) {
    return { code: "agent_unknown", reason: `agent "${agentId}" is not active`, later: true };
  }
  const lists = findBinding(agent, channel, instance)?.outbound_allowlist ??
    agent.outbound_allowlist;
  const allowed = Object.hasOwn(lists, channel) ? lists[channel] ?? [] : [];
  const to = addressOf(channel, body.to?.to ?? contact);
  if (allowed.length === 0 || allowed.some((each) => addressOf(channel, each) === to)) {
    return undefined;
  }
  const reason = `the outbound_allowlist of agent "${agentId}" for ${
    bindingId(channel, instance)
  } does not have this address`;
  return { code: "outbound_failed", reason, later: false };
}

/** An address as its channel compares it. */
function addressOf(channel: string, address: string): string {
  switch (channel) {
    case "whatsapp":
      // A number may come with a plus, spaces or the suffix of a chat's id.
      return address.replace(/@.*$/s, "").replaceAll(/\D/g, "");
    case "email":
      return address.trim().toLowerCase();
    default:
      return address;
  }
}
