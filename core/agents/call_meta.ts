/**
 * Who and for whom, as tool calls and hooks carry it.
 *
 * @module
 */
import {
  type BindingContext,
  bindingId,
  type CallMeta,
  type Inbound,
  type InboundMessageMeta,
} from "../contract/mod.ts";
import { type SharedMeta, shareMeta } from "../microapps/meta_json.ts";
import { MCP_CHANNEL } from "../settings/mcp_channels.ts";

/** By the first message of a turn, whose key also names the session. */
const turns = new WeakMap<Inbound, SharedMeta>();

/** The `_meta` of a turn's calls; `callId` is stable for one step. */
export function callMeta(
  sessionId: string,
  [first]: readonly [Inbound, ...Inbound[]],
  callId?: string,
): CallMeta {
  let shared = turns.get(first);
  if (shared === undefined) {
    shared = shareMeta({
      agent_id: first.key.agent_id,
      session_id: sessionId,
      nexo: { binding: bindingContext(first, sessionId), inbound: messageMeta(first) },
    });
    turns.set(first, shared);
  }
  return shared.forCall(callId);
}

function bindingContext({ key, event_source }: Inbound, sessionId: string): BindingContext {
  return {
    agent_id: key.agent_id,
    session_id: sessionId,
    channel: key.channel,
    account_id: key.account_id,
    tenant_id: key.account_id,
    instance: key.instance,
    binding_id: bindingId(key.channel, key.instance),
    ...(key.channel === MCP_CHANNEL ? { mcp_channel_source: key.instance } : {}),
    ...(event_source === null ? {} : { event_source }),
  };
}

function messageMeta(inbound: Inbound): InboundMessageMeta {
  return {
    kind: inbound.kind,
    ...(inbound.sender_id === null ? {} : { sender_id: inbound.sender_id }),
    ...(inbound.sender_name === null ? {} : { sender_name: inbound.sender_name }),
    ...(inbound.msg_id === null ? {} : { msg_id: inbound.msg_id }),
    inbound_ts: new Date(inbound.sent_at_ms).toISOString(),
    ...(inbound.parts.some(({ kind }) => kind === "media") ? { has_media: true } : {}),
    ...(inbound.delegation === undefined
      ? {}
      : { origin_session_id: inbound.delegation.origin_session_id }),
    ...(inbound.reply_to_msg_id === null ? {} : { reply_to_msg_id: inbound.reply_to_msg_id }),
  };
}
