/**
 * One delivery and one turn as operators read them: rows of several rooms, joined.
 *
 * @module
 */
import type { DeliveryStep, DeliveryStory, TurnStory } from "../admin/operator_console.ts";
import type { Inbox } from "../queues/inbox.ts";
import { readToolCalls } from "../record/tool_calls.ts";
import { findTurnsForOperator } from "../record/turns.ts";
import type { Row, Store } from "../store/store.ts";

/** More messages than this no delivery becomes, and a turn has no more entries. */
const MAX_ROWS = 500;

type Reads = Pick<Store, "readMany">;

type StepRow = Omit<DeliveryStep, "turn"> & Row;
type DeadRow = DeliveryStory["dead_letters"][number] & Row;
type EntryRow = TurnStory["entries"][number] & Row;

/** Returns the readers of stories. */
export function createStories({ store, inbox, verifiedBy }: {
  store: Reads;
  inbox: Inbox;
  verifiedBy: (sourceId: string) => string | null;
}): {
  readonly deliveryStory: (envelopeId: string) => Promise<DeliveryStory | undefined>;
  readonly turnStory: (turnId: string) => Promise<TurnStory | undefined>;
} {
  return {
    async deliveryStory(envelopeId) {
      const found = await inbox.findForOperator(envelopeId);
      if (found === undefined) return undefined;
      const { replayed_from, ...delivery } = found;
      const steps = await store.readMany<StepRow>(
        `SELECT id AS inbound_id, agent_id, session_id, state, attempts, starts, next_at_ms, turn_id
         FROM inbounds WHERE inbox_id = ? ORDER BY id LIMIT ?`,
        [envelopeId, MAX_ROWS],
      );
      const turns = await findTurnsForOperator(
        store,
        steps.flatMap(({ turn_id }) => turn_id ?? []),
      );
      return {
        delivery: { ...delivery, verified_by: verifiedBy(delivery.source_id) },
        replayed_from,
        steps: steps.map((step) => ({
          ...step,
          turn: turns.find(({ turn_id }) => turn_id === step.turn_id) ?? null,
        })),
        dead_letters: await deadLettersOf(store, delivery.account_id, [
          envelopeId,
          ...steps.map(({ inbound_id }) => inbound_id),
        ]),
      };
    },
    async turnStory(turnId) {
      const [turn] = await findTurnsForOperator(store, [turnId]);
      if (turn === undefined) return undefined;
      const { account_id: account, session_id: session } = turn;
      const [calls, entries, replies] = await Promise.all([
        readToolCalls(store, account, turnId),
        store.readMany<EntryRow>(
          `SELECT seq, role, body, sent_at_ms FROM transcripts
           WHERE account_id = ? AND session_id = ? AND turn_id = ? ORDER BY seq LIMIT ?`,
          [account, session, turnId, MAX_ROWS],
        ),
        store.readMany<Row & { state: "queued" | "sent" | "dead" }>(
          `SELECT state FROM outbox WHERE account_id = ? AND session_id = ? AND turn_id = ?
           ORDER BY id DESC LIMIT 1`,
          [account, session, turnId],
        ),
      ]);
      return {
        turn,
        tool_calls: calls.map((call) => ({
          call_id: call.id,
          tool: call.tool,
          microapp_id: call.microappId ?? null,
          arguments: call.arguments,
          result: call.result,
          outcome: call.outcome,
          duration_ms: call.durationMs,
          at_ms: call.atMs,
        })),
        entries,
        reply_state: replies[0]?.state ?? null,
      };
    },
  };
}

function deadLettersOf(
  store: Reads,
  account: string,
  refs: readonly string[],
): Promise<DeadRow[]> {
  return store.readMany<DeadRow>(
    `SELECT id, code, detail, at_ms, replayed_at_ms FROM dead_letters
     WHERE account_id = ? AND ref_id IN (${refs.map(() => "?").join(", ")}) ORDER BY id`,
    [account, ...refs],
  );
}
