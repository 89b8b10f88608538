/**
 * `nexo/admin/conversations/*`: a tenant's conversations as an operator's inbox shows them.
 *
 * @module
 */
import { CONVERSATION_METHODS } from "../contract/admin/conversations.ts";
import { CodedError } from "../contract/mod.ts";
import type { ConversationViews } from "../oversight/conversation_views.ts";
import type { Transcripts } from "../record/transcripts.ts";
import type { Settings } from "../settings/settings.ts";
import { eventOf } from "./agent_events.ts";
import { type AdminMethod, type Call, methodsOf, onlyTenant, sees } from "./method.ts";

/** What these methods need. */
export interface ConversationMethodDeps {
  readonly settings: () => Settings;
  readonly views: ConversationViews;
  readonly transcripts: Pick<Transcripts, "readTranscript">;
}

/** Returns the methods on conversations. */
export function conversationMethods({ settings, views, transcripts }: ConversationMethodDeps) {
  /** The one tenant a call is about; undefined for one it may not know of. */
  function accountOf(tenantId: string | undefined, call: Call): string | undefined {
    const { tenants } = settings();
    const only = tenants.size === 1 ? [...tenants.keys()][0] : undefined;
    const account = tenantId ?? onlyTenant(call) ?? only;
    if (account === undefined) throw new CodedError("invalid_params", "tenant_id is required");
    return sees(call, account) ? account : undefined;
  }

  const methods: AdminMethod[] = methodsOf(CONVERSATION_METHODS, {
    async "nexo/admin/conversations/list"(params, call) {
      const account = accountOf(params.tenant_id, call);
      if (account === undefined) return { conversations: [] };
      const { conversations, nextCursor } = await views.list({
        account,
        agentId: params.agent_id ?? undefined,
        channel: params.channel ?? undefined,
        contact: params.contact_id ?? undefined,
        before: params.cursor ?? undefined,
        limit: params.limit,
      });
      return { conversations, ...(nextCursor === undefined ? {} : { next_cursor: nextCursor }) };
    },

    async "nexo/admin/conversations/read"(params, call) {
      const { agent_id: agentId, session_id: sessionId, limit } = params;
      const account = accountOf(params.tenant_id, call);
      const found = account && await views.find(account, agentId, sessionId);
      if (!account || !found) return { conversation: null, events: [], pending: [] };
      const rows = await transcripts.readTranscript({
        account,
        sessionId,
        agentId,
        afterSeq: params.since_seq ?? found.lastSeq - limit,
        limit,
      });
      return {
        conversation: found.conversation,
        events: rows.map((row) => eventOf(row, account, sessionId)),
        pending: await views.pending(account, sessionId),
      };
    },
  });
  return methods;
}
