/**
 * One delivery and one turn as operators read them: rows of several rooms, joined.
 *
 * @module
 */
import { toolLimitsOf } from "../agents/policy.ts";
import type { DeliveryStep, DeliveryStory } from "../contract/views/deliveries.ts";
import type { TurnStory } from "../contract/views/turns.ts";
import { rateOfTool } from "../limits/tool_limits.ts";
import type { Settings } from "../settings/settings.ts";
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
type ModelCallRow = TurnStory["model_calls"][number] & Row;
type SendRow = TurnStory["sends"][number] & Row;

/** Returns the readers of stories. */
export function createStories({ store, inbox, verifiedBy, settings, toolNames }: {
  store: Reads;
  inbox: Inbox;
  settings: () => Settings;
  /** What a microapp calls the tool that a model sees by this name. */
  toolNames: (name: string) => string;
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
      const [calls, modelCalls, entries, sends] = await Promise.all([
        readToolCalls(store, account, turnId),
        store.readMany<ModelCallRow>(
          `SELECT id, provider, model, state, error, tokens_in, tokens_out, tokens_cached,
             cost_micros, at_ms, ended_at_ms
           FROM model_calls WHERE account_id = ? AND turn_id = ? ORDER BY at_ms, id LIMIT ?`,
          [account, turnId, MAX_ROWS],
        ),
        store.readMany<EntryRow>(
          `SELECT seq, role, body, sent_at_ms FROM transcripts
           WHERE account_id = ? AND session_id = ? AND turn_id = ? ORDER BY seq LIMIT ?`,
          [account, session, turnId, MAX_ROWS],
        ),
        store.readMany<SendRow>(
          `SELECT id, channel, instance, state, attempts, created_at_ms, sent_at_ms FROM outbox
           WHERE account_id = ? AND session_id = ? AND turn_id = ?
           ORDER BY created_at_ms, id LIMIT ?`,
          [account, session, turnId, MAX_ROWS],
        ),
      ]);
      const limits = toolLimitsOf(settings(), turn.agent_id, turn.binding_id);
      const limitOf = (name: string) => {
        const tool = { name, ownName: toolNames(name) };
        const rate = limits && rateOfTool(turn.binding_id, { tool, limits });
        return rate === undefined ? null : { rps: rate.rps, burst: rate.burst };
      };
      return {
        turn,
        tool_calls: calls.map((call) => ({
          call_id: call.id,
          tool: call.tool,
          microapp_id: call.microappId ?? null,
          arguments: call.arguments,
          result: call.result,
          outcome: call.outcome,
          limit: limitOf(call.tool),
          duration_ms: call.durationMs,
          at_ms: call.atMs,
        })),
        model_calls: modelCalls,
        entries,
        sends,
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
