/**
 * What the firehose carries: nexo's six kinds, and ours.
 *
 * @module
 */
import { z } from "zod";
import { Uuid } from "./ids.ts";
import { PairingState } from "./pairing.ts";
import { ProcessingControlState, ProcessingScope } from "./processing.ts";
import { SourceState } from "./source_health.ts";

const ms = z.int().nonnegative();
const tenant = { tenant_id: z.string().optional() };
/** The delivery a turn came from, when it came from one. */
const origin = { envelope_id: Uuid.optional(), delivery_id: z.string().nullish() };

/** Who wrote a transcript entry. */
export const TranscriptRole = z.enum(["user", "assistant", "tool", "system"]);
/** See {@linkcode TranscriptRole}. */
export type TranscriptRole = z.infer<typeof TranscriptRole>;

const transcriptAppended = z.looseObject({
  kind: z.literal("transcript_appended"),
  agent_id: z.string(),
  session_id: Uuid,
  /** 0-based position of the entry in its session; the same live and in backfill. */
  seq: z.int().nonnegative(),
  role: TranscriptRole,
  /** Redacted. */
  body: z.string(),
  sent_at_ms: ms,
  sender_id: z.string().optional(),
  source_plugin: z.string(),
  /** The turn it was said in, when it was said in one. */
  turn_id: Uuid.optional(),
  ...tenant,
});

/** A message on its way out; what it says is in the transcript. */
const sending = {
  agent_id: z.string(),
  session_id: Uuid,
  outbound_id: Uuid,
  channel: z.string(),
  instance: z.string(),
  /** The turn it was said in, when it was said in one. */
  turn_id: Uuid.optional(),
};

/** Nexo's own kinds; what `transcripts_subscribe` receives. */
export const NEXO_EVENT_KINDS = [
  "transcript_appended",
  "pending_inbounds_dropped",
  "escalation_requested",
  "escalation_resolved",
  "processing_state_changed",
  "security_event",
] as const;

/** One event, as stored and as sent. Unknown members pass. */
export const AgentEvent = z.discriminatedUnion("kind", [
  transcriptAppended,
  z.looseObject({
    kind: z.literal("pending_inbounds_dropped"),
    agent_id: z.string(),
    scope: ProcessingScope,
    dropped: z.int(),
    at_ms: ms,
    ...tenant,
  }),
  z.looseObject({
    kind: z.literal("escalation_requested"),
    agent_id: z.string(),
    scope: ProcessingScope,
    summary: z.string(),
    reason: z.string(),
    urgency: z.string(),
    requested_at_ms: ms,
    ...tenant,
  }),
  z.looseObject({
    kind: z.literal("escalation_resolved"),
    agent_id: z.string(),
    scope: ProcessingScope,
    resolved_at_ms: ms,
    by: z.looseObject({ kind: z.string() }),
    ...tenant,
  }),
  z.looseObject({
    kind: z.literal("processing_state_changed"),
    agent_id: z.string(),
    scope: ProcessingScope,
    prev_state: ProcessingControlState,
    new_state: ProcessingControlState,
    at_ms: ms,
    ...tenant,
  }),
  z.looseObject({
    /** A pause in which its operator has done nothing for long; told once. */
    kind: z.literal("pause_forgotten"),
    agent_id: z.string(),
    scope: ProcessingScope,
    operator_token_hash: z.string(),
    paused_at_ms: ms,
    pending: z.int().nonnegative(),
    at_ms: ms,
    ...tenant,
  }),
  z.looseObject({
    /** An escalation nobody has looked at in time; told once. */
    kind: z.literal("escalation_overdue"),
    agent_id: z.string(),
    scope: ProcessingScope,
    urgency: z.string(),
    requested_at_ms: ms,
    at_ms: ms,
    ...tenant,
  }),
  z.looseObject({
    kind: z.literal("security_event"),
    security_kind: z.string(),
    /** Whose token was rotated. */
    microapp_id: z.string().optional(),
    at_ms: ms,
    prev_hash: z.string().optional(),
    new_hash: z.string().optional(),
    reason: z.string().optional(),
  }),
  z.looseObject({
    kind: z.literal("webhook_accepted"),
    source_id: z.string(),
    event_kind: z.string(),
    envelope_id: Uuid,
    delivery_id: z.string().nullable(),
    /** How many subscribers it went to. */
    inbounds: z.int().nonnegative(),
    at_ms: ms,
    ...tenant,
  }),
  z.looseObject({
    kind: z.literal("turn_started"),
    agent_id: z.string(),
    session_id: Uuid,
    turn_id: Uuid,
    binding_id: z.string(),
    trigger: z.string(),
    attempt: z.int().positive(),
    at_ms: ms,
    ...origin,
    ...tenant,
  }),
  z.looseObject({
    kind: z.literal("turn_finished"),
    agent_id: z.string(),
    session_id: Uuid,
    turn_id: Uuid,
    binding_id: z.string(),
    outcome: z.enum(["ok", "error", "refused"]),
    error: z.string().optional(),
    tokens_in: z.int().nonnegative(),
    tokens_out: z.int().nonnegative(),
    tool_calls: z.int().nonnegative(),
    duration_ms: z.int().nonnegative(),
    at_ms: ms,
    ...origin,
    ...tenant,
  }),
  z.looseObject({
    kind: z.literal("tool_called"),
    agent_id: z.string(),
    session_id: Uuid,
    turn_id: Uuid,
    call_id: z.string(),
    tool: z.string(),
    outcome: z.enum([
      "ok",
      "error",
      "timeout",
      "not_allowed",
      "rate_limited",
      "invalid_args",
      "blocked",
    ]),
    duration_ms: z.int().nonnegative(),
    at_ms: ms,
    ...tenant,
  }),
  z.looseObject({
    kind: z.literal("outbound_sent"),
    ...sending,
    /** The channel's id of the message, when it says one. */
    msg_id: z.string().optional(),
    attempts: z.int().positive(),
    at_ms: ms,
    ...tenant,
  }),
  z.looseObject({
    /** Given up: a dead letter, which can be replayed. */
    kind: z.literal("outbound_failed"),
    ...sending,
    reason: z.string(),
    at_ms: ms,
    ...tenant,
  }),
  z.looseObject({
    /** What the provider says later of something that was sent. */
    kind: z.literal("outbound_receipt"),
    agent_id: z.string(),
    channel: z.string(),
    instance: z.string(),
    msg_id: z.string(),
    /** Where the provider says which of ours it is. */
    outbound_id: Uuid.optional(),
    status: z.enum(["sent", "delivered", "read", "failed"]),
    reason: z.string().optional(),
    at_ms: ms,
    ...tenant,
  }),
  z.looseObject({
    kind: z.literal("rate_limited"),
    agent_id: z.string(),
    /** Absent where a person wrote too often. */
    tool: z.string().optional(),
    /** The conversation of that person. */
    session_id: Uuid.optional(),
    binding_id: z.string(),
    rps: z.number(),
    /** `rate_limited:tool=…,binding=…,rps=…` or `rate_limited:sender,binding=…,rps=…` */
    marker: z.string(),
    at_ms: ms,
    ...tenant,
  }),
  z.looseObject({
    kind: z.literal("budget_threshold"),
    /** Absent for a budget of the whole tenant. */
    agent_id: z.string().optional(),
    /** `tokens_per_day`, `tokens_per_month`, `usd_per_day` or `usd_per_month`. */
    budget: z.string(),
    /** Tokens or US dollars, as the budget's name says. */
    used: z.number().nonnegative(),
    limit: z.number().nonnegative(),
    /** The part of the limit that was passed; 1 when a call was refused. */
    threshold: z.number().nonnegative(),
    action: z.enum(["warn", "downgrade", "refuse"]),
    resets_at_ms: ms,
    at_ms: ms,
    ...tenant,
  }),
  z.looseObject({
    /** A config is in force; a file that was refused changes nothing and is in the log. */
    kind: z.literal("config_applied"),
    version: z.int().positive(),
    at_ms: ms,
  }),
  z.looseObject({
    /** What was said with a person, or all of a tenant, is gone; events about it are a gap now. */
    kind: z.literal("data_erased"),
    what: z.enum(["contact", "tenant"]),
    /** Rows of each kind that are gone, or tombstones. */
    erased: z.record(z.string(), z.int().nonnegative()),
    at_ms: ms,
    ...tenant,
  }),
  z.looseObject({
    /** Signatures refused, counted; at most one a minute for each source. */
    kind: z.literal("webhook_rejected"),
    source_id: z.string(),
    count: z.int().positive(),
    reasons: z.record(z.string(), z.int().positive()),
    /** The last one refused, to find it in the edge's log. */
    last_request_id: z.string(),
    /** When the first of them was told. */
    since_ms: ms,
    at_ms: ms,
    ...tenant,
  }),
  z.looseObject({
    kind: z.literal("source_health"),
    source_id: z.string(),
    state: SourceState,
    previous_state: SourceState,
    detail: z.string(),
    at_ms: ms,
    ...tenant,
  }),
  z.looseObject({
    /** What a microapp did about a message or a tool call; one that let it pass is not told of. */
    kind: z.literal("hook_applied"),
    agent_id: z.string(),
    session_id: Uuid,
    turn_id: Uuid,
    point: z.string(),
    microapp_id: z.string(),
    /** `failed`: it must have its say and gave none. */
    effect: z.enum(["block", "transform", "override", "failed"]),
    /** The tool call it is about. */
    call_id: z.string().optional(),
    reason: z.string().optional(),
    at_ms: ms,
    ...tenant,
  }),
  z.looseObject({
    /** The agent replies no more in this conversation, until an operator says so. */
    kind: z.literal("conversation_muted"),
    agent_id: z.string(),
    session_id: Uuid,
    binding_id: z.string(),
    /** The microapp, or the operator's name. */
    by: z.string(),
    reason: z.string().optional(),
    at_ms: ms,
    ...tenant,
  }),
  z.looseObject({
    kind: z.literal("conversation_unmuted"),
    agent_id: z.string(),
    session_id: Uuid,
    binding_id: z.string(),
    by: z.string(),
    at_ms: ms,
    ...tenant,
  }),
  z.looseObject({
    kind: z.literal("pairing_status_changed"),
    challenge_id: Uuid,
    agent_id: z.string(),
    channel: z.string(),
    instance: z.string(),
    state: PairingState,
    at_ms: ms,
    ...tenant,
  }),
  z.looseObject({
    /** Times of a schedule that were not kept: core was down, the agent busy, or they came too late. */
    kind: z.literal("schedule_missed"),
    agent_id: z.string(),
    schedule_id: Uuid,
    schedule_kind: z.enum(["reminder", "heartbeat", "poller"]),
    /** The job's id, `heartbeat`, or what a reminder is about, redacted. */
    name: z.string(),
    /** The first time that was not kept. */
    since_ms: ms,
    /** How many of the times that passed are kept now. */
    kept: z.int().nonnegative(),
    at_ms: ms,
    ...tenant,
  }),
  z.looseObject({
    kind: z.literal("microapp_state"),
    microapp_id: z.string(),
    state: z.enum(["spawning", "ready", "restarting", "failed", "stopped"]),
    reason: z.string().optional(),
    at_ms: ms,
  }),
]);
/** See {@linkcode AgentEvent}. */
export type AgentEvent = z.infer<typeof AgentEvent>;

/** The name of an event's kind. */
export type AgentEventKind = AgentEvent["kind"];

/** When an event happened, in milliseconds since the epoch, whichever field carries it. */
export function eventTimeMs(event: AgentEvent): number {
  if (event.kind === "transcript_appended") return event.sent_at_ms;
  if (event.kind === "escalation_requested") return event.requested_at_ms;
  if (event.kind === "escalation_resolved") return event.resolved_at_ms;
  return event.at_ms;
}
