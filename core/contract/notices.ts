/**
 * What core tells microapps without being asked.
 *
 * @module
 */
import { z } from "zod";

/** Methods of notifications, as the wire calls them. */
export const NOTICES = {
  agent_event: "nexo/notify/agent_event",
  pairing_status_changed: "nexo/notify/pairing_status_changed",
  token_rotated: "nexo/notify/token_rotated",
  microapp_error: "nexo/notify/microapp_error",
  agents_updated: "agents/updated",
} as const;

/** The `params` of `nexo/notify/microapp_error`. */
export const MicroappError = z.looseObject({
  microapp_id: z.string(),
  kind: z.enum(["init_timeout", "handler_panic", "exit", "capability_denied"]),
  correlation_id: z.string().optional(),
  /** RFC 3339. */
  occurred_at: z.string(),
  summary: z.string(),
  /** The last lines of its stderr; at most 16 KiB. */
  stack_trace: z.string().optional(),
});
/** See {@linkcode MicroappError}. */
export type MicroappError = z.infer<typeof MicroappError>;

/** The `params` of `agents/updated`. */
export const AgentsUpdated = z.looseObject({
  /** The agents the microapp may see, sorted. */
  agent_ids: z.array(z.string()),
  /** What those agents' `extensions_config` says for this microapp. */
  agents_config: z.record(z.string(), z.unknown()).optional(),
});
/** See {@linkcode AgentsUpdated}. */
export type AgentsUpdated = z.infer<typeof AgentsUpdated>;
