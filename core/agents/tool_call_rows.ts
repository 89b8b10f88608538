/**
 * What one tool call leaves on record.
 *
 * @module
 */
import type { AgentEvent } from "../contract/mod.ts";
import type { Write } from "../store/store.ts";
import type { GatedResult } from "./tool_gate.ts";
import type { TurnDeps } from "./turn_types.ts";

/** A call that has ended. */
export interface EndedCall {
  readonly callId: string;
  readonly step: number;
  readonly arguments: unknown;
  readonly result: GatedResult;
}

/** Of which turn it is. */
export interface CallPlace {
  readonly account: string;
  readonly where: {
    readonly agent_id: string;
    readonly session_id: string;
    readonly turn_id: string;
    readonly binding_id: string;
  };
}

/** Its row and its events, to be committed with its step. */
export function rowsForEndedCall(
  { callId, step, arguments: args, result }: EndedCall,
  { account, where }: CallPlace,
  { rows, redact, now }: Pick<TurnDeps, "now" | "redact" | "rows">,
): Write[] {
  const nowMs = now();
  const { tool, outcome, durationMs, limited } = result;
  // A model may call what it likes by any name.
  const name = redact(tool, account);
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
    agent_id: where.agent_id,
    tool: name,
    binding_id: where.binding_id,
    rps: limited.rps,
    marker: limited.marker,
    at_ms: nowMs,
  }];
  return [
    ...rows.toolCall({
      id: callId,
      accountId: account,
      turnId: where.turn_id,
      step,
      tool,
      microappId: result.microappId,
      arguments: args,
      result: result.text,
      outcome,
      durationMs,
      atMs: result.startedAtMs,
    }),
    ...rows.events({ account, events: [...refused, called] }),
  ];
}
