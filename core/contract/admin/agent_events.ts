/**
 * `nexo/admin/agent_events/*`: what has happened, page by page.
 *
 * @module
 */
import { z } from "zod";
import { AgentEvent } from "../events.ts";
import { AgentEventKindName } from "../firehose.ts";
import { Uuid } from "../ids.ts";
import { filled, limited, spec, TenantScope } from "./spec.ts";

const agentId = filled("agent_id");
/** Where the page before ended; give it back as it came. */
const cursor = z.string().max(4_096).nullish();
const nextCursor = { next_cursor: z.string().optional() };

/** One place where a text was found. */
export const TranscriptHit = z.object({
  session_id: Uuid,
  timestamp_ms: z.int(),
  role: z.string(),
  source_plugin: z.string(),
  /** About 12 words, matches in `[ ]`. */
  snippet: z.string(),
});
/** See {@linkcode TranscriptHit}. */
export type TranscriptHit = z.infer<typeof TranscriptHit>;

/** The methods of this domain. */
export const AGENT_EVENT_METHODS = {
  "nexo/admin/agent_events/list": spec(
    "transcripts_read",
    z.object({
      agent_id: agentId,
      kind: AgentEventKindName.nullish(),
      since_ms: z.int().min(0).nullish(),
      limit: limited(500, 1_000),
      tenant_id: TenantScope,
      cursor,
    }),
    z.object({ events: z.array(AgentEvent), ...nextCursor }),
  ),
  "nexo/admin/agent_events/read": spec(
    "transcripts_read",
    z.object({
      agent_id: agentId,
      session_id: Uuid,
      since_seq: z.int().min(0).nullish(),
      limit: limited(200, 1_000),
      tenant_id: TenantScope,
    }),
    z.object({ events: z.array(AgentEvent) }),
  ),
  "nexo/admin/agent_events/search": spec(
    "transcripts_read",
    z.object({
      agent_id: agentId,
      query: filled("query"),
      kind: AgentEventKindName.nullish(),
      limit: limited(50, 500),
      tenant_id: TenantScope,
      cursor,
    }),
    z.object({ hits: z.array(TranscriptHit), ...nextCursor }),
  ),
} as const;
