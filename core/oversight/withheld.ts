/**
 * What an agent had written and nobody had sent when a person took over: it stays unsent, for good.
 *
 * @module
 */
import { type AgentEvent, CodedError, type ConversationKey } from "../contract/mod.ts";
import type { Outbound } from "../queues/outbound.ts";
import type { Write } from "../store/store.ts";
import type { OversightDeps } from "./deps.ts";
import type { Scope } from "./scopes.ts";
import type { Sayings } from "./sayings.ts";

/** What the model reads where its answer never arrived. */
const NOTE = "[not_delivered] What stands above did not reach the customer, or not all of it: " +
  "a person had taken over.";
/** Why the dead letter is one. */
export const WITHHELD_REASON = "a person has the conversation";

/** Makes the rows. */
export interface Withheld {
  /**
   * Rows that keep everything an agent wrote in a scope from being sent, but for `except`. Each becomes a
   * dead letter, so that it can be looked at, and the model is told. `conflict` when one was sent meanwhile.
   */
  readonly rowsForScope: (scope: Scope, except: ReadonlySet<string>) => Promise<Write[]>;
  /** The model's note of one message that stays unsent. */
  readonly rowsForNote: (outbound: Outbound) => Write[];
}

/** Returns the makers of rows. */
export function createWithheld(
  deps: OversightDeps & { readonly sayings: Pick<Sayings, "note"> },
): Withheld {
  const { outbox, deadLetters, sayings, now } = deps;

  function rowsForNote(outbound: Outbound): Write[] {
    const { account_id, agent_id, channel, instance, contact } = outbound;
    const key: ConversationKey = { account_id, agent_id, channel, instance, contact };
    // What no agent's turn said, a microapp's own send for example, is not in its history either.
    if (outbound.turn_id === null) return [];
    return sayings.note(key, {
      id: deps.uuid(),
      text: NOTE,
      source: `withheld:${channel}`,
      sender: "core",
    });
  }

  return {
    rowsForNote,
    async rowsForScope(scope, except) {
      const unsent = await outbox.unsentOfAgent({ ...scope });
      const found = await Promise.all(
        unsent.filter(({ id }) => !except.has(id)).map(({ id }) => outbox.find(scope.account, id)),
      );
      const noted = new Set<string | null>();
      return found.flatMap((outbound) => {
        if (outbound === undefined) {
          throw new CodedError("conflict", "Cannot withhold: it was sent");
        }
        const isNoted = noted.has(outbound.turn_id);
        noted.add(outbound.turn_id);
        return [
          ...outbox.rowsForDead(scope.account, outbound.id),
          ...deadLetters.rowsForDead({
            id: deps.uuid(),
            account_id: scope.account,
            kind: "outbox",
            ref_id: outbound.id,
            source: `${outbound.channel}:${outbound.instance}`,
            code: "conversation_paused",
            detail: WITHHELD_REASON,
            at_ms: now(),
          }),
          ...deps.rows.events({
            account: scope.account,
            events: [failedEvent(outbound, now())],
          }),
          // A long reply is several messages and one to the model.
          ...(isNoted ? [] : rowsForNote(outbound)),
        ];
      });
    },
  };
}

function failedEvent(
  { agent_id, session_id, id, channel, instance, turn_id }: Outbound,
  atMs: number,
): AgentEvent {
  return {
    kind: "outbound_failed",
    agent_id,
    session_id,
    outbound_id: id,
    channel,
    instance,
    ...(turn_id === null ? {} : { turn_id }),
    reason: WITHHELD_REASON,
    at_ms: atMs,
  };
}
