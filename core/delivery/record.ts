/**
 * What the event log says of a send.
 *
 * @module
 */
import type { AgentEvent } from "../contract/mod.ts";
import type { UnsentOutbound } from "../queues/outbound.ts";

/** How a send ended. */
export type OutboundEnd =
  | { readonly kind: "sent"; readonly msgId: string | null; readonly atMs: number }
  /** `reason` is redacted. */
  | { readonly kind: "failed"; readonly reason: string; readonly atMs: number };

/** The event of a send that ended. */
export function outboundEvent(outbound: UnsentOutbound, end: OutboundEnd): AgentEvent {
  const sending = {
    agent_id: outbound.agent_id,
    session_id: outbound.session_id,
    outbound_id: outbound.id,
    channel: outbound.channel,
    instance: outbound.instance,
    ...(outbound.turn_id === null ? {} : { turn_id: outbound.turn_id }),
    at_ms: end.atMs,
  };
  if (end.kind === "failed") return { kind: "outbound_failed", ...sending, reason: end.reason };
  return {
    kind: "outbound_sent",
    ...sending,
    ...(end.msgId === null ? {} : { msg_id: end.msgId }),
    attempts: outbound.attempts + 1,
  };
}
