/**
 * Turns in order within a conversation, in parallel across conversations, fair across tenants.
 *
 * The queue itself is on disk; this schedules it by ids.
 *
 * @module
 */
import { type Clock, codeOf, messageOf } from "../contract/mod.ts";
import type { Log } from "../flow/log.ts";
import { openScope } from "../flow/scope.ts";
import type { OpenInbound } from "../queues/inbounds.ts";
import { createFairQueue } from "./fair_queue.ts";
import { createLane, type Lane } from "./lane.ts";

/** Pause after a turn whose own bookkeeping failed, for example on a full disk, in milliseconds. */
const FAULT_PAUSE_MS = 2_000;

/** The turn a lane is ready for. */
export interface DueTurn {
  readonly turnId: string;
  readonly account: string;
  readonly inboundIds: readonly string[];
  readonly attempts: number;
  readonly starts: number;
}

/** How a turn ended, as far as its conversation cares. */
export type DueTurnEnd = { readonly kind: "finished" } | {
  readonly kind: "retry";
  readonly nextAtMs: number;
};

/** Settings of the scheduler, read whenever they matter. */
export interface ConversationLimits {
  /** Turns at once, all tenants together. */
  readonly maxTurns: number;
  /** Messages waiting or running before new ones are refused. */
  readonly maxWaiting: number;
  readonly weightOf: (account: string) => number;
  readonly debounceMsOf: (agentId: string) => number;
  /** Turns at once of one event subscriber and tenant. */
  readonly groupLimitOf: (agentId: string, subscriberId: string) => number;
}

/** What the scheduler needs. */
export interface ConversationDeps {
  readonly limits: ConversationLimits;
  /** Rejects only when `signal` aborts or nothing could be written. */
  readonly runTurn: (turn: DueTurn, signal: AbortSignal) => Promise<DueTurnEnd>;
  readonly uuid: () => string;
  readonly now: Clock;
  readonly log: Log;
}

/** The running scheduler. Disposing stops taking turns and aborts those under way. */
export interface Conversations extends AsyncDisposable {
  /** Whether there is room for `count` more messages. */
  readonly accepts: (count: number) => boolean;
  /** Schedules messages that are on disk. */
  readonly push: (items: readonly OpenInbound[]) => void;
  /** Takes no new turn from now on; resolves when those under way have ended or `signal` aborts. */
  readonly drain: (signal: AbortSignal) => Promise<void>;
  readonly waiting: () => number;
  /**
   * Does `work` while no turn of the conversations meant runs: those under way are interrupted first,
   * as by a restart, and go on afterwards with what is left of them on disk.
   */
  readonly quietly: <T>(isMeant: IsMeant, work: () => Promise<T>) => Promise<T>;
}

/** Whether a conversation is one of those meant. */
export type IsMeant = (account: string, sessionId: string) => boolean;

/** A turn under way. */
interface Running {
  readonly account: string;
  readonly sessionId: string;
  readonly interrupt: AbortController;
  readonly ended: Promise<void>;
}

/** Starts the scheduler. */
export function openConversations(deps: ConversationDeps): Conversations {
  const { limits, runTurn, uuid, now, log } = deps;
  const scope = openScope({ onError: (error) => log.error("conversations.failed", { error }) });
  const lanes = new Map<string, Lane>();
  const busy = new Set<string>();
  const timers = new Map<string, NodeJS.Timeout>();
  const ready = createFairQueue<string>(limits.weightOf);
  const groups = new Map<string, { running: number; readonly blocked: string[] }>();
  const turns = new Set<Running>();
  const silences = new Set<{ readonly isMeant: IsMeant; readonly over: Promise<void> }>();
  let waiting = 0;
  let running = 0;
  let open = true;

  /** Decides what a conversation does next; it is neither running nor in the ready queue. */
  function consider(session: string): void {
    const lane = lanes.get(session);
    if (lane === undefined || !open) return;
    const next = lane.next(now(), limits.debounceMsOf(lane.agentId));
    if (next.kind === "empty") return void lanes.delete(session);
    if (next.kind === "wait") return wakeAt(session, next.untilMs);
    clearTimeout(timers.get(session));
    timers.delete(session);
    busy.add(session);
    if (next.group !== undefined && !enter(next.group, lane.agentId)) {
      groups.get(next.group)?.blocked.push(session);
      return;
    }
    ready.push(lane.account, session);
    startTurns();
  }

  function wakeAt(session: string, untilMs: number): void {
    clearTimeout(timers.get(session));
    timers.set(
      session,
      setTimeout(() => {
        timers.delete(session);
        if (!busy.has(session)) consider(session);
      }, Math.max(0, untilMs - now())),
    );
  }

  function enter(group: string, agentId: string): boolean {
    const entry = groups.get(group) ?? { running: 0, blocked: [] };
    groups.set(group, entry);
    const subscriber = group.slice(group.lastIndexOf("/") + 1);
    if (entry.running >= limits.groupLimitOf(agentId, subscriber)) return false;
    entry.running++;
    return true;
  }

  /** Hands the place in the group to the one that waits longest. */
  function leave(group: string): void {
    const entry = groups.get(group);
    if (entry === undefined) return;
    const session = entry.blocked.shift();
    const lane = session === undefined ? undefined : lanes.get(session);
    if (session !== undefined && lane !== undefined) {
      ready.push(lane.account, session);
    } else if (--entry.running === 0) {
      groups.delete(group);
    }
  }

  function startTurns(): void {
    while (open && running < limits.maxTurns) {
      const session = ready.shift();
      const lane = session === undefined ? undefined : lanes.get(session);
      if (session === undefined || lane === undefined) return;
      running++;
      scope.run((signal) => afterSilence(session, lane, signal));
    }
  }

  async function afterSilence(session: string, lane: Lane, stop: AbortSignal): Promise<void> {
    const { account } = lane;
    const sessionId = session.slice(account.length + 1);
    for (const { isMeant, over } of silences) {
      if (isMeant(account, sessionId)) await over;
    }
    if (stop.aborted) return;
    const interrupt = new AbortController();
    const signal = AbortSignal.any([stop, interrupt.signal]);
    const ended = oneTurn(session, lane, { stop, signal });
    const turn = { account, sessionId, interrupt, ended };
    turns.add(turn);
    await ended.finally(() => turns.delete(turn));
  }

  /** `stop` ends it for good, `signal` also when it shall only wait. */
  async function oneTurn(
    session: string,
    lane: Lane,
    { stop, signal }: { stop: AbortSignal; signal: AbortSignal },
  ): Promise<void> {
    const items = lane.take();
    const [first] = items;
    if (first === undefined) return;
    const group = first.trigger === "event"
      ? `${first.account_id}/${first.agent_id}/${first.instance}`
      : undefined;
    const turnId = first.turn_id ?? uuid();
    const end = await runTurn({
      turnId,
      account: lane.account,
      inboundIds: items.map(({ id }) => id),
      attempts: Math.max(...items.map(({ attempts }) => attempts)),
      starts: Math.max(...items.map(({ starts }) => starts)),
    }, signal).catch((error: unknown) => {
      if (stop.aborted) return { kind: "finished" as const };
      if (signal.aborted) return { kind: "fault" as const, nextAtMs: now() };
      log.error("turn.unrecorded", { turn: turnId, code: codeOf(error), error: messageOf(error) });
      return { kind: "fault" as const, nextAtMs: now() + FAULT_PAUSE_MS };
    });
    if (end.kind === "finished") {
      waiting -= items.length;
    } else {
      // A fault is ours, not the turn's: it does not count as one of its attempts.
      const failed = end.kind === "retry" ? 1 : 0;
      lane.putBack(
        items.map((item) => ({
          ...item,
          turn_id: turnId,
          attempts: item.attempts + failed,
          starts: item.starts + 1,
        })),
        end.nextAtMs,
      );
    }
    running--;
    busy.delete(session);
    if (group !== undefined) leave(group);
    consider(session);
    startTurns();
  }

  return {
    accepts: (count) => waiting + count <= limits.maxWaiting,
    push(items) {
      const sessions = new Set<string>();
      for (const item of items) {
        waiting++;
        const session = `${item.account_id}/${item.session_id}`;
        const lane = lanes.get(session) ?? createLane(item.account_id, item.agent_id);
        lanes.set(session, lane);
        lane.push(item, now());
        sessions.add(session);
      }
      // Not before all are in their lanes: a turn that is picked up again needs all of its messages.
      for (const session of sessions) {
        if (!busy.has(session)) consider(session);
      }
    },
    async drain(signal) {
      open = false;
      for (const timer of timers.values()) clearTimeout(timer);
      if (signal.aborted) return;
      await Promise.race([
        scope.idle(),
        new Promise<void>((resolve) => {
          signal.addEventListener("abort", () => resolve(), { once: true });
        }),
      ]);
    },
    waiting: () => waiting,
    async quietly(isMeant, work) {
      let end = (): void => {};
      const silence = { isMeant, over: new Promise<void>((resolve) => (end = resolve)) };
      silences.add(silence);
      try {
        const meant = [...turns].filter(({ account, sessionId }) => isMeant(account, sessionId));
        for (const { interrupt } of meant) interrupt.abort();
        await Promise.all(meant.map(({ ended }) => ended));
        return await work();
      } finally {
        silences.delete(silence);
        end();
      }
    },
    async [Symbol.asyncDispose]() {
      open = false;
      for (const timer of timers.values()) clearTimeout(timer);
      await scope[Symbol.asyncDispose]();
    },
  };
}
