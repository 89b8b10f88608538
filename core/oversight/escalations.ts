/**
 * An agent asks for a person: once at a time for each conversation, not too often, and somebody hears of it.
 *
 * @module
 */
import {
  type ConversationKey,
  type EscalationReason,
  type EscalationUrgency,
  type ResolvedBy,
} from "../contract/mod.ts";
import { redactJson } from "../redact/redact_json.ts";
import { redactorOf } from "../redact/redactor.ts";
import type { QueuedOutbound } from "../queues/outbound.ts";
import type { Write } from "../store/store.ts";
import { untilCommitted } from "./attempts.ts";
import type { OversightDeps } from "./deps.ts";
import {
  type EscalationRow,
  isRequested,
  pendingOf,
  requestTimes,
  rowsForEscalation,
  rowsForResolved,
  wireResolvedBy,
} from "./escalation_rows.ts";
import type { Operator } from "./pauses.ts";
import { sayingId } from "./sayings.ts";
import { conversationScope, type Scope, scopeOfRow, wireScope } from "./scopes.ts";

/** Requests of one conversation within {@linkcode WINDOW_MS}. */
const MAX_IN_WINDOW = 3;
const WINDOW_MS = 3_600_000;
/** How long a message to an operator may wait for its channel, in milliseconds. */
const NOTICE_TTL_MS = 3_600_000;

/** What an agent says of why it needs a person. */
export interface EscalationRequest {
  /** The same for a repetition of the same request. */
  readonly id: string;
  readonly summary: string;
  readonly reason: EscalationReason;
  readonly urgency: EscalationUrgency;
  readonly context: Readonly<Record<string, unknown>> | undefined;
}

/** What became of a request. */
export type EscalationOutcome =
  | { readonly kind: "requested" }
  | { readonly kind: "already_pending" }
  | { readonly kind: "throttled"; readonly retryAfterMs: number };

/** How an operator resolves an escalation. */
export type Resolution =
  | { readonly kind: "operator_takeover" }
  | { readonly kind: "operator_dismissed"; readonly reason: string };

/** Requests for people. */
export interface Escalations {
  readonly request: (
    key: ConversationKey,
    request: EscalationRequest,
  ) => Promise<EscalationOutcome>;
  /** Whether there was one pending. */
  readonly resolve: (scope: Scope, operator: Operator, by: Resolution) => Promise<boolean>;
  /** Rows that resolve what is pending for a scope, with the pause that answers it. */
  readonly rowsForTakenOver: (scope: Scope, operator: Operator) => Promise<Write[]>;
}

/** Returns the requests over the store; `onRequested` hears that a new deadline stands. */
export function createEscalations(
  deps: OversightDeps & { readonly onRequested: () => void },
): Escalations {
  const { store, settings, rows, redact, now } = deps;

  async function request(
    key: ConversationKey,
    asked: EscalationRequest,
  ): Promise<EscalationOutcome> {
    const scope = conversationScope(key);
    if (await isRequested(store, scope.account, asked.id)) return { kind: "requested" };
    if (await pendingOf(store, scope) !== undefined) return { kind: "already_pending" };
    const nowMs = now();
    const oldest = (await requestTimes(store, scope, MAX_IN_WINDOW))[MAX_IN_WINDOW - 1];
    if (oldest !== undefined && oldest >= nowMs - WINDOW_MS) {
      return { kind: "throttled", retryAfterMs: oldest + WINDOW_MS - nowMs };
    }
    const { urgency, reason } = asked;
    const summary = redact(asked.summary, scope.account);
    const notices = noticesOf(key, { ...asked, summary });
    await store.commit([
      ...rowsForEscalation({
        id: asked.id,
        scope,
        summary,
        reason,
        urgency,
        context: asked.context === undefined
          ? undefined
          : redactJson(redactorOf(redact, scope.account), asked.context),
        requestedAtMs: nowMs,
        dueAtMs: nowMs + settings().oversight.escalations.due[urgency],
      }),
      ...rows.events({
        account: scope.account,
        events: [{
          kind: "escalation_requested",
          agent_id: scope.agentId,
          scope: wireScope(scope),
          summary,
          reason,
          urgency,
          requested_at_ms: nowMs,
        }],
      }),
      ...notices.flatMap(({ writes }) => writes),
    ]);
    deps.send(notices.flatMap(({ items }) => items));
    deps.onRequested();
    return { kind: "requested" };
  }

  /** Messages to the operators who want to know. */
  function noticesOf(
    key: ConversationKey,
    { id, summary, reason, urgency }: EscalationRequest,
  ): QueuedOutbound[] {
    const { account_id: account, agent_id: agentId } = key;
    const nowMs = now();
    return settings().oversight.escalations.notify
      .filter(({ urgencies, agents, tenants, channel }) =>
        (urgencies?.includes(urgency) ?? true) && (agents?.includes(agentId) ?? true) &&
        (tenants?.includes(account) ?? true) && deps.canSend(channel, "text")
      )
      .map(({ channel, instance, to }) => {
        const there: ConversationKey = { ...key, channel, instance, contact: to };
        const place = {
          id: sayingId("escalation", id, channel, instance, to),
          account_id: account,
          session_id: deps.sessionIdOf(there),
        };
        const text = `[escalation, ${urgency}] ${agentId} of ${account} needs a person on ` +
          `${key.channel}:${key.instance} (${reason}): ${summary}`;
        return deps.outbox.queue({
          ...there,
          ...place,
          turn_id: null,
          author: "core",
          body: { kind: "text", text, to: null, reply_to_msg_id: null },
          expires_at_ms: nowMs + NOTICE_TTL_MS,
        }, nowMs);
      });
  }

  function rowsFor(row: EscalationRow, operator: Operator, by: Resolution): Write[] {
    const nowMs = now();
    const reason = by.kind === "operator_dismissed" ? redact(by.reason, row.account_id) : null;
    const scope = scopeOfRow(row);
    const ended: ResolvedBy = wireResolvedBy(by.kind, reason);
    return [
      ...rowsForResolved(row, { kind: by.kind, reason, hash: operator.hash }, nowMs),
      ...rows.events({
        account: scope.account,
        events: [{
          kind: "escalation_resolved",
          agent_id: scope.agentId,
          scope: wireScope(scope),
          resolved_at_ms: nowMs,
          by: ended,
        }],
      }),
    ];
  }

  return {
    // A conflict is another request of the same conversation that came first.
    request: (key, asked) => untilCommitted(() => request(key, asked)),
    resolve: (scope, operator, by) =>
      untilCommitted(async () => {
        const row = await pendingOf(store, scope);
        if (row === undefined) return false;
        await store.commit(rowsFor(row, operator, by));
        return true;
      }),
    async rowsForTakenOver(scope, operator) {
      const row = await pendingOf(store, scope);
      return row === undefined ? [] : rowsFor(row, operator, { kind: "operator_takeover" });
    },
  };
}
