/**
 * Whose a conversation is: the agent's, or a person's who has taken over.
 *
 * @module
 */
import { CodedError, type Inbound } from "../contract/mod.ts";
import type { Takeover } from "./turn_types.ts";

/**
 * @throws {CodedError} `conversation_paused` when a person has the conversation, or one of those in
 * whose name the turn works: then nothing more is done
 */
export function assertOurs(
  { key, delegation }: Pick<Inbound, "key" | "delegation">,
  takeover: Pick<Takeover, "holds">,
): void {
  if (![key, ...delegation?.callers ?? []].some(takeover.holds)) return;
  throw new CodedError("conversation_paused", "Cannot go on: a person has the conversation");
}
