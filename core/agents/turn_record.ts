/**
 * What a turn leaves behind, gathered while it runs and written in one commit at its end.
 *
 * @module
 */
import { type AgentEvent, bindingId, codeOf, type ErrorCode, messageOf } from "../contract/mod.ts";
import { currentTraceId } from "../flow/trace.ts";
import type { ModelAnswer, ModelRef } from "../models/model.ts";
import type { Journal } from "../queues/turn_steps.ts";
import type { TranscriptEntry } from "../record/transcript_rows.ts";
import type { Write } from "../store/store.ts";
import type { HeldMessages } from "./held_messages.ts";
import { replyOutbound } from "./reply.ts";
import { sessionIdOf } from "./session.ts";
import { type EndedCall, rowsForEndedCall } from "./tool_call_rows.ts";
import { createTurnTalk, heardEntry, type TurnTalk } from "./turn_talk.ts";
import type { TurnDeps, TurnInbounds, TurnJob, TurnResult } from "./turn_types.ts";

const REFUSALS: ReadonlySet<ErrorCode> = new Set([
  "account_unknown",
  "agent_unknown",
  "budget_exceeded",
]);

/** How a turn ended. */
export interface TurnEnd {
  readonly outcome: "ok" | "error" | "refused";
  readonly error: string | null;
  readonly reply: string | null;
  /** A code in the reply that the reader is to pass on. */
  readonly code?: string | undefined;
}

/** The growing record of one run. */
export interface TurnRecord extends Pick<TurnTalk, "heard" | "said" | "summarized"> {
  /** Has the messages marked as under way and the firehose told with the turn's next commit. */
  begin(): void;
  useModel(ref: ModelRef): void;
  used(usage: ModelAnswer["usage"], by: ModelRef, costMicros: number): void;
  /** Rows and events of a tool call, to be committed with its step. */
  rowsForToolCall(call: EndedCall): Write[];
  /** Puts messages nobody has answered behind a pause; false when it is over. */
  holdUnanswered(heard: HeldMessages): Promise<boolean>;
  /** Commits an end without a reply, its messages behind a pause; false when that is over. */
  withhold(): Promise<boolean>;
  /** Commits the end: messages done, transcript, reply, turn row and events together. */
  finish(end: TurnEnd): Promise<TurnResult>;
  /** Commits a failed end: the messages become dead letters, and a person may get `reply`. */
  giveUp(error: unknown, reply: string | null): Promise<TurnResult>;
}

/** Whether nothing is broken: an operator's own rule stopped the turn. */
function isRefusal(error: unknown): boolean {
  return REFUSALS.has(codeOf(error));
}

/** What the record of a turn is made with. */
export type TurnRecordDeps = Pick<
  TurnDeps,
  | "deadLetters"
  | "depart"
  | "inbounds"
  | "inbox"
  | "now"
  | "redact"
  | "rows"
  | "sends"
  | "takeover"
  | "uuid"
>;

/** Returns the record of one run of `job`. */
export function createTurnRecord(
  job: TurnJob,
  inbounds: TurnInbounds,
  journal: Pick<Journal, "end" | "mark" | "owe" | "rowsForForgotten">,
  deps: TurnRecordDeps,
): TurnRecord {
  const [first] = inbounds;
  const { account, turnId, inboundIds } = job;
  const over = { account, turnId, starts: job.starts + 1, ids: inboundIds };
  const { key } = first;
  const sessionId = sessionIdOf(key);
  const startedAtMs = deps.now();
  const talk = createTurnTalk({ turnId, inbounds, startedAtMs, now: deps.now });
  const usage = { inputTokens: 0, outputTokens: 0, cachedTokens: 0, costMicros: 0 };
  let model: ModelRef = { provider: "none", model: "none" };

  const where = {
    agent_id: key.agent_id,
    session_id: sessionId,
    turn_id: turnId,
    binding_id: bindingId(key.channel, key.instance),
  };
  const origin = first.envelope_id === null
    ? {}
    : { envelope_id: first.envelope_id, delivery_id: first.delivery_id };

  function settledInbox(): Write[] {
    const ids = new Set(inbounds.flatMap(({ envelope_id }) => envelope_id ?? []));
    return [...ids].flatMap((id) => deps.inbox.rowsForSettled(id));
  }

  async function end(ending: TurnEnd, messages: readonly Write[]): Promise<TurnResult> {
    const nowMs = deps.now();
    const { outcome, error, reply, code } = ending;
    const rows = [
      ...messages,
      ...settledInbox(),
      ...endRows(ending, talk.entries(ending), nowMs),
    ];
    if (reply === null || reply === "" || !deps.sends(key.channel)) await journal.end(rows);
    else {
      const outbound = replyOutbound(reply, { code, turnId, inbounds, nowMs });
      const { writes, goWith } = deps.depart(outbound, nowMs);
      await goWith(() => journal.end([...rows, ...writes]));
    }
    return { kind: "finished", turnId, outcome, error, reply };
  }

  /** Everything the end of a turn leaves but its reply and what becomes of its messages. */
  function endRows(
    { outcome, error: reason }: TurnEnd,
    entries: readonly TranscriptEntry[],
    nowMs: number,
  ): Write[] {
    const error = reason === null ? null : deps.redact(reason, account);
    const counts = {
      tokens_in: usage.inputTokens,
      tokens_out: usage.outputTokens,
      tool_calls: talk.toolCalls(),
      duration_ms: nowMs - startedAtMs,
    };
    const finished: AgentEvent = {
      kind: "turn_finished",
      ...where,
      outcome,
      ...(error === null ? {} : { error }),
      ...counts,
      at_ms: nowMs,
      ...origin,
    };
    return [
      ...deps.rows.turn({
        id: turnId,
        accountId: account,
        agentId: key.agent_id,
        sessionId,
        channel: key.channel,
        instance: key.instance,
        bindingId: where.binding_id,
        trigger: first.trigger,
        envelopeId: first.envelope_id,
        deliveryId: first.delivery_id,
        inboundIds,
        startedAtMs,
        finishedAtMs: nowMs,
        outcome,
        error,
        attempts: job.attempts + 1,
        provider: model.provider,
        model: model.model,
        tokensIn: usage.inputTokens,
        tokensOut: usage.outputTokens,
        tokensCached: usage.cachedTokens,
        costMicros: usage.costMicros,
        toolCalls: counts.tool_calls,
        traceId: currentTraceId(),
        entries,
      }),
      ...deps.rows.events({ account, events: [finished] }),
    ];
  }

  return {
    begin() {
      const started: AgentEvent = {
        kind: "turn_started",
        ...where,
        trigger: first.trigger,
        attempt: job.starts + 1,
        at_ms: startedAtMs,
        ...origin,
      };
      journal.mark(deps.inbounds.rowsForStarted(over));
      journal.owe(deps.rows.events({ account, events: [started] }));
    },
    holdUnanswered({ messages, writes }) {
      const entries = messages
        .filter(({ inbound }) => inbound.trigger === "channel" && inbound.on_record !== true)
        .map(({ inbound, text }) =>
          heardEntry(inbound, {
            modelMessage: text === undefined ? undefined : { role: "user", content: text },
          })
        );
      return deps.takeover.hold(messages.map(({ inbound }) => inbound), [
        ...writes,
        ...deps.rows.transcript({ account, agentId: key.agent_id, sessionId, entries }),
      ]);
    },
    withhold() {
      const error = "conversation_paused: a person has taken over";
      const ending: TurnEnd = { outcome: "refused", error, reply: null };
      // What it would have said was never said; what its tools did was done. An event or a timer is put
      // on record by the turn that answers it.
      talk.withheld();
      const entries = talk.entries(ending)
        .filter(({ role }) => role !== "user" || first.trigger === "channel");
      return deps.takeover.hold(inbounds, [
        ...journal.rowsForForgotten(),
        ...endRows(ending, entries, deps.now()),
      ]);
    },
    heard: talk.heard,
    said: talk.said,
    summarized: talk.summarized,
    useModel(ref) {
      model = ref;
    },
    used({ inputTokens, outputTokens, cachedTokens }, by, costMicros) {
      model = by;
      usage.costMicros += costMicros;
      usage.inputTokens += inputTokens;
      usage.outputTokens += outputTokens;
      usage.cachedTokens += cachedTokens;
    },
    rowsForToolCall: (call) => rowsForEndedCall(call, { account, where }, deps),
    finish: (ending) => end(ending, deps.inbounds.rowsForDone(over)),
    async giveUp(error, reply) {
      const detail = messageOf(error);
      const ending: TurnEnd = {
        outcome: isRefusal(error) ? "refused" : "error",
        error: `${codeOf(error)}: ${detail}`,
        reply,
      };
      // Whoever handed the task on is told; there is nothing to do again later.
      if (first.trigger === "delegation") {
        return end(ending, deps.inbounds.rowsForDone(over));
      }
      const letters = inboundIds.flatMap((refId) =>
        deps.deadLetters.rowsForDead({
          id: deps.uuid(),
          account_id: account,
          kind: "inbound",
          ref_id: refId,
          source: first.delivery_id === null ? key.agent_id : `${key.channel}:${key.instance}`,
          code: codeOf(error),
          detail: deps.redact(detail, account),
          at_ms: deps.now(),
        })
      );
      return end(ending, [...deps.inbounds.rowsForDead(over), ...letters]);
    },
  };
}
