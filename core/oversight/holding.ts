/**
 * Putting messages behind a pause: durable, in order, at most so many of one conversation.
 *
 * @module
 */
import { type AgentEvent, bindingId, type ConversationKey, type Inbound } from "../contract/mod.ts";
import type { Write } from "../store/store.ts";
import { untilCommitted } from "./attempts.ts";
import type { OversightDeps } from "./deps.ts";
import { rowsForPassed } from "./pause_rows.ts";
import type { Pause, Pauses } from "./pauses.ts";
import { readPendingOf, rowsForPending, rowsForReleased } from "./pending_rows.ts";
import type { Sayings } from "./sayings.ts";
import { conversationScope, wireScope } from "./scopes.ts";

/** Puts messages of one conversation behind the pause over it, in one commit with `writes`. */
export type Hold = (inbounds: readonly Inbound[], writes: readonly Write[]) => Promise<boolean>;

/**
 * Returns the function that holds messages; it resolves with false when no pause is over them any
 * more, and nothing is written then.
 *
 * What people said waits only to be answered: it is in the transcript already. What an event or a timer
 * asked for waits to be done; of what is too much, the oldest becomes a dead letter.
 */
export function createHold(
  deps: OversightDeps & { readonly pauses: Pauses; readonly sayings: Sayings },
): Hold {
  const { store, pauses, sayings, inbounds: queue, inbox, now } = deps;

  async function rowsFor(pause: Pause, inbounds: readonly Inbound[]): Promise<Write[]> {
    const [first] = inbounds;
    if (first === undefined) return [];
    const { account_id: account } = first.key;
    const sessionId = deps.sessionIdOf(first.key);
    const waiting = await readPendingOf(store, account, sessionId);
    const over = Math.max(0, waiting.length + inbounds.length - deps.pendingCap);
    const old = waiting.slice(0, over);
    const kept = inbounds.slice(Math.max(0, over - old.length));
    const lost = inbounds.slice(0, inbounds.length - kept.length);
    return [
      ...rowsForPassed(pause),
      ...kept.flatMap((inbound) => [
        ...queue.rowsForHeld(inbound.trigger === "channel" ? heard(inbound) : inbound),
        ...rowsForPending(inbound, sessionId, now()),
      ]),
      ...rowsForReleased(account, old.map(({ id }) => id)),
      ...rowsForDropped([
        ...old,
        ...lost.map(({ id, key, trigger, envelope_id: inbox_id }) => ({
          ...key,
          id,
          trigger,
          inbox_id,
        })),
      ]),
      ...(over === 0 ? [] : deps.rows.events({
        account,
        events: [droppedEvent(first.key, over, now())],
      })),
    ];
  }

  function rowsForDropped(items: readonly DroppedItem[]): Write[] {
    return items.flatMap((item) => {
      const { account_id: account, id, inbox_id: inboxId, trigger } = item;
      const isSaid = trigger === "channel";
      return [
        ...queue.rowsForClosed(account, [id], isSaid ? "done" : "dead"),
        ...(isSaid ? [] : deps.deadLetters.rowsForDead({
          id: deps.uuid(),
          account_id: account,
          kind: "inbound",
          ref_id: id,
          source: bindingId(item.channel, item.instance),
          code: "conversation_paused",
          detail: "too much waited behind the pause",
          at_ms: now(),
        })),
        ...(inboxId === null ? [] : inbox.rowsForSettled(inboxId)),
      ];
    });
  }

  return async function hold(inbounds, writes) {
    const [first] = inbounds;
    if (first === undefined) return false;
    // A conflict means that the pause ended or that what waits has changed.
    return untilCommitted(async () => {
      await pauses.settled(first.key);
      const pause = pauses.over(first.key);
      if (pause === undefined) return false;
      const handoff = await sayings.handoffOnFirstMessage(pause, first.key);
      await store.commit([...await rowsFor(pause, inbounds), ...writes, ...handoff.writes]);
      handoff.send();
      return true;
    });
  };
}

interface DroppedItem extends ConversationKey {
  readonly id: string;
  readonly trigger: Inbound["trigger"];
  readonly inbox_id: string | null;
}

function heard(inbound: Inbound): Inbound {
  return { ...inbound, on_record: true };
}

function droppedEvent(key: ConversationKey, dropped: number, atMs: number): AgentEvent {
  return {
    kind: "pending_inbounds_dropped",
    agent_id: key.agent_id,
    scope: wireScope(conversationScope(key)),
    dropped,
    at_ms: atMs,
  };
}
