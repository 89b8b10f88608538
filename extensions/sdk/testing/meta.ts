/**
 * For whom a test calls.
 *
 * @module
 */
import {
  bindingId,
  CallMeta,
  DEFAULT_ACCOUNT,
  type InboundMessageMeta,
} from "../../../core/contract/mod.ts";

/** For whom a test calls, and what led to it. */
export interface TestCall {
  /** The tenant. @default {"default"} */
  readonly accountId?: string;
  /** @default {"test-agent"} */
  readonly agentId?: string;
  readonly sessionId?: string;
  /** The same for the same step of a turn. */
  readonly callId?: string;
  readonly traceparent?: string;
  readonly channel?: string;
  /** @default the tenant */
  readonly instance?: string;
  readonly inbound?: InboundMessageMeta;
}

/** The `_meta` core would send. */
export function metaOf(
  {
    accountId = DEFAULT_ACCOUNT,
    agentId = "test-agent",
    sessionId,
    callId,
    traceparent,
    channel,
    instance,
    inbound,
  }: TestCall,
): CallMeta {
  const place = instance ?? accountId;
  const where = channel === undefined
    ? {}
    : { channel, instance: place, binding_id: bindingId(channel, place) };
  return {
    agent_id: agentId,
    session_id: sessionId ?? null,
    ...(traceparent === undefined ? {} : { traceparent }),
    nexo: {
      binding: { agent_id: agentId, account_id: accountId, tenant_id: accountId, ...where },
      ...(inbound === undefined ? {} : { inbound }),
      ...(callId === undefined ? {} : { call_id: callId }),
    },
  };
}
