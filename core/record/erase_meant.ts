/**
 * Which rows an erasure means, table by table.
 *
 * @module
 */
import type { Value } from "../store/store.ts";

/** Whom to erase: everything of a tenant, or what one person said and was told. */
export interface EraseScope {
  readonly account: string;
  /** The conversations; undefined for all of the tenant. */
  readonly sessionIds: readonly string[] | undefined;
  /** The person, as their channel names them; undefined for all of the tenant. */
  readonly contact: string | undefined;
}

/** Rows of a table by their `id`, and which of them are meant. */
export interface Meant {
  readonly table: string;
  readonly where: string;
  readonly args: readonly Value[];
}

/** `column` is one of the conversations meant. */
export function inSessions(
  { account, sessionIds }: EraseScope,
  column = "session_id",
): Omit<Meant, "table"> {
  if (sessionIds === undefined) return { where: "account_id = ?", args: [account] };
  return {
    where: `account_id = ? AND ${column} IN (SELECT value FROM json_each(?))`,
    args: [account, JSON.stringify(sessionIds)],
  };
}

export function toolCallsOf(scope: EraseScope): Meant {
  const { account } = scope;
  const turns = inSessions(scope);
  // Calls of a turn that has not ended are found by its messages.
  return scope.sessionIds === undefined ? { table: "tool_calls", ...turns } : {
    table: "tool_calls",
    where: `account_id = ? AND turn_id IN (
      SELECT id FROM turns WHERE ${turns.where}
      UNION SELECT turn_id FROM inbounds WHERE ${turns.where})`,
    args: [account, ...turns.args, ...turns.args],
  };
}

export function deadLettersOf(scope: EraseScope): Meant {
  const { account } = scope;
  const messages = inSessions(scope);
  return scope.sessionIds === undefined ? { table: "dead_letters", ...messages } : {
    table: "dead_letters",
    where: `account_id = ? AND ref_id IN (
      SELECT id FROM inbounds WHERE ${messages.where}
      UNION SELECT id FROM outbox WHERE ${messages.where}
      UNION SELECT inbox_id FROM inbounds WHERE ${messages.where})`,
    args: [account, ...messages.args, ...messages.args, ...messages.args],
  };
}

/** The members of events that name a conversation or a person. */
const PERSON_MEMBERS = ["contact_id", "sender_id", "contact"];

/** Events say whom they are about in their JSON, which is ours and has no blanks. */
export function eventsOf({ account, sessionIds, contact }: EraseScope): Meant {
  if (sessionIds === undefined) {
    return { table: "agent_events", where: "account_id = ?", args: [account] };
  }
  const member = (name: string, value: string): string => `"${name}":${JSON.stringify(value)}`;
  const needles = [
    ...sessionIds.map((id) => member("session_id", id)),
    ...contact === undefined ? [] : PERSON_MEMBERS.map((name) => member(name, contact)),
  ];
  const messages = inSessions({ account, sessionIds, contact });
  return {
    table: "agent_events",
    where: `account_id = ? AND (
      EXISTS (SELECT 1 FROM json_each(?) WHERE instr(body, value) > 0)
      OR (kind = 'webhook_accepted' AND json_extract(body, '$.envelope_id') IN (
        SELECT inbox_id FROM inbounds WHERE ${messages.where})))`,
    args: [account, JSON.stringify(needles), ...messages.args],
  };
}
