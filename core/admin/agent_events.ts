/**
 * `nexo/admin/agent_events/*`: a tenant's past, page by page.
 *
 * @module
 */
import { z } from "zod";
import { AgentEvent, CodedError } from "../contract/mod.ts";
import { AGENT_EVENT_METHODS } from "../contract/admin/agent_events.ts";
import type { EventLog, EventQuery, StoredEvent } from "../events/event_log.ts";
import type { TranscriptSearch } from "../record/search.ts";
import type { TranscriptRow, Transcripts } from "../record/transcripts.ts";
import { type AdminMethod, type Call, methodsOf, sees } from "./method.ts";

/** What the event methods need. */
export interface AgentEventMethodDeps {
  readonly events: Pick<EventLog, "list" | "listForOperator">;
  readonly transcripts: Pick<Transcripts, "readTranscript">;
  readonly search: TranscriptSearch;
  /** The tenant of a session, for calls that may see all. */
  readonly accountOfSession: (sessionId: string) => Promise<string | undefined>;
}

/** Returns the methods on events. */
export function agentEventMethods(deps: AgentEventMethodDeps): AdminMethod[] {
  const { events, transcripts } = deps;

  /** The streams a call reads: `*` for all tenants, or those of its own. */
  function streamsOf(tenantId: string | undefined, call: Call): readonly string[] {
    if (tenantId !== undefined) return sees(call, tenantId) ? [tenantId] : [];
    return call.tenants === "all" ? ["*"] : call.tenants;
  }

  return methodsOf(AGENT_EVENT_METHODS, {
    async "nexo/admin/agent_events/list"(params, call) {
      const { limit } = params;
      const before = readCursor(params.cursor ?? undefined);
      const pages = await Promise.all(
        streamsOf(params.tenant_id, call).map(async (stream) => {
          const query: EventQuery = {
            agentId: params.agent_id,
            kinds: params.kind == null ? undefined : [params.kind],
            sinceMs: params.since_ms ?? undefined,
            before: before[stream],
            limit,
          };
          const page = stream === "*"
            ? await events.listForOperator(query)
            : await events.list({ ...query, account: stream });
          return page.events.map((event) => ({ stream, event }));
        }),
      );
      const found = pages.flat().sort((a, b) => b.event.id - a.event.id).slice(0, limit);
      const after = { ...before };
      for (const { stream, event } of found) after[stream] = positionIn(stream, event);
      return {
        events: found.map(({ event }) => AgentEvent.parse(JSON.parse(event.body))),
        ...(found.length === limit ? { next_cursor: writeCursor(after) } : {}),
      };
    },

    async "nexo/admin/agent_events/read"(params, call) {
      const account = params.tenant_id ?? await deps.accountOfSession(params.session_id);
      if (account === undefined || !sees(call, account)) return { events: [] };
      const rows = await transcripts.readTranscript({
        account,
        sessionId: params.session_id,
        agentId: params.agent_id,
        afterSeq: params.since_seq ?? undefined,
        limit: params.limit,
      });
      return { events: rows.map((row) => eventOf(row, account, params.session_id)) };
    },

    async "nexo/admin/agent_events/search"(params, call) {
      const before = params.cursor == null ? undefined : Number(params.cursor);
      if (before !== undefined && !Number.isSafeInteger(before)) throw badCursor();
      const query = { agentId: params.agent_id, text: params.query, before, limit: params.limit };
      const accounts = streamsOf(params.tenant_id, call);
      const hits = accounts.includes("*")
        ? await deps.search.searchForOperator(query)
        : await deps.search.search({ ...query, accounts });
      const last = hits.at(-1);
      return {
        hits: hits.map(({ session_id, timestamp_ms, role, source_plugin, snippet }) => ({
          session_id,
          timestamp_ms,
          role,
          source_plugin,
          snippet,
        })),
        ...(last !== undefined && hits.length === params.limit
          ? { next_cursor: String(last.id) }
          : {}),
      };
    },
  });
}

/** A transcript entry as the event that told of it. */
export function eventOf(row: TranscriptRow, account: string, sessionId: string): AgentEvent {
  return {
    kind: "transcript_appended",
    agent_id: row.agentId,
    session_id: sessionId,
    seq: row.seq,
    role: row.role,
    body: row.body,
    sent_at_ms: row.sentAtMs,
    ...(row.senderId === null ? {} : { sender_id: row.senderId }),
    source_plugin: row.sourcePlugin,
    tenant_id: account,
  };
}

/** Where a page ended, for each stream it read. */
const Positions = z.record(z.string(), z.int().min(0));

function positionIn(stream: string, { id, offset }: StoredEvent): number {
  return stream === "*" ? id : offset;
}

function writeCursor(positions: z.infer<typeof Positions>): string {
  return Buffer.from(JSON.stringify(positions)).toString("base64url");
}

function readCursor(cursor: string | undefined): z.infer<typeof Positions> {
  if (cursor === undefined) return {};
  try {
    return Positions.parse(JSON.parse(Buffer.from(cursor, "base64url").toString("utf8")));
  } catch {
    throw badCursor();
  }
}

function badCursor(): CodedError {
  return new CodedError("invalid_params", "cursor: give back next_cursor as it came");
}
