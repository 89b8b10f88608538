/**
 * Where agents must not reply, as operators see it and undo it.
 *
 * @module
 */
import { z } from "zod";
import { type AgentEvent, bindingId, type Clock, CodedError } from "../contract/mod.ts";
import type { RowsForEvents } from "../events/event_rows.ts";
import type { Mutes } from "../queues/mutes.ts";
import type { Store } from "../store/store.ts";
import { type AdminMethod, operatorMethod } from "./method.ts";

/** What the methods need. */
export interface OperatorConversationDeps {
  readonly store: Pick<Store, "commit">;
  readonly mutes: Mutes;
  readonly rowsForEvents: RowsForEvents;
  readonly now: Clock;
}

const MAX_LISTED = 1_000;

/** Returns the methods. */
export function operatorConversationMethods(
  { store, mutes, rowsForEvents, now }: OperatorConversationDeps,
): AdminMethod[] {
  return [
    operatorMethod(
      "conversations/muted",
      z.object({
        account: z.string().nullish(),
        limit: z.int().positive().max(MAX_LISTED).default(100),
      }),
      async ({ account, limit }) => ({
        conversations: account == null
          ? await mutes.listForOperator(limit)
          : await mutes.list(account, limit),
      }),
      { unaudited: true },
    ),
    operatorMethod(
      "conversations/unmute",
      z.object({ account: z.string(), session_id: z.string() }),
      async ({ account, session_id: sessionId }, { caller }) => {
        const muted = await mutes.find(account, sessionId);
        if (muted === undefined) {
          throw new CodedError(
            "not_found",
            `Cannot unmute conversation "${sessionId}": it is not muted`,
          );
        }
        const event: AgentEvent = {
          kind: "conversation_unmuted",
          agent_id: muted.agent_id,
          session_id: sessionId,
          binding_id: bindingId(muted.channel, muted.instance),
          by: caller.kind === "operator" ? caller.subject : caller.id,
          at_ms: now(),
        };
        await store.commit([
          ...mutes.rowsForUnmuted(account, sessionId),
          ...rowsForEvents({ account, events: [event] }),
        ]);
        return { account, session_id: sessionId, unmuted: true };
      },
    ),
  ];
}
