/**
 * The event log.
 *
 * @module
 */
import type { AgentEventKind } from "../../../../core/contract/mod.ts";

/** The texts, by where they stand. */
export const EVENTS = {
  events: {
    intro: "Everything that was told, newest first; texts are redacted.",
    event: "Event",
    at: "At",
    tenant: "Tenant",
    agent: "Agent",
    kind: "Kind",
    offset: "Offset",
    whole: (offset: number) => `Event ${offset}`,
    noneFit: "No event fits these filters.",
    emptyTitle: "No events yet",
    empty: "Whatever happens is told here. Make something happen:",
    kinds: {
      transcript_appended: "Said",
      pending_inbounds_dropped: "Waiting messages dropped",
      escalation_requested: "Person asked for",
      escalation_resolved: "Escalation resolved",
      escalation_overdue: "Escalation overdue",
      processing_state_changed: "Paused or resumed",
      pause_forgotten: "Pause forgotten",
      security_event: "Security",
      webhook_accepted: "Webhook accepted",
      webhook_rejected: "Webhooks refused",
      source_health: "Source health",
      turn_started: "Turn started",
      turn_finished: "Turn finished",
      tool_called: "Tool called",
      hook_applied: "Hook applied",
      outbound_sent: "Sent",
      outbound_failed: "Given up sending",
      outbound_receipt: "Receipt",
      rate_limited: "Rate limited",
      budget_threshold: "Budget threshold",
      conversation_muted: "Conversation muted",
      conversation_unmuted: "Conversation unmuted",
      pairing_status_changed: "Pairing",
      schedule_missed: "Schedule missed",
      microapp_state: "Microapp",
      config_applied: "Config applied",
      data_erased: "Data erased",
    } satisfies Readonly<Record<AgentEventKind, string>>,
  },
} as const;
