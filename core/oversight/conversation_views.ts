/**
 * Conversations with everything an operator's inbox shows of them, as the wire says it.
 *
 * @module
 */
import type { ConversationKey } from "../contract/mod.ts";
import type { ConversationSummary } from "../contract/admin/conversations.ts";
import type { Inbounds } from "../queues/inbounds.ts";
import type { Redactor } from "../redact/redactor.ts";
import type { Store } from "../store/store.ts";
import {
  type ConversationQuery,
  type ConversationRow,
  listConversations,
} from "./conversations.ts";
import { pendingByScope, wireEscalation } from "./escalation_rows.ts";
import type { Pauses } from "./pauses.ts";
import { wireState } from "./pausing.ts";
import { readPendingOf } from "./pending_rows.ts";
import { conversationScope, scopeKey, wireScope } from "./scopes.ts";

/** A message that waits behind a pause; `body` is redacted. */
export interface PendingView {
  readonly item_id: string;
  readonly trigger: string;
  readonly body: string;
  readonly sent_at_ms: number;
}

/** Reads conversations of one tenant. */
export interface ConversationViews {
  readonly list: (
    query: ConversationQuery,
  ) => Promise<{ conversations: ConversationSummary[]; nextCursor: string | undefined }>;
  /** One conversation and its newest position; undefined for what the tenant does not have. */
  readonly find: (
    account: string,
    agentId: string,
    sessionId: string,
  ) => Promise<{ conversation: ConversationSummary; lastSeq: number } | undefined>;
  readonly pending: (account: string, sessionId: string) => Promise<PendingView[]>;
}

/** Returns the reader. */
export function createConversationViews({ store, inbounds, pauses, redact }: {
  readonly store: Pick<Store, "read" | "readMany">;
  readonly inbounds: Pick<Inbounds, "load">;
  readonly pauses: Pick<Pauses, "over">;
  readonly redact: Redactor;
}): ConversationViews {
  async function view(
    account: string,
    rows: readonly ConversationRow[],
  ): Promise<ConversationSummary[]> {
    const escalations = await pendingByScope(
      store,
      account,
      rows.map((row) => conversationScope(keyOf(row))),
    );
    return rows.map((row) => {
      const scope = conversationScope(keyOf(row));
      const escalation = escalations.get(scopeKey(scope));
      return {
        tenant_id: account,
        session_id: row.session_id,
        agent_id: row.agent_id,
        channel: row.channel,
        instance: row.instance,
        contact_id: row.contact,
        scope: wireScope(scope),
        ...(row.last_role === null ? {} : {
          last: {
            role: row.last_role,
            body: row.last_body ?? "",
            sent_at_ms: row.last_at_ms ?? 0,
          },
        }),
        state: wireState(pauses.over(keyOf(row))),
        pending: row.pending,
        escalation: escalation === undefined ? { state: "none" } : wireEscalation(escalation),
      };
    });
  }

  return {
    async list(query) {
      const rows = await listConversations(store, query);
      return {
        conversations: await view(query.account, rows),
        nextCursor: rows.length === query.limit ? rows.at(-1)?.last_inbound_id : undefined,
      };
    },
    async find(account, agentId, sessionId) {
      const rows = await listConversations(store, { account, agentId, sessionId, limit: 1 });
      const [conversation] = await view(account, rows);
      return conversation && { conversation, lastSeq: rows[0]?.last_seq ?? -1 };
    },
    async pending(account, sessionId) {
      const rows = await readPendingOf(store, account, sessionId);
      const loaded = rows.length === 0
        ? []
        : await inbounds.load(account, rows.map(({ id }) => id));
      return loaded.map(({ id, trigger, text, sent_at_ms }) => ({
        item_id: id,
        trigger,
        body: redact(text, account),
        sent_at_ms,
      }));
    },
  };
}

function keyOf({ account_id, agent_id, channel, instance, contact }: ConversationRow) {
  return { account_id, agent_id, channel, instance, contact } satisfies ConversationKey;
}
