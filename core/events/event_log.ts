/**
 * The durable event log: pages of the past, and what is committed from now on.
 *
 * @module
 */
import { type AgentEventKind, messageOf } from "../contract/mod.ts";
import type { Log } from "../flow/log.ts";
import type { Appended, Row, Store, Value } from "../store/store.ts";
import { ALL_EVENTS_STREAM, eventStream } from "./event_rows.ts";
import { clampLimit, readPage } from "./page.ts";

/** An event as it is kept. */
export interface StoredEvent {
  /** The global offset: 1, 2, 3, … over all accounts. */
  readonly id: number;
  readonly account: string;
  /** The account's own offset: 1, 2, 3, … */
  readonly offset: number;
  readonly kind: AgentEventKind;
  readonly agentId: string | null;
  readonly atMs: number;
  /** The event as JSON, redacted, with its `tenant_id`. */
  readonly body: string;
}

/** Whose events: one account's by its own offsets, or everybody's by global ids. */
export type EventScope = { readonly account: string } | "operator";

/** What a list may ask for. Without `after` the newest come first; with it, events in their order. */
export interface EventQuery {
  readonly kinds?: readonly AgentEventKind[] | undefined;
  readonly agentId?: string | undefined;
  /** Events that happened at or after this time. */
  readonly sinceMs?: number | undefined;
  /** Exclusive. Offsets of an account, ids for an operator. */
  readonly after?: number | undefined;
  /** Exclusive. */
  readonly before?: number | undefined;
  /** 1 to 1000. @default {50} */
  readonly limit?: number | undefined;
}

/** Some events. */
export interface EventPage {
  readonly events: StoredEvent[];
  /** `after` or `before` of the next page; absent when nothing more matched. */
  readonly cursor?: number;
}

/** How far a stream reaches. */
export interface EventRange {
  /** The lowest offset that is still kept; `head + 1` when nothing is. */
  readonly first: number;
  /** The newest offset given out; 0 before the first. */
  readonly head: number;
}

/** Reads the log and follows it. */
export interface EventLog {
  /** A page of one account's events. A probe for another account's finds nothing. */
  list(query: EventQuery & { readonly account: string }): Promise<EventPage>;
  /** A page of everybody's events, by global id. */
  listForOperator(query: EventQuery): Promise<EventPage>;
  /** What a client with a cursor must know to find a gap. */
  range(scope: EventScope): Promise<EventRange>;
  /**
   * Hears every commit's events of a scope, in order, after they are on disk. What a listener throws
   * is logged and disturbs nobody. Returns the way to stop.
   */
  listen(scope: EventScope, listener: EventListener): () => void;
  /** Stops hearing the store; listeners hear no more. */
  [Symbol.dispose](): void;
}

/** Hears the events of one commit; never none. */
export type EventListener = (events: readonly StoredEvent[]) => void;

/** What {@linkcode createEventLog} needs. */
export interface EventLogDeps {
  readonly store: Pick<Store, "read" | "readMany" | "onAppended">;
  readonly log: Log;
}

/** Returns the {@linkcode EventLog} over `store`. */
export function createEventLog({ store, log }: EventLogDeps): EventLog {
  const fanOut = createFanOut(log);
  const stop = store.onAppended((rows) => fanOut.tell(eventsIn(rows)));
  return {
    list: ({ account, ...query }) => listEvents(store, { account }, query),
    listForOperator: (query) => listEvents(store, "operator", query),
    range: (scope) => readRange(store, scope),
    listen: (scope, listener) => fanOut.listen(scope, listener),
    [Symbol.dispose]: stop,
  };
}

function eventsIn(rows: readonly Appended[]): StoredEvent[] {
  return rows.flatMap(({ table, row }) =>
    table === "agent_events" ? readEvent(row as EventRow) : []
  );
}

interface FanOut {
  listen(scope: EventScope, listener: EventListener): () => void;
  tell(events: readonly StoredEvent[]): void;
}

/** Listeners by account, so that a commit costs what its own listeners cost. */
function createFanOut(log: Log): FanOut {
  const operators = new Set<EventListener>();
  const accounts = new Map<string, Set<EventListener>>();

  function tellAll(listeners: Iterable<EventListener>, events: readonly StoredEvent[]): void {
    // A copy: who begins to listen now has not missed these events.
    for (const listener of Array.from(listeners)) {
      try {
        listener(events);
      } catch (error) {
        log.error("events.listener_failed", { error: messageOf(error) });
      }
    }
  }

  return {
    listen(scope, listener) {
      if (scope === "operator") return add(operators, listener);
      const { account } = scope;
      const listeners = accounts.get(account) ?? new Set();
      accounts.set(account, listeners);
      const remove = add(listeners, listener);
      return () => {
        remove();
        if (listeners.size === 0 && accounts.get(account) === listeners) accounts.delete(account);
      };
    },
    tell(events) {
      if (events.length === 0) return;
      tellAll(operators, events);
      if (accounts.size === 0) return;
      for (const account of new Set(events.map((event) => event.account))) {
        const listeners = accounts.get(account);
        if (listeners === undefined) continue;
        tellAll(listeners, events.filter((event) => event.account === account));
      }
    },
  };
}

/** A function given twice is heard twice, and each is stopped by itself. */
function add(listeners: Set<EventListener>, listener: EventListener): () => void {
  const own: EventListener = (events) => listener(events);
  listeners.add(own);
  return () => void listeners.delete(own);
}

interface EventRow extends Row {
  id: number;
  account_id: string;
  offset: number;
  kind: AgentEventKind;
  agent_id: string | null;
  at_ms: number;
  body: string;
}

function readEvent(row: EventRow): StoredEvent {
  return {
    id: row.id,
    account: row.account_id,
    offset: row.offset,
    kind: row.kind,
    agentId: row.agent_id,
    atMs: row.at_ms,
    body: row.body,
  };
}

async function listEvents(
  store: EventLogDeps["store"],
  scope: EventScope,
  query: EventQuery,
): Promise<EventPage> {
  const limit = clampLimit(query.limit);
  const position = scope === "operator" ? "id" : "offset";
  const order = query.after === undefined ? "DESC" : "ASC";
  const { where, args } = conditionsOf(scope, position, query);
  const rows = await readPage<EventRow>(
    store,
    limit,
    `SELECT id, account_id, offset, kind, agent_id, at_ms, body FROM agent_events
     WHERE ${where} ORDER BY ${position} ${order} LIMIT ?`,
    [...args, limit],
  );
  const last = rows.at(-1);
  return {
    events: rows.map(readEvent),
    ...(last !== undefined && rows.length === limit ? { cursor: last[position] } : {}),
  };
}

function conditionsOf(
  scope: EventScope,
  position: "id" | "offset",
  query: EventQuery,
): { where: string; args: Value[] } {
  const where: string[] = ["TRUE"];
  const args: Value[] = [];
  const add = (sql: string, ...values: readonly Value[]): void => {
    where.push(sql);
    args.push(...values);
  };
  if (scope !== "operator") add("account_id = ?", scope.account);
  if (query.after !== undefined) add(`${position} > ?`, query.after);
  if (query.before !== undefined) add(`${position} < ?`, query.before);
  if (query.agentId !== undefined) add("agent_id = ?", query.agentId);
  if (query.sinceMs !== undefined) add("at_ms >= ?", query.sinceMs);
  if (query.kinds !== undefined) {
    add(`kind IN (${query.kinds.map(() => "?").join()})`, ...query.kinds);
  }
  return { where: where.join(" AND "), args };
}

async function readRange(store: EventLogDeps["store"], scope: EventScope): Promise<EventRange> {
  const [stream, first, args] = scope === "operator"
    ? [ALL_EVENTS_STREAM, "SELECT min(id) FROM agent_events", []]
    : [
      eventStream(scope.account),
      "SELECT min(offset) FROM agent_events WHERE account_id = ?",
      [scope.account],
    ];
  // One statement, so that both ends are of one moment.
  const [row] = await store.read<{ first: number | null; head: number | null }>(
    `SELECT (${first}) AS first, (SELECT head FROM streams WHERE name = ?) AS head`,
    [...args, stream],
  );
  const head = row?.head ?? 0;
  return { first: row?.first ?? head + 1, head };
}
