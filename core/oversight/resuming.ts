/**
 * Giving back: in one commit the pause ends, what waited is let go, and the model learns what it missed.
 *
 * @module
 */
import { CodedError, type ConversationKey, type Inbound } from "../contract/mod.ts";
import { type OpenInbound, openInbound } from "../queues/inbounds.ts";
import type { Write } from "../store/store.ts";
import { untilCommitted } from "./attempts.ts";
import type { OversightDeps } from "./deps.ts";
import { revisionOf, rowsForResumed } from "./pause_rows.ts";
import type { Operator, Pause, Pauses } from "./pauses.ts";
import { rowsForStateEvent } from "./pausing.ts";
import { chunksOf, type PendingRow, readPending, rowsForReleased } from "./pending_rows.ts";
import { type Sayings, senderOf } from "./sayings.ts";
import type { Scope } from "./scopes.ts";
import type { Withheld } from "./withheld.ts";

/** What an operator may say when giving back. */
export interface ResumeOptions {
  /** What the agent should know; put into one conversation. */
  readonly summary?: { readonly key: ConversationKey; readonly text: string } | undefined;
  /** Whether the agent answers at once what people wrote meanwhile. */
  readonly runTurn: boolean;
}

/** What a resume did. */
export interface ResumeResult {
  readonly changed: boolean;
  /** Messages that waited and were let go. */
  readonly drained: number;
}

/** Ends a pause. */
export type GiveBack = (
  scope: Scope,
  operator: Operator,
  options: ResumeOptions,
) => Promise<ResumeResult>;

/** What becomes of the messages that waited. */
interface Drain {
  /** Everything that stops waiting. */
  readonly released: readonly PendingRow[];
  /** What people said; it is history now. */
  readonly closed: readonly PendingRow[];
  /** A turn begins with each: tasks that nobody did, and the last of what people said when it is answered. */
  readonly queued: readonly PendingRow[];
}

/** Returns the function that ends pauses. Calls for one scope must come one after another. */
export function createGiveBack(
  deps: OversightDeps & {
    readonly pauses: Pauses;
    readonly sayings: Pick<Sayings, "note">;
    readonly withheld: Withheld;
  },
): GiveBack {
  const { store, pauses, sayings, withheld, inbounds, inbox, now } = deps;

  return async function giveBack(scope, operator, { summary, runTurn }) {
    const pause = pauses.get(scope);
    if (pause === undefined) return { changed: false, drained: 0 };
    const noteId = deps.uuid();
    const { ids: underWay } = deps.sendsUnderWay(scope.account);

    const done = await untilCommitted(async () => {
      const revision = await revisionOf(store, pause);
      if (revision === undefined) {
        throw new CodedError("not_found", "Cannot resume: the pause is over");
      }
      const drain = drainOf(await waitingBehind(pause), runTurn);
      const begun = runTurn && summary !== undefined && !answers(drain, summary.key)
        ? summaryInbound(noteId, summary, operator)
        : undefined;
      await store.commit([
        ...rowsForResumed(pause, revision),
        ...rowsForReleased(scope.account, drain.released.map(({ id }) => id)),
        ...rowsForClosed(scope.account, drain.closed),
        ...await withheld.rowsForScope(scope, underWay),
        ...(summary === undefined ? [] : sayings.note(summary.key, {
          id: noteId,
          text: summaryText(summary.text),
          source: "intervention:summary",
          sender: senderOf(operator),
        })),
        ...(begun === undefined
          ? []
          : inbounds.rowsForQueued(begun, deps.sessionIdOf(begun.key), now())),
        ...rowsForStateEvent(deps, scope, pause, undefined),
      ]);
      return { drain, begun };
    });

    // In one go: nothing that came later may overtake what waited.
    pauses.delete(scope);
    deps.schedule([
      ...done.drain.queued.map((row) => openPending(row, now())),
      ...(done.begun === undefined
        ? []
        : [openInbound(done.begun, deps.sessionIdOf(done.begun.key), now())]),
    ]);
    return { changed: true, drained: done.drain.released.length };
  };

  /** What waits in the pause's scope and is under no other pause. */
  async function waitingBehind({ scope, id }: Pause): Promise<PendingRow[]> {
    const rows = await readPending(store, scope);
    return rows.filter((row) => pauses.allOver(row).every((other) => other.id === id));
  }

  function rowsForClosed(account: string, closed: readonly PendingRow[]): Write[] {
    const inboxIds = new Set(closed.flatMap(({ inbox_id }) => inbox_id ?? []));
    return [
      ...chunksOf(closed.map(({ id }) => id)).flatMap((ids) =>
        inbounds.rowsForClosed(account, ids, "done")
      ),
      ...[...inboxIds].flatMap((id) => inbox.rowsForSettled(id)),
    ];
  }

  /** The summary as the message a turn begins with, where nobody wrote anything to answer. */
  function summaryInbound(
    id: string,
    { key, text }: NonNullable<ResumeOptions["summary"]>,
    operator: Operator,
  ): Inbound {
    return operatorInbound(id, key, summaryText(text), operator, now());
  }
}

/** What an operator tells the agent, as a message of its conversation that is in the transcript already. */
export function operatorInbound(
  id: string,
  key: ConversationKey,
  text: string,
  operator: Operator,
  nowMs: number,
): Inbound {
  return {
    id,
    key,
    trigger: "channel",
    kind: "internal_system",
    text,
    templated: false,
    sender_id: senderOf(operator),
    sender_name: operator.name,
    parts: [],
    chat: "direct",
    edit_of_msg_id: null,
    reply_address: null,
    msg_id: null,
    reply_to_msg_id: null,
    sent_at_ms: nowMs,
    event_source: null,
    envelope_id: null,
    delivery_id: null,
    hops: 0,
    on_record: true,
  };
}

/** What the scheduler needs of a message that waited: no turn has been over it. */
function openPending(row: PendingRow, nowMs: number): OpenInbound {
  const { id, account_id, agent_id, session_id, channel, instance, trigger } = row;
  return {
    id,
    account_id,
    agent_id,
    session_id,
    channel,
    instance,
    trigger,
    turn_id: null,
    attempts: 0,
    starts: 0,
    next_at_ms: nowMs,
    created_at_ms: nowMs,
    traceparent: null,
    recovered: 0,
  };
}

function summaryText(text: string): string {
  return `[operator_summary] ${text.trim()}`;
}

function drainOf(released: readonly PendingRow[], runTurn: boolean): Drain {
  const said = released.filter(({ trigger }) => trigger === "channel");
  const last = new Map(said.map((row) => [row.session_id, row.id]));
  const begins = (row: PendingRow): boolean => runTurn && last.get(row.session_id) === row.id;
  return {
    released,
    closed: said.filter((row) => !begins(row)),
    queued: released.filter((row) => row.trigger !== "channel" || begins(row)),
  };
}

/** Whether a turn answers a conversation anyway. */
function answers({ queued }: Drain, key: ConversationKey): boolean {
  return queued.some((row) =>
    row.trigger === "channel" && row.agent_id === key.agent_id && row.channel === key.channel &&
    row.instance === key.instance && row.contact === key.contact
  );
}
