/**
 * Every tool call a turn made or was refused.
 *
 * @module
 */
import { redactJson } from "../redact/redact_json.ts";
import { type Redactor, redactorOf } from "../redact/redactor.ts";
import { insert, type Row, type Store, type Write } from "../store/store.ts";
import { storable } from "./storable.ts";

/** Characters of JSON kept of arguments and of a result; the rest is cut and marked. */
const MAX_JSON_CHARS = 64 * 1024;
/** A turn makes fewer calls than this; the loop limit sees to it. */
const MAX_CALLS = 1000;

/** A call that has ended. */
export interface ToolCall {
  /** The call id, the same however often its turn is run again. */
  readonly id: string;
  readonly accountId: string;
  readonly turnId: string;
  readonly step: number;
  /** The name the model used. */
  readonly tool: string;
  readonly microappId?: string | null | undefined;
  /** Any JSON; redacted before it is kept. */
  readonly arguments: unknown;
  /** Any JSON; redacted before it is kept. */
  readonly result: unknown;
  readonly outcome: string;
  readonly durationMs: number;
  readonly atMs: number;
}

/** The row of a call. A call that is already on record stays as it is. */
export function rowsForToolCall(call: ToolCall, deps: { redact: Redactor }): Write[] {
  const redact = redactorOf(deps.redact, call.accountId);
  return [insert("tool_calls", {
    id: call.id,
    account_id: call.accountId,
    turn_id: call.turnId,
    step: call.step,
    // A model may call what it likes by any name.
    tool: storable(redact(call.tool)),
    microapp_id: call.microappId ?? null,
    arguments: redactedJson(redact, call.arguments),
    result: redactedJson(redact, call.result),
    outcome: call.outcome,
    duration_ms: call.durationMs,
    at_ms: call.atMs,
  }, "ignore")];
}

function redactedJson(redact: Redactor, value: unknown): string {
  const json = JSON.stringify(redactJson(redact, value)) ?? "null";
  if (json.length <= MAX_JSON_CHARS) return json;
  return JSON.stringify({
    truncated: true,
    chars: json.length,
    start: json.slice(0, MAX_JSON_CHARS / 2),
  });
}

/** The calls of a turn in the order they were made; empty for whatever this account does not have. */
export async function readToolCalls(
  store: Pick<Store, "readMany">,
  account: string,
  turnId: string,
): Promise<ToolCall[]> {
  const rows = await store.readMany<ToolCallRow>(
    `SELECT * FROM tool_calls WHERE account_id = ? AND turn_id = ? ORDER BY step, id LIMIT ?`,
    [account, turnId, MAX_CALLS],
  );
  return rows.map((row) => ({
    id: row.id,
    accountId: row.account_id,
    turnId: row.turn_id,
    step: row.step,
    tool: row.tool,
    microappId: row.microapp_id,
    arguments: JSON.parse(row.arguments) as unknown,
    result: JSON.parse(row.result) as unknown,
    outcome: row.outcome,
    durationMs: row.duration_ms,
    atMs: row.at_ms,
  }));
}

interface ToolCallRow extends Row {
  id: string;
  account_id: string;
  turn_id: string;
  step: number;
  tool: string;
  microapp_id: string | null;
  arguments: string;
  result: string;
  outcome: string;
  duration_ms: number;
  at_ms: number;
}
