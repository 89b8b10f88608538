/**
 * The record as the daemon wires it: rows for turns, tails for operators, the audit of admin calls.
 *
 * @module
 */
import type { RecordRows } from "../agents/record_rows.ts";
import type { AdminAudit } from "../admin/dispatcher.ts";
import type { OperatorRecordDeps } from "../admin/operator_record.ts";
import { type AgentEvent, type Clock, type Random } from "../contract/mod.ts";
import { rowsForEvents } from "../events/event_rows.ts";
import type { EventLog, EventPage } from "../events/event_log.ts";
import { type AuditIntent, rowsForIntent, rowsForOutcome } from "../record/admin_audit.ts";
import { argsHash } from "../record/args_hash.ts";
import { delay } from "../flow/delay.ts";
import { rowsForToolCall } from "../record/tool_calls.ts";
import { contentOf, type Transcripts } from "../record/transcripts.ts";
import {
  findTurnsForOperator,
  rowsForTurn,
  tailForAccount,
  tailForOperator,
} from "../record/turns.ts";
import type { Redactor } from "../redact/redactor.ts";
import type { Store } from "../store/store.ts";

/** The rows a turn leaves. */
export function createRecordRows(
  { transcripts, redact, random }: {
    transcripts: Transcripts;
    redact: Redactor;
    random: Random;
  },
): RecordRows {
  return {
    transcript: (session) => transcripts.rowsForTranscript(session),
    turn(turn) {
      const { accountId: account, agentId, sessionId, entries } = turn;
      const kept = transcripts.prepare(account, entries);
      return [
        ...transcripts.rowsForPrepared({ account, agentId, sessionId }, kept),
        ...rowsForTurn({ content: contentOf(kept), ...turn }, { redact, random }),
      ];
    },
    toolCall: (call) => rowsForToolCall(call, { redact }),
    events: rowsForEvents,
  };
}

/** How a turn of a tenant ended; undefined when it is not on record. */
export function turnEndReader(store: Store) {
  return async function endOf(
    account: string,
    turnId: string,
  ): Promise<{ outcome: string; error: string | null } | undefined> {
    const [turn] = await findTurnsForOperator(store, [turnId]);
    return turn?.account_id === account ? turn : undefined;
  };
}

/** The audit of admin calls over the store. */
export function createAdminAudit({ store, mac, uuid, now }: {
  store: Store;
  mac: (text: string) => string;
  uuid: () => string;
  now: Clock;
}): AdminAudit {
  const intents = new Map<string, AuditIntent>();
  return {
    async intent({ caller, method, capability, params, account }) {
      const intent: AuditIntent = {
        id: uuid(),
        ...(account === null ? {} : { account }),
        microappId: caller.kind === "microapp" ? caller.id : "operator",
        ...(caller.kind === "operator" ? { subject: caller.subject } : {}),
        method: method.slice(0, 256),
        capability,
        argsHash: argsHash(params, method, mac),
        atMs: now(),
      };
      await store.commit(rowsForIntent(intent));
      intents.set(intent.id, intent);
      return intent.id;
    },
    async outcome(intentId, _call, { result, errorCode, durationMs }) {
      const intent = intents.get(intentId);
      intents.delete(intentId);
      if (intent === undefined) return;
      await store.commit(rowsForOutcome(intent, {
        id: uuid(),
        result,
        ...(errorCode === null ? {} : { errorCode }),
        durationMs,
        atMs: now(),
      }));
    },
  };
}

/** What operators read, over the store and the event log. */
export function createOperatorReads(
  { store, events }: { store: Store; events: EventLog },
): Pick<OperatorRecordDeps, "tailTurns" | "listEvents" | "waitForEvents"> {
  return {
    async tailTurns({ account, ...query }) {
      const page = account === undefined
        ? await tailForOperator(store, query)
        : await tailForAccount(store, account, query);
      return page;
    },
    async listEvents({ account, kind, after, before, limit }) {
      const scope = account === undefined ? "operator" : { account };
      // The head is read first: an event that comes in between is then found by the next page.
      const { head } = await events.range(scope);
      const kinds = kind === undefined ? {} : { kinds: [kind as AgentEvent["kind"]] };
      const query = { ...kinds, after, before, limit };
      const page: EventPage = account === undefined
        ? await events.listForOperator(query)
        : await events.list({ account, ...query });
      const ordered = after === undefined ? [...page.events].reverse() : page.events;
      const last = ordered.at(-1);
      const reached = last === undefined ? 0 : account === undefined ? last.id : last.offset;
      return {
        events: ordered.map(({ body }) => JSON.parse(body) as unknown),
        offsets: ordered.map(({ id, offset }) => account === undefined ? id : offset),
        cursor: page.events.length === limit && after !== undefined
          ? reached
          : Math.max(head, reached),
        older: after === undefined ? page.cursor ?? null : null,
      };
    },
    async waitForEvents({ account, after, waitMs }) {
      const scope = account === undefined ? "operator" : { account };
      const heard = new AbortController();
      const stop = events.listen(scope, () => heard.abort());
      try {
        if ((await events.range(scope)).head > after) return;
        await delay(waitMs, { signal: heard.signal });
      } catch (error) {
        if (!heard.signal.aborted) throw error;
      } finally {
        stop();
      }
    },
  };
}
