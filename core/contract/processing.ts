/**
 * Takeover and escalation as the wire says them: scopes, actions, states.
 *
 * @module
 */
import { z } from "zod";

const ms = z.int().nonnegative();
const name = z.string().min(1).max(512);

/**
 * Whose a scope is. `account_id` may be given as tenant or as instance; what comes back has the tenant
 * in `account_id` and `tenant_id`, and the instance beside it.
 */
const whose = {
  account_id: name,
  tenant_id: name.nullish(),
  instance: name.nullish(),
};

const conversation = z.looseObject({
  kind: z.literal("conversation"),
  agent_id: name,
  channel: name,
  ...whose,
  contact_id: name,
  mcp_channel_source: z.string().nullish(),
});
const agentBinding = z.looseObject({
  kind: z.literal("agent_binding"),
  agent_id: name,
  channel: name,
  ...whose,
});
const agent = z.looseObject({
  kind: z.literal("agent"),
  agent_id: name,
  /** Needed when the agent works for several tenants. */
  account_id: name.nullish(),
  tenant_id: name.nullish(),
});

/** What an operator pauses. */
export const ProcessingScope = z.discriminatedUnion("kind", [conversation, agentBinding, agent]);
/** See {@linkcode ProcessingScope}. */
export type ProcessingScope = z.infer<typeof ProcessingScope>;

/** Every scope the wire knows; the last three have nothing here that could be paused. */
export const AnyScope = z.discriminatedUnion("kind", [
  conversation,
  agentBinding,
  agent,
  z.looseObject({ kind: z.literal("event_stream"), agent_id: name, subject_pattern: name }),
  z.looseObject({ kind: z.literal("batch_queue"), agent_id: name, queue_name: name }),
  z.looseObject({ kind: z.literal("custom"), agent_id: name, scope_kind: name, scope_id: name }),
]);
/** See {@linkcode AnyScope}. */
export type AnyScope = z.infer<typeof AnyScope>;

/** Whether an agent answers, or who does. */
export const ProcessingControlState = z.discriminatedUnion("state", [
  z.looseObject({ state: z.literal("agent_active") }),
  z.looseObject({
    state: z.literal("paused_by_operator"),
    scope: ProcessingScope,
    paused_at_ms: ms,
    operator_token_hash: z.string(),
    operator_name: z.string().optional(),
    /** Until then nobody else may act on it. */
    lease_until_ms: ms.optional(),
    /** When the agent takes over again by itself, unless the operator acts. */
    resumes_at_ms: ms.optional(),
    reason: z.string().optional(),
  }),
]);
/** See {@linkcode ProcessingControlState}. */
export type ProcessingControlState = z.infer<typeof ProcessingControlState>;

/** What an operator does in a paused scope. */
export const InterventionAction = z.discriminatedUnion("kind", [
  z.looseObject({
    kind: z.literal("reply"),
    channel: name,
    account_id: name,
    to: name,
    body: z.string().max(65_536),
    msg_kind: z.string(),
    attachments: z.array(z.json()).max(16).nullish(),
    reply_to_msg_id: z.string().nullish(),
  }),
  z.looseObject({
    kind: z.literal("skip_item"),
    item_id: z.string(),
    reason: z.string().trim().min(1).max(4_096),
  }),
  z.looseObject({ kind: z.literal("override_output"), value: z.json() }),
  z.looseObject({
    kind: z.literal("inject_input"),
    content: z.string().trim().min(1).max(65_536),
    /** Whose conversation it is for; needed when the scope has several. */
    contact_id: name.nullish(),
  }),
  z.looseObject({ kind: z.literal("custom"), action_kind: z.string(), payload: z.json() }),
]);
/** See {@linkcode InterventionAction}. */
export type InterventionAction = z.infer<typeof InterventionAction>;

/** Why an agent asks for a person. */
export const EscalationReason = z.enum([
  "out_of_scope",
  "missing_data",
  "needs_human_judgment",
  "complaint",
  "error",
  "ambiguity",
  "policy_violation",
  "unknown_query",
  "other",
]);
/** See {@linkcode EscalationReason}. */
export type EscalationReason = z.infer<typeof EscalationReason>;

/** How soon somebody should look. */
export const EscalationUrgency = z.enum(["low", "normal", "high"]);
/** See {@linkcode EscalationUrgency}. */
export type EscalationUrgency = z.infer<typeof EscalationUrgency>;

/** How an escalation ended. */
export const ResolvedBy = z.discriminatedUnion("kind", [
  z.looseObject({ kind: z.literal("operator_takeover") }),
  z.looseObject({ kind: z.literal("operator_dismissed"), reason: z.string() }),
  z.looseObject({ kind: z.literal("agent_resolved") }),
]);
/** See {@linkcode ResolvedBy}. */
export type ResolvedBy = z.infer<typeof ResolvedBy>;

/** What has become of an escalation. */
export const EscalationState = z.discriminatedUnion("state", [
  z.looseObject({ state: z.literal("none") }),
  z.looseObject({
    state: z.literal("pending"),
    scope: ProcessingScope,
    summary: z.string(),
    reason: EscalationReason,
    urgency: EscalationUrgency,
    context: z.record(z.string(), z.json()).optional(),
    requested_at_ms: ms,
    due_at_ms: ms.optional(),
  }),
  z.looseObject({
    state: z.literal("resolved"),
    scope: ProcessingScope,
    resolved_at_ms: ms,
    by: ResolvedBy,
  }),
]);
/** See {@linkcode EscalationState}. */
export type EscalationState = z.infer<typeof EscalationState>;
