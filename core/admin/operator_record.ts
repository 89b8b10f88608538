/**
 * What operators read of the record: turns, events, deliveries, dead letters.
 *
 * @module
 */
import { z } from "zod";
import { type Clock, CodedError } from "../contract/mod.ts";
import { OPERATOR_STREAM } from "../events/event_rows.ts";
import type { Replay } from "../intake/replay.ts";
import type { DeadLetters } from "../queues/dead_letters.ts";
import type { Inbox } from "../queues/inbox.ts";
import { purgeDeliveries } from "../queues/retention.ts";
import type { Store } from "../store/store.ts";
import { type AdminMethod, operatorMethod } from "./method.ts";

const limit = z.int().positive().max(1000).default(50);
const account = z.string().nullish();

/** Reads the record; each method says which rooms stand behind it. */
export interface OperatorRecordDeps {
  readonly inbox: Inbox;
  readonly deadLetters: DeadLetters;
  readonly store: Pick<Store, "commit" | "readMany">;
  readonly now: Clock;
  /** What the edge checks of a source's deliveries; null for a source that is not configured now. */
  readonly verifiedBy: (sourceId: string) => string | null;
  readonly replay: Replay;
  /** Turns of one tenant, or of all when `account` is undefined, newest first. */
  readonly tailTurns: (
    filter: {
      account: string | undefined;
      sinceMs: number | undefined;
      agentId: string | undefined;
      outcome: "ok" | "error" | "refused" | undefined;
      cursor: number | undefined;
      limit: number;
    },
  ) => Promise<{ turns: readonly unknown[]; cursor?: number }>;
  /**
   * Events of one tenant, or of all, oldest first: those after a cursor, or else the newest there are
   * or were before one; `offsets` are their places, `older` the `before` of what came earlier.
   */
  readonly listEvents: (filter: {
    account: string | undefined;
    kind: string | undefined;
    after: number | undefined;
    before: number | undefined;
    limit: number;
  }) => Promise<{ events: unknown[]; offsets: number[]; cursor: number; older: number | null }>;
  /** Resolves when an event after the cursor exists, or after `waitMs`. */
  readonly waitForEvents: (
    filter: { account: string | undefined; after: number; waitMs: number },
  ) => Promise<void>;
}

/** Returns the methods that read and replay the record. */
export function operatorRecordMethods(deps: OperatorRecordDeps): AdminMethod[] {
  const ownerOf = async ({ envelope_id: id }: { envelope_id: string }) =>
    declared((await deps.inbox.showForOperator(id))?.row.account_id);
  return [
    operatorMethod(
      "turns/tail",
      z.object({
        account,
        since_ms: z.number().nullish(),
        agent: z.string().nullish(),
        outcome: z.enum(["ok", "error", "refused"]).nullish(),
        cursor: z.int().nonnegative().nullish(),
        limit,
      }),
      (p) =>
        deps.tailTurns({
          account: p.account ?? undefined,
          sinceMs: p.since_ms ?? undefined,
          agentId: p.agent ?? undefined,
          outcome: p.outcome ?? undefined,
          cursor: p.cursor ?? undefined,
          limit: p.limit,
        }),
      { unaudited: true },
    ),
    operatorMethod(
      "events/list",
      z.object({
        account,
        kind: z.string().nullish(),
        after: z.int().nonnegative().nullish(),
        before: z.int().nonnegative().nullish(),
        wait_ms: z.int().nonnegative().max(60_000).default(0),
        limit,
      }),
      async (p) => {
        const filter = {
          account: p.account ?? undefined,
          kind: p.kind ?? undefined,
          after: p.after ?? undefined,
          before: p.before ?? undefined,
          limit: p.limit,
        };
        const found = await deps.listEvents(filter);
        if (found.events.length > 0 || p.wait_ms === 0 || p.after == null) return found;
        await deps.waitForEvents({ account: filter.account, after: p.after, waitMs: p.wait_ms });
        return deps.listEvents(filter);
      },
      { unaudited: true },
    ),
    operatorMethod(
      "inbox/list",
      z.object({
        account,
        source: z.string().nullish(),
        state: z.enum(["queued", "done", "unmatched", "dead"]).nullish(),
        before: z.string().nullish(),
        limit,
      }),
      async (p) => {
        const rows = await deps.inbox.listForOperator({
          account: p.account ?? undefined,
          source: p.source ?? undefined,
          state: p.state ?? undefined,
          before: p.before ?? undefined,
          limit: p.limit,
        });
        // What is in the inbox has passed its source's check; nothing else gets there.
        return {
          deliveries: rows.map((row) => ({ ...row, verified_by: deps.verifiedBy(row.source_id) })),
        };
      },
      { unaudited: true },
    ),
    operatorMethod("inbox/show", z.object({ envelope_id: z.string() }), async ({ envelope_id }) => {
      const shown = await deps.inbox.showForOperator(envelope_id);
      if (shown === undefined) {
        throw new CodedError("not_found", `Cannot show delivery "${envelope_id}": there is none`);
      }
      return { ...shown.row, envelope: shown.envelope };
    }, { accountOf: ownerOf }),
    operatorMethod(
      "inbox/replay",
      z.object({ envelope_id: z.string() }),
      async ({ envelope_id }) => {
        const { envelopeId } = await deps.replay.delivery(envelope_id);
        return { envelope_id: envelopeId, replayed_from: envelope_id };
      },
      { accountOf: ownerOf },
    ),
    operatorMethod(
      "inbox/purge",
      z.object({ account, before_ms: z.int().nonnegative() }),
      (p) =>
        purgeDeliveries({ store: deps.store, nowMs: deps.now() }, {
          account: p.account ?? undefined,
          beforeMs: p.before_ms,
        }),
    ),
    operatorMethod(
      "dlq/list",
      z.object({ account, before: z.string().nullish(), limit }),
      async (p) => ({
        dead_letters: await deps.deadLetters.listForOperator({
          account: p.account ?? undefined,
          before: p.before ?? undefined,
          limit: p.limit,
        }),
      }),
      { unaudited: true },
    ),
    operatorMethod("dlq/show", z.object({ id: z.string() }), async ({ id }) => {
      const found = await deps.deadLetters.findForOperator(id);
      if (found !== undefined) return found;
      throw new CodedError("not_found", `Cannot show dead letter "${id}": there is none`);
    }, { unaudited: true }),
    operatorMethod(
      "dlq/purge",
      z.object({ account, before_ms: z.int().nonnegative() }),
      async (p) => {
        const filter = { account: p.account ?? undefined, beforeMs: p.before_ms };
        const purged = await deps.deadLetters.countForPurge(filter);
        await deps.store.commit(deps.deadLetters.rowsForPurged(filter));
        return { purged };
      },
    ),
    operatorMethod("dlq/replay", z.object({ id: z.string() }), async ({ id }) => {
      await deps.replay.deadLetter(id);
      return { id, replayed: true };
    }, {
      accountOf: async ({ id }) =>
        declared((await deps.deadLetters.findForOperator(id))?.account_id),
    }),
  ];
}

/** An account that is a tenant's. */
function declared(account: string | null | undefined): string | undefined {
  return account == null || account === OPERATOR_STREAM ? undefined : account;
}
