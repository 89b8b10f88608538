/**
 * Who and for whom: what travels with each tool call and hook.
 *
 * @module
 */
import { z } from "zod";
import { Uuid } from "./ids.ts";

/** How an event became text. */
export const SynthesisMode = z.enum(["synthesize", "tick"]);

/** Where an event turn came from. */
export const EventSourceMeta = z.looseObject({
  subject: z.string(),
  envelope_id: Uuid.nullish(),
  synthesis_mode: SynthesisMode,
});
/** See {@linkcode EventSourceMeta}. */
export type EventSourceMeta = z.infer<typeof EventSourceMeta>;

/** The agent, channel and tenant a call is made for. */
export const BindingContext = z.looseObject({
  agent_id: z.string(),
  session_id: Uuid.nullish(),
  channel: z.string().nullish(),
  /** The tenant, as in `tenant_id`. */
  account_id: z.string().nullish(),
  /** The channel's instance, for example one bot of several. */
  instance: z.string().nullish(),
  /** `<channel>:<instance or default>`. */
  binding_id: z.string().nullish(),
  mcp_channel_source: z.string().nullish(),
  event_source: EventSourceMeta.nullish(),
  tenant_id: z.string().nullish(),
});
/** See {@linkcode BindingContext}. */
export type BindingContext = z.infer<typeof BindingContext>;

/** Who spoke. Receivers drop a whole inbound whose kind they do not know, so none is ever added. */
export const InboundKind = z.enum(["external_user", "internal_system", "inter_session"]);
/** See {@linkcode InboundKind}. */
export type InboundKind = z.infer<typeof InboundKind>;

/** What is known of the message that led to a call. */
export const InboundMessageMeta = z.looseObject({
  kind: InboundKind,
  sender_id: z.string().nullish(),
  /** As the sender calls themselves, where the channel says it; never an identity. */
  sender_name: z.string().nullish(),
  msg_id: z.string().nullish(),
  /** RFC 3339. */
  inbound_ts: z.string().nullish(),
  reply_to_msg_id: z.string().nullish(),
  has_media: z.boolean().optional(),
  origin_session_id: Uuid.nullish(),
});
/** See {@linkcode InboundMessageMeta}. */
export type InboundMessageMeta = z.infer<typeof InboundMessageMeta>;

/** The `_meta` member of tool arguments and hook params: legacy flat fields and the nested form. */
export const CallMeta = z.looseObject({
  agent_id: z.string(),
  /** Always present, null when there is none. */
  session_id: Uuid.nullable(),
  /** The span of the call, as W3C Trace Context has it; only while core traces. */
  traceparent: z.string().optional(),
  nexo: z.looseObject({
    binding: BindingContext.optional(),
    inbound: InboundMessageMeta.optional(),
    /** Stable for one step of one turn, also when the step is tried again. */
    call_id: z.string().optional(),
  }).optional(),
});
/** See {@linkcode CallMeta}. */
export type CallMeta = z.infer<typeof CallMeta>;

/** The id operators and limits know a binding by. */
export function bindingId(channel: string, instance: string | null): string {
  return `${channel}:${instance ?? "default"}`;
}
