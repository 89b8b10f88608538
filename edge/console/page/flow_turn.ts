/**
 * One turn put together from what was told of it.
 *
 * @module
 */
import type { AgentEvent } from "../../../core/contract/mod.ts";

/** One tool call of a turn. */
export interface FlowCall {
  readonly callId: string;
  readonly tool: string;
  readonly outcome: string;
  readonly durationMs: number;
  readonly atMs: number;
}

/** One thing said in a turn; redacted. */
export interface FlowEntry {
  readonly seq: number;
  readonly role: string;
  readonly body: string;
  readonly atMs: number;
}

/** One message a turn sent, or could not. */
export interface FlowSend {
  readonly outboundId: string;
  /** `<channel>:<instance>` */
  readonly line: string;
  readonly state: "sent" | "failed";
  readonly reason: string | null;
  readonly atMs: number;
}

/** How a turn ended. */
export interface FlowEnd {
  readonly outcome: "ok" | "error" | "refused";
  readonly error: string | null;
  readonly tokens: number;
  readonly durationMs: number;
  readonly atMs: number;
}

/** One turn. Every part but its id may not have been heard of yet. */
export interface FlowTurn {
  readonly turnId: string;
  readonly agentId: string;
  readonly bindingId: string | null;
  readonly trigger: string | null;
  readonly attempt: number;
  readonly startedAtMs: number | null;
  readonly end: FlowEnd | null;
  readonly calls: readonly FlowCall[];
  readonly entries: readonly FlowEntry[];
  readonly sends: readonly FlowSend[];
}

/** An event of which a turn shows something. */
export type TurnEvent = Extract<
  AgentEvent,
  {
    kind:
      | "turn_started"
      | "turn_finished"
      | "tool_called"
      | "transcript_appended"
      | "outbound_sent"
      | "outbound_failed";
  }
>;

/** Kinds of which nothing is shown here have pages of their own. */
export function isOfTurn(event: AgentEvent): event is TurnEvent {
  return event.kind === "turn_started" || event.kind === "turn_finished" ||
    event.kind === "tool_called" || event.kind === "transcript_appended" ||
    event.kind === "outbound_sent" || event.kind === "outbound_failed";
}

/** A turn of which nothing but its agent is known. */
export function newTurn(turnId: string, agentId: string): FlowTurn {
  return {
    turnId,
    agentId,
    bindingId: null,
    trigger: null,
    attempt: 1,
    startedAtMs: null,
    end: null,
    calls: [],
    entries: [],
    sends: [],
  };
}

/** The turn with one more event; the same object when that said nothing new. */
export function grown(turn: FlowTurn, event: TurnEvent): FlowTurn {
  switch (event.kind) {
    case "turn_started":
      return {
        ...turn,
        bindingId: event.binding_id,
        trigger: event.trigger,
        attempt: Math.max(turn.attempt, event.attempt),
        startedAtMs: Math.min(turn.startedAtMs ?? event.at_ms, event.at_ms),
      };
    case "turn_finished":
      return {
        ...turn,
        bindingId: event.binding_id,
        end: {
          outcome: event.outcome,
          error: event.error ?? null,
          tokens: event.tokens_in + event.tokens_out,
          durationMs: event.duration_ms,
          atMs: event.at_ms,
        },
      };
    case "tool_called": {
      const { call_id: callId, tool, outcome, duration_ms: durationMs, at_ms: atMs } = event;
      if (turn.calls.some((one) => one.callId === callId)) return turn;
      const calls = [...turn.calls, { callId, tool, outcome, durationMs, atMs }];
      return { ...turn, calls: calls.sort((a, b) => a.atMs - b.atMs || order(a.callId, b.callId)) };
    }
    case "transcript_appended": {
      const { seq, role, body, sent_at_ms: atMs } = event;
      if (turn.entries.some((one) => one.seq === seq)) return turn;
      const entries = [...turn.entries, { seq, role, body, atMs }];
      return { ...turn, entries: entries.sort((a, b) => a.seq - b.seq) };
    }
    case "outbound_sent":
    case "outbound_failed": {
      const { outbound_id: outboundId, channel, instance, at_ms: atMs } = event;
      const send: FlowSend = {
        outboundId,
        line: `${channel}:${instance}`,
        state: event.kind === "outbound_sent" ? "sent" : "failed",
        reason: event.kind === "outbound_failed" ? event.reason : null,
        atMs,
      };
      const known = turn.sends.find((one) => one.outboundId === outboundId);
      // A dead letter that was replayed has failed before and is sent now.
      if (known !== undefined && known.atMs >= atMs) return turn;
      const sends = [...turn.sends.filter((one) => one !== known), send];
      return {
        ...turn,
        sends: sends.sort((a, b) => a.atMs - b.atMs || order(a.outboundId, b.outboundId)),
      };
    }
  }
}

/** What the agent said last, if anything. */
export function replyOf({ entries }: FlowTurn): string | undefined {
  return entries.findLast(({ role, body }) => role === "assistant" && body !== "")?.body;
}

/** What the agent was told first, if that is known already. */
export function heardBy({ entries }: FlowTurn): string | undefined {
  return entries.find(({ role, body }) => role === "user" && body !== "")?.body;
}

/** When the first of several turns was heard of. */
export function earliest(turns: readonly FlowTurn[]): number {
  return Math.min(...turns.flatMap((turn) => [
    ...(turn.startedAtMs === null ? [] : [turn.startedAtMs]),
    ...(turn.end === null ? [] : [turn.end.atMs - turn.end.durationMs]),
    ...turn.calls.map(({ atMs, durationMs }) => atMs - durationMs),
    ...turn.entries.map(({ atMs }) => atMs),
    ...turn.sends.map(({ atMs }) => atMs),
  ]));
}

/** Which of two ids comes first, for what happened at the same time. */
export function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
