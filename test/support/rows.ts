/**
 * Rows as tests queue them: of one agent, a visitor and a tenant.
 *
 * @module
 */
import type { OpenInbound } from "../../core/queues/inbounds.ts";
import type { Outbound } from "../../core/queues/outbound.ts";
import { uuid } from "./spine.ts";

/** A message that goes out on the channel `test`. */
export function outboundOf(text: string, over: Partial<Outbound> = {}): Outbound {
  return {
    id: uuid(),
    account_id: "acme",
    agent_id: "ana",
    session_id: "s",
    channel: "test",
    instance: "acme",
    contact: "c",
    turn_id: uuid(),
    body: { kind: "text", text, to: null, reply_to_msg_id: null },
    expires_at_ms: Date.now() + 60_000,
    ...over,
  };
}

/** A message that waits for its turn. */
export function openInboundOf(id: string, over: Partial<OpenInbound> = {}): OpenInbound {
  return {
    id,
    account_id: "acme",
    agent_id: "ana",
    session_id: "s",
    channel: "webchat",
    instance: "acme",
    trigger: "channel",
    turn_id: null,
    attempts: 0,
    starts: 0,
    next_at_ms: 0,
    created_at_ms: 0,
    traceparent: null,
    recovered: 0,
    ...over,
  };
}
