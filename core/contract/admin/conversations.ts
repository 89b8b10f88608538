/**
 * `nexo/admin/conversations/*`: a tenant's conversations as an operator's inbox shows them.
 *
 * @module
 */
import { z } from "zod";
import { AgentEvent } from "../events.ts";
import { Uuid } from "../ids.ts";
import { EscalationState, ProcessingControlState, ProcessingScope } from "../processing.ts";
import { filled, limited, spec, TenantScope } from "./spec.ts";

/** One conversation, its newest entry redacted like the transcript it is from. */
export const ConversationSummary = z.object({
  tenant_id: z.string(),
  session_id: Uuid,
  agent_id: z.string(),
  channel: z.string(),
  instance: z.string(),
  contact_id: z.string(),
  /** Give it back to pause, resume or act. */
  scope: ProcessingScope,
  last: z.object({ role: z.string(), body: z.string(), sent_at_ms: z.int() }).optional(),
  /** The narrowest pause over it. */
  state: ProcessingControlState,
  /** Messages that wait behind a pause. */
  pending: z.int(),
  escalation: EscalationState,
});
/** See {@linkcode ConversationSummary}. */
export type ConversationSummary = z.infer<typeof ConversationSummary>;

/** A message that waits behind a pause; `item_id` is what `skip_item` takes. */
export const PendingItem = z.object({
  item_id: Uuid,
  trigger: z.string(),
  body: z.string(),
  sent_at_ms: z.int(),
});

/** The methods of this domain. */
export const CONVERSATION_METHODS = {
  "nexo/admin/conversations/list": spec(
    "transcripts_read",
    z.object({
      /** Absent under a grant for one tenant, that one. */
      tenant_id: TenantScope,
      agent_id: z.string().min(1).nullish(),
      channel: z.string().min(1).nullish(),
      contact_id: z.string().min(1).nullish(),
      limit: limited(50, 200),
      /** Where the page before ended. */
      cursor: Uuid.nullish(),
    }),
    z.object({
      conversations: z.array(ConversationSummary),
      next_cursor: z.string().optional(),
    }),
  ),
  "nexo/admin/conversations/read": spec(
    "transcripts_read",
    z.object({
      tenant_id: TenantScope,
      agent_id: filled("agent_id"),
      session_id: Uuid,
      /** Entries after this position; absent for the newest. */
      since_seq: z.int().min(0).nullish(),
      limit: limited(100, 1_000),
    }),
    z.object({
      /** Null for what there is not, or not for this caller. */
      conversation: ConversationSummary.nullable(),
      events: z.array(AgentEvent),
      pending: z.array(PendingItem),
    }),
  ),
} as const;
