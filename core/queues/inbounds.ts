/**
 * The queue of messages for agents, on disk.
 *
 * @module
 */
import { Inbound } from "../contract/mod.ts";
import { currentTraceparent } from "../flow/trace.ts";
import type { Sealer } from "../store/sealer.ts";
import { bulk, insert, type Row, statement, type Store, type Write } from "../store/store.ts";
import { createFresh } from "./fresh.ts";

/** An unfinished inbound without its text: all the scheduler needs. */
export interface OpenInbound extends Row {
  id: string;
  account_id: string;
  agent_id: string;
  session_id: string;
  channel: string;
  instance: string;
  trigger: Inbound["trigger"];
  /** The turn it was started in, if it was. */
  turn_id: string | null;
  /** How often a turn over it failed. */
  attempts: number;
  /** How often a turn over it was started, also when the process died in it. */
  starts: number;
  /** Not before this time, in milliseconds since the epoch. */
  next_at_ms: number;
  created_at_ms: number;
  /** The span that queued it, when there is one. */
  traceparent: string | null;
  /** 1 when an earlier process left it, which may have begun a turn over it without a trace; else 0. */
  recovered: number;
}

/** A run of a turn, and the messages it is over. */
export interface TurnOver {
  readonly account: string;
  readonly turnId: string;
  /** Runs so far, this one included. */
  readonly starts: number;
  readonly ids: readonly string[];
}

/** Rows of the table `inbounds`. */
export interface Inbounds {
  rowsForQueued(inbound: Inbound, sessionId: string, nowMs: number): Write[];
  /** Marks a turn's inbounds as running; fails with `conflict` unless all are open, as its ends do. */
  rowsForStarted(turn: TurnOver): Write[];
  rowsForDone(turn: TurnOver): Write[];
  /** Puts a failed turn's inbounds back, not before `nextAtMs`; they stay with their turn. */
  rowsForRetry(account: string, ids: readonly string[], nextAtMs: number): Write[];
  /** Gives up on a turn's inbounds; their text is kept for a replay. */
  rowsForDead(turn: TurnOver): Write[];
  /** Puts an inbound behind a pause as it is given, as if no turn had been over it. */
  rowsForHeld(inbound: Inbound): Write[];
  /** Ends open inbounds that no turn will answer. */
  rowsForClosed(account: string, ids: readonly string[], as: "done" | "dead"): Write[];
  /** Queues a dead inbound again as if it had never been tried. */
  rowsForReplay(account: string, id: string, nowMs: number): Write[];
  /** The inbounds of one turn in the order they arrived. */
  load(account: string, ids: readonly string[]): Promise<Inbound[]>;
  /** To be called after messages were erased: none is in memory then. */
  readonly forget: () => void;
  /** Which of these new messages are here already under their channel's own id; by the new ids. */
  known(inbounds: readonly Inbound[]): Promise<ReadonlySet<string>>;
  /** When the newest message of a conversation's channel came in, in milliseconds since the epoch. */
  lastHeardMs(account: string, sessionId: string): Promise<number | undefined>;
  /** One inbound as the scheduler needs it. */
  find(account: string, id: string): Promise<OpenInbound | undefined>;
  /** Drops the tasks whose caller is not at work any more: nobody waits for them. */
  rowsForOrphansForOperator(): Write[];
  /**
   * Everything unfinished that waits for no person, of all tenants, oldest first: what a start has to
   * pick up. Tasks from other agents are not in it: whoever handed them on picks them up.
   */
  openForOperator(): Promise<OpenInbound[]>;
}

const marks = (ids: readonly string[]): string => ids.map(() => "?").join(", ");
const openColumns =
  "id, account_id, agent_id, session_id, channel, instance, trigger, turn_id, attempts, starts, " +
  "next_at_ms, created_at_ms, traceparent";

/** What a run makes of its open inbounds. An end says whose turn it was, too: it may be all that is written. */
function rowsForTurn({ account, turnId, starts, ids }: TurnOver, set: string): Write[] {
  return [bulk(
    `WITH given (id, account_id, turn_id, starts) AS (VALUES $rows)
     UPDATE inbounds SET ${set}, turn_id = given.turn_id, starts = max(inbounds.starts, given.starts)
     FROM given WHERE inbounds.id = given.id AND inbounds.account_id = given.account_id
       AND state IN ('queued', 'running')`,
    ids.map((id) => [id, account, turnId, starts]),
    "one each",
  )];
}

/** What the scheduler needs of a new inbound. */
export function openInbound(inbound: Inbound, sessionId: string, nowMs: number): OpenInbound {
  const { account_id, agent_id, channel, instance } = inbound.key;
  return {
    id: inbound.id,
    account_id,
    agent_id,
    session_id: sessionId,
    channel,
    instance,
    trigger: inbound.trigger,
    turn_id: null,
    attempts: 0,
    starts: 0,
    next_at_ms: nowMs,
    created_at_ms: nowMs,
    traceparent: currentTraceparent() ?? null,
    recovered: 0,
  };
}

/** Returns the inbounds over `store`. */
export function createInbounds({ store, sealer }: { store: Store; sealer: Sealer }): Inbounds {
  const place = (account: string, id: string) => ({ table: "inbounds", account, id });
  /**
   * What came in a moment ago, as it is sealed on disk: most turns follow at once. Each is taken once, so
   * that a turn that runs again looks at the disk; one whose row is gone fails with its first commit.
   */
  const fresh = createFresh<Inbound>();

  function takeFresh(account: string, ids: readonly string[]): Inbound[] | undefined {
    const taken = ids.flatMap((id) => fresh.take(account, id) ?? []);
    if (taken.length < ids.length) return undefined;
    return taken.sort((a, b) => a.id < b.id ? -1 : 1);
  }

  return {
    rowsForQueued(inbound, sessionId, nowMs) {
      const { id, trigger, key: { account_id, agent_id, channel, instance, contact } } = inbound;
      const json = JSON.stringify(inbound);
      fresh.put(account_id, id, inbound, json.length);
      return [insert("inbounds", {
        id,
        account_id,
        agent_id,
        session_id: sessionId,
        channel,
        instance,
        contact,
        trigger,
        inbox_id: inbound.envelope_id,
        msg_id: inbound.msg_id,
        sealed: sealer.seal(place(account_id, id), json),
        state: "queued",
        turn_id: null,
        attempts: 0,
        starts: 0,
        next_at_ms: nowMs,
        created_at_ms: nowMs,
        traceparent: currentTraceparent() ?? null,
      })];
    },
    rowsForStarted: (turn) => rowsForTurn(turn, "state = 'running'"),
    rowsForDone: (turn) => rowsForTurn(turn, "state = 'done', sealed = NULL"),
    rowsForRetry: (account, ids, nextAtMs) => [bulk(
      `WITH given (id, account_id, next_at_ms) AS (VALUES $rows)
       UPDATE inbounds SET state = 'queued', attempts = attempts + 1, next_at_ms = given.next_at_ms
       FROM given WHERE inbounds.id = given.id AND inbounds.account_id = given.account_id`,
      ids.map((id) => [id, account, nextAtMs]),
      "one each",
    )],
    rowsForDead: (turn) => rowsForTurn(turn, "state = 'dead'"),
    rowsForHeld(inbound) {
      const { id, key: { account_id: account } } = inbound;
      fresh.take(account, id);
      return [statement(
        `UPDATE inbounds SET state = 'queued', turn_id = NULL, attempts = 0, starts = 0, sealed = ?
         WHERE account_id = ? AND id = ? AND state IN ('queued', 'running')`,
        [sealer.seal(place(account, id), JSON.stringify(inbound)), account, id],
        1,
      )];
    },
    rowsForClosed(account, ids, as) {
      if (ids.length === 0) return [];
      return [statement(
        `UPDATE inbounds SET state = ?, sealed = CASE WHEN ? = 'dead' THEN sealed END
         WHERE account_id = ? AND state IN ('queued', 'running') AND id IN (${marks(ids)})`,
        [as, as, account, ...ids],
        ids.length,
      )];
    },
    rowsForReplay(account, id, nowMs) {
      return [statement(
        `UPDATE inbounds SET state = 'queued', turn_id = NULL, attempts = 0, starts = 0, next_at_ms = ?
         WHERE account_id = ? AND state = 'dead' AND id = ?`,
        [nowMs, account, id],
        1,
      )];
    },
    forget: fresh.clear,
    async load(account, ids) {
      const taken = takeFresh(account, ids);
      if (taken !== undefined) return taken;
      const rows = await store.readEach<{ id: string; sealed: Uint8Array }>(
        `WITH given (call, id, account_id) AS (VALUES $rows)
         SELECT given.call, i.id, i.sealed FROM given JOIN inbounds i
           ON i.id = given.id AND i.account_id = given.account_id
         ORDER BY i.id`,
        ids.map((id) => [id, account]),
      );
      return rows.map(({ id, sealed }) =>
        Inbound.parse(JSON.parse(sealer.openText(place(account, id), sealed)))
      );
    },
    async known(given) {
      const found = await Promise.all(given.map(async ({ id, msg_id, key }) => {
        if (msg_id === null) return [];
        const { account_id, agent_id, channel, instance, contact } = key;
        const rows = await store.read<{ one: number }>(
          `SELECT 1 AS one FROM inbounds WHERE account_id = ? AND agent_id = ? AND channel = ?
             AND instance = ? AND contact = ? AND msg_id = ?`,
          [account_id, agent_id, channel, instance, contact, msg_id],
        );
        return rows.length === 0 ? [] : [id];
      }));
      return new Set(found.flat());
    },
    rowsForOrphansForOperator() {
      return [statement(
        `UPDATE inbounds SET state = 'dead', sealed = NULL
         WHERE state IN ('queued', 'running') AND trigger = 'delegation' AND NOT EXISTS (
           SELECT 1 FROM inbounds c WHERE c.account_id = inbounds.account_id
             AND c.session_id = inbounds.contact AND c.state IN ('queued', 'running')
         )`,
        [],
      )];
    },
    async lastHeardMs(account, sessionId) {
      const [row] = await store.read<{ created_at_ms: number }>(
        `SELECT created_at_ms FROM inbounds WHERE account_id = ? AND session_id = ? AND trigger = 'channel'
         ORDER BY id DESC LIMIT 1`,
        [account, sessionId],
      );
      return row?.created_at_ms;
    },
    async find(account, id) {
      const [row] = await store.read<OpenInbound>(
        `SELECT ${openColumns}, 0 AS recovered FROM inbounds WHERE account_id = ? AND id = ?`,
        [account, id],
      );
      return row;
    },
    async openForOperator() {
      return store.readMany<OpenInbound>(
        `SELECT ${openColumns}, 1 AS recovered FROM inbounds i
         WHERE state IN ('queued', 'running') AND trigger <> 'delegation'
           AND NOT EXISTS (
             SELECT 1 FROM pending_inbounds p WHERE p.account_id = i.account_id AND p.id = i.id
           )
         ORDER BY id`,
      );
    },
  };
}
