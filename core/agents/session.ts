/**
 * Ids that follow from what they stand for.
 *
 * @module
 */
import { type ConversationKey, uuidOf } from "../contract/mod.ts";
import { sha256 } from "../flow/sha256.ts";

/** The session of a conversation: tenant and instance are part of it, so no two tenants share one. */
export function sessionIdOf(key: ConversationKey): string {
  const { account_id, agent_id, channel, instance, contact } = key;
  return uuidOf(sha256, "session", account_id, agent_id, channel, instance, contact);
}

/** The step that sums up what was said before; it has a number of its own, whatever else there is. */
export const SUMMARY_STEP = -2;

/** The id of something a turn does in one of its steps; the same when the step runs again. */
export function stepId(turnId: string, step: number, what: "call" | "send" | "entry"): string {
  return uuidOf(sha256, what, turnId, String(step));
}
