/**
 * Events as rows: part of the unit of work that made them happen.
 *
 * @module
 */
import { type AgentEvent, eventTimeMs } from "../contract/mod.ts";
import { type Append, append, type Write } from "../store/store.ts";

/** The account of events that belong to no tenant; no tenant can have this name. */
export const OPERATOR_STREAM = "_";

/** The stream of one account's events. */
export function eventStream(account: string): string {
  return `events:${account}`;
}

/** The stream of everybody's events. */
export const ALL_EVENTS_STREAM = "events";

/** Makes the rows of events of one tenant, for one unit of work; see {@linkcode rowsForEvents}. */
export type RowsForEvents = (
  batch: { readonly account: string; readonly events: readonly AgentEvent[] },
) => Write[];

/**
 * Rows that put `events` into the log in the order given, each with a global and an account's offset.
 *
 * `tenant_id` is stamped from `account`, whatever the event says. Text must be redacted already.
 */
export function rowsForEvents(
  { account, events }: { account: string; events: readonly AgentEvent[] },
): Write[] {
  return events.map((event) => appendEvent(account, event.kind, () => event));
}

/**
 * One event whose content is known only when it is written, for what depends on rows before it in
 * the same unit. `makeEvent` is called by the writer, once per attempt.
 */
export function appendEvent(
  account: string,
  kind: AgentEvent["kind"],
  makeEvent: () => AgentEvent,
): Append {
  return append("agent_events", [ALL_EVENTS_STREAM, eventStream(account)], ([all, own]) => {
    const event = makeEvent();
    return {
      row: {
        id: all?.offset ?? 0,
        account_id: account,
        offset: own?.offset ?? 0,
        kind,
        agent_id: agentOf(event),
        at_ms: eventTimeMs(event),
        body: JSON.stringify(stamp(event, account)),
      },
    };
  });
}

function agentOf(event: AgentEvent): string | null {
  return "agent_id" in event && typeof event.agent_id === "string" ? event.agent_id : null;
}

/** What an event says itself of its tenant does not count; undefined is left out of JSON. */
function stamp(event: AgentEvent, account: string): object {
  // Members left out and copied by syntax would cost more than the rest of the row.
  return Object.assign({}, event, {
    tenant_id: account === OPERATOR_STREAM ? undefined : account,
  });
}
