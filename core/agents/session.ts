/**
 * Ids that follow from what they stand for.
 *
 * @module
 */
import { type ConversationKey, uuidOf } from "../contract/mod.ts";
import { sha256 } from "../flow/sha256.ts";

/** A message's key is asked many times on its way. */
const sessions = new WeakMap<Readonly<ConversationKey>, string>();

/** The session of a conversation: tenant and instance are part of it, so no two tenants share one. */
export function sessionIdOf(key: Readonly<ConversationKey>): string {
  let id = sessions.get(key);
  if (id === undefined) {
    const { account_id, agent_id, channel, instance, contact } = key;
    id = uuidOf(sha256, "session", account_id, agent_id, channel, instance, contact);
    sessions.set(key, id);
  }
  return id;
}

/** The step that sums up what was said before; it has a number of its own, whatever else there is. */
export const SUMMARY_STEP = -2;

/** How much of an id is its time: its first 48 bits. */
const TIME_CHARS = "01234567-89ab-".length;

/**
 * The id of something a turn does in one of its steps; the same when the step runs again. It begins with
 * the time of the turn's id: an index of ids that come from everywhere would be written everywhere.
 */
export function stepId(turnId: string, step: number, what: "call" | "send" | "entry"): string {
  const id = uuidOf(sha256, what, turnId, String(step));
  return turnId.slice(0, TIME_CHARS) + id.slice(TIME_CHARS);
}
