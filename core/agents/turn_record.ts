/**
 * What a turn leaves behind, gathered while it runs and written in one commit at its end.
 *
 * @module
 */
import {
  type AgentEvent,
  bindingId,
  codeOf,
  type ErrorCode,
  type Inbound,
  messageOf,
  type OutboundBody,
} from "../contract/mod.ts";
import { currentTraceId } from "../flow/trace.ts";
import type { ModelAnswer, ModelMessage, ModelRef } from "../models/model.ts";
import { plainOf } from "../models/untrusted.ts";
import type { OpenOutbound, Outbound } from "../queues/outbox.ts";
import type { TranscriptEntry } from "../record/transcripts.ts";
import type { Write } from "../store/store.ts";
import type { TurnFiles } from "./files.ts";
import type { HeldMessages } from "./held_messages.ts";
import { userText } from "./prompt.ts";
import type { Summary } from "./past.ts";
import { sessionIdOf, stepId, SUMMARY_STEP } from "./session.ts";
import type { GatedResult } from "./tool_gate.ts";
import type { TurnDeps, TurnInbounds, TurnJob, TurnResult } from "./turn_types.ts";

/** How long a reply may wait for its channel before it is a dead letter, in milliseconds. */
const REPLY_TTL_MS = 3_600_000;
/** The step number that stands for the reply in the ids of what is sent. */
const REPLY_STEP = -1;

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
export interface TurnRecord {
  /** Marks the messages as under way and tells the firehose. */
  begin(): Promise<void>;
  useModel(ref: ModelRef): void;
  /** The question as the model gets it; `changed` when it is not what was said. */
  heard(text: string, options?: { readonly changed: boolean } & Partial<TurnFiles>): void;
  /** An answer or a tool result. */
  said(message: ModelMessage): void;
  /** The beginning of the conversation was summed up. */
  summarized(summary: Summary): void;
  used(usage: ModelAnswer["usage"], by: ModelRef, costMicros: number): void;
  /** Rows of a step that is not kept by itself: they are committed with the end. */
  owe(writes: readonly Write[]): void;
  /** Rows and events of a tool call, to be committed with its step. */
  rowsForToolCall(call: {
    readonly callId: string;
    readonly step: number;
    readonly arguments: unknown;
    readonly result: GatedResult;
  }): Write[];
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

/** A reply to the newest message; in a room it says which one it answers. */
function replyBody(
  text: string,
  code: string | undefined,
  inbounds: TurnInbounds,
): OutboundBody {
  const last = inbounds.at(-1) ?? inbounds[0];
  const { reply_address: to, msg_id: answers } = last;
  return last.chat === "group" && answers !== null
    ? { kind: "reply", text, to, reply_to_msg_id: answers }
    : {
      kind: "text",
      text,
      ...(code === undefined ? {} : { code }),
      to,
      reply_to_msg_id: answers,
    };
}

/** What the record of a turn is made with. */
export type TurnRecordDeps = Pick<
  TurnDeps,
  | "deadLetters"
  | "inbounds"
  | "inbox"
  | "now"
  | "outbox"
  | "redact"
  | "rows"
  | "sends"
  | "steps"
  | "store"
  | "takeover"
  | "uuid"
>;

/** Returns the record of one run of `job`. */
export function createTurnRecord(
  job: TurnJob,
  inbounds: TurnInbounds,
  deps: TurnRecordDeps,
): TurnRecord {
  const [first] = inbounds;
  const { account, turnId, inboundIds } = job;
  const { key } = first;
  const sessionId = sessionIdOf(key);
  const startedAtMs = deps.now();
  const said: ModelMessage[] = [];
  const owed: Write[] = [];
  const usage = { inputTokens: 0, outputTokens: 0, cachedTokens: 0, costMicros: 0 };
  let model: ModelRef = { provider: "none", model: "none" };
  let summary: Summary | undefined;
  let question: string | undefined;
  let brought: TurnFiles = { files: [], notes: [] };
  let changed = false;

  const where = {
    agent_id: key.agent_id,
    session_id: sessionId,
    turn_id: turnId,
    binding_id: bindingId(key.channel, key.instance),
  };
  const origin = first.envelope_id === null
    ? {}
    : { envelope_id: first.envelope_id, delivery_id: first.delivery_id };
  const toolCalls = (): number => said.filter(({ role }) => role === "tool").length;

  function remembered(): TranscriptEntry[] {
    if (summary === undefined) return [];
    return [{
      role: "system",
      text: `Summary of what was said before: ${summary.text}`,
      modelMessage: summary,
      sourcePlugin: key.channel,
      messageId: stepId(turnId, SUMMARY_STEP, "entry"),
      turnId,
      sentAtMs: startedAtMs,
    }];
  }

  /**
   * One entry per message that came in and is not on record yet; the model's version of them is kept
   * with the last. What a hook changed stands in their place, as one: what it took out must not be
   * kept. A failed turn leaves its answers to people only: half a tool exchange would confuse the
   * model for ever.
   */
  function transcript({ outcome, reply }: TurnEnd): TranscriptEntry[] {
    if (outcome !== "ok" && reply !== null) said.push({ role: "assistant", content: reply });
    const fresh = inbounds.filter(({ on_record }) => on_record !== true);
    const kept = changed ? fresh.slice(-1) : fresh;
    // What was on record before has a message of its own.
    const mine = fresh.length < inbounds.length && !changed
      ? [userText(fresh), ...brought.notes].join("\n")
      : question;
    const files = brought.files.length === 0 ? {} : { files: brought.files };
    const model = question === undefined ? undefined : { role: "user", content: mine, ...files };
    const heard = kept.map((inbound, i): TranscriptEntry => ({
      ...heardEntry(inbound, changed ? question : undefined),
      modelMessage: i === kept.length - 1 ? model : undefined,
      turnId,
    }));
    const answered = said.map((message, i): TranscriptEntry => ({
      role: message.role,
      text: message.content,
      modelMessage: outcome === "ok" || message.content === reply ? message : undefined,
      sourcePlugin: key.channel,
      messageId: stepId(turnId, i, "entry"),
      turnId,
      sentAtMs: deps.now(),
    }));
    return [...remembered(), ...heard, ...answered];
  }

  /** What a person or an event said; `changed` is what hooks made of it. */
  function heardEntry(inbound: Inbound, changed: string | undefined): TranscriptEntry {
    const shown = changed ?? inbound.text;
    return {
      role: "user",
      text: inbound.templated ? plainOf(shown) : shown,
      sourcePlugin: key.channel,
      senderId: inbound.sender_id ?? undefined,
      messageId: inbound.id,
      sentAtMs: inbound.sent_at_ms,
    };
  }

  function replyOf({ reply: text, code }: TurnEnd): Outbound | undefined {
    if (text === null || text === "" || !deps.sends(key.channel)) return undefined;
    return {
      id: stepId(turnId, REPLY_STEP, "send"),
      account_id: account,
      agent_id: key.agent_id,
      session_id: sessionId,
      channel: key.channel,
      instance: key.instance,
      contact: key.contact,
      turn_id: turnId,
      body: replyBody(text, code, inbounds),
      expires_at_ms: deps.now() + REPLY_TTL_MS,
    };
  }

  function settledInbox(): Write[] {
    const ids = new Set(inbounds.flatMap(({ envelope_id }) => envelope_id ?? []));
    return [...ids].flatMap((id) => deps.inbox.rowsForSettled(id));
  }

  async function end(ending: TurnEnd, messages: readonly Write[]): Promise<TurnResult> {
    const { rows, outbound } = endRows(ending, transcript(ending));
    await deps.store.commit([...messages, ...settledInbox(), ...rows]);
    return {
      kind: "finished",
      turnId,
      outcome: ending.outcome,
      error: ending.error,
      reply: ending.reply,
      outbound,
    };
  }

  /** Everything the end of a turn leaves but what becomes of its messages. */
  function endRows(
    ending: TurnEnd,
    entries: readonly TranscriptEntry[],
  ): { rows: Write[]; outbound: readonly OpenOutbound[] } {
    const { outcome, error: reason } = ending;
    const error = reason === null ? null : deps.redact(reason, account);
    const nowMs = deps.now();
    const outbound = replyOf(ending);
    const queued = outbound === undefined ? undefined : deps.outbox.queue(outbound, nowMs);
    const counts = {
      tokens_in: usage.inputTokens,
      tokens_out: usage.outputTokens,
      tool_calls: toolCalls(),
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
    const rows = [
      ...owed,
      ...deps.steps.rowsForFinished(turnId),
      ...(queued?.writes ?? []),
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
    return { rows, outbound: queued?.items ?? [] };
  }

  return {
    async begin() {
      const started: AgentEvent = {
        kind: "turn_started",
        ...where,
        trigger: first.trigger,
        attempt: job.starts + 1,
        at_ms: startedAtMs,
        ...origin,
      };
      await deps.store.commit([
        ...deps.inbounds.rowsForStarted(account, turnId, inboundIds),
        ...deps.rows.events({ account, events: [started] }),
      ]);
    },
    holdUnanswered({ messages, writes }) {
      const entries = messages
        .filter(({ inbound }) => inbound.trigger === "channel" && inbound.on_record !== true)
        .map(({ inbound, text }): TranscriptEntry => ({
          ...heardEntry(inbound, undefined),
          modelMessage: text === undefined ? undefined : { role: "user", content: text },
        }));
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
      question ??= userText(inbounds);
      if (said.at(-1)?.role === "assistant") said.pop();
      const entries = transcript(ending)
        .filter(({ role }) => role !== "user" || first.trigger === "channel");
      return deps.takeover.hold(inbounds, endRows(ending, entries).rows);
    },
    useModel(ref) {
      model = ref;
    },
    summarized(made) {
      summary = made;
    },
    owe: (writes) => void owed.push(...writes),
    heard(text, options) {
      question = text;
      changed = options?.changed === true;
      brought = { files: options?.files ?? [], notes: options?.notes ?? [] };
    },
    said: (message) => void said.push(message),
    used({ inputTokens, outputTokens, cachedTokens }, by, costMicros) {
      model = by;
      usage.costMicros += costMicros;
      usage.inputTokens += inputTokens;
      usage.outputTokens += outputTokens;
      usage.cachedTokens += cachedTokens;
    },
    rowsForToolCall({ callId, step, arguments: args, result }) {
      const nowMs = deps.now();
      const { tool, outcome, durationMs, limited } = result;
      // A model may call what it likes by any name.
      const name = deps.redact(tool, account);
      const called: AgentEvent = {
        kind: "tool_called",
        ...where,
        call_id: callId,
        tool: name,
        outcome,
        duration_ms: durationMs,
        at_ms: nowMs,
      };
      const refused: AgentEvent[] = limited === null ? [] : [{
        kind: "rate_limited",
        agent_id: key.agent_id,
        tool: name,
        binding_id: where.binding_id,
        rps: limited.rps,
        marker: limited.marker,
        at_ms: nowMs,
      }];
      return [
        ...deps.rows.toolCall({
          id: callId,
          accountId: account,
          turnId,
          step,
          tool,
          microappId: result.microappId,
          arguments: args,
          result: result.text,
          outcome,
          durationMs,
          atMs: result.startedAtMs,
        }),
        ...deps.rows.events({ account, events: [...refused, called] }),
      ];
    },
    finish: (ending) => end(ending, deps.inbounds.rowsForDone(account, inboundIds)),
    async giveUp(error, reply) {
      const detail = messageOf(error);
      const ending: TurnEnd = {
        outcome: isRefusal(error) ? "refused" : "error",
        error: `${codeOf(error)}: ${detail}`,
        reply,
      };
      // Whoever handed the task on is told; there is nothing to do again later.
      if (first.trigger === "delegation") {
        return end(ending, deps.inbounds.rowsForDone(account, inboundIds));
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
      return end(ending, [...deps.inbounds.rowsForDead(account, inboundIds), ...letters]);
    },
  };
}
