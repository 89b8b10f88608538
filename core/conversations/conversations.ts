/**
 * Turns in order within a conversation, in parallel across conversations, fair across tenants.
 *
 * The queue itself is on disk; this schedules it by ids.
 *
 * @module
 */
import { type Clock, codeOf, messageOf } from "../contract/mod.ts";
import { aborted } from "../flow/aborted.ts";
import type { Log } from "../flow/log.ts";
import { createPassingMap } from "../flow/passing_map.ts";
import { openScope } from "../flow/scope.ts";
import type { OpenInbound } from "../queues/inbounds.ts";
import { createGates, type GateRef, type Pass } from "./gates.ts";
import { createLane, type Lane } from "./lane.ts";
import {
  createPlaces,
  type Place,
  type PlaceLimits,
  type Places,
  type TakePlace,
} from "./places.ts";
import { conversationOf, createRoom, type Room, type RoomLimits } from "./room.ts";
import { traced } from "./turn_span.ts";

/** Pause after a turn whose own bookkeeping failed, for example on a full disk, in milliseconds. */
const FAULT_PAUSE_MS = 2_000;

/** The turn a lane is ready for. */
export interface DueTurn {
  readonly turnId: string;
  readonly account: string;
  readonly inboundIds: readonly string[];
  readonly attempts: number;
  readonly starts: number;
  /** Whether an earlier process may have begun it without a trace. */
  readonly recovered: boolean;
}

/** How a turn ended, as far as its conversation cares. */
export type DueTurnEnd =
  | { readonly kind: "finished" }
  | { readonly kind: "retry"; readonly nextAtMs: number }
  /** Its tenant or agent must not work now: its messages wait until they may. */
  | { readonly kind: "parked" };

/** Settings of the scheduler, read whenever they matter. */
export interface ConversationLimits extends RoomLimits, PlaceLimits {
  /** Turns at once, all tenants together, those that wait for somebody else among them. */
  readonly maxTurns: () => number;
  /** Turns at once of one tenant. */
  readonly tenantTurnsOf: (account: string) => number;
  /** Turns at once of one agent, all tenants together. */
  readonly agentTurnsOf: (agentId: string) => number;
  /** Turns at once of one event subscriber and tenant. */
  readonly groupLimitOf: (agentId: string, subscriberId: string) => number;
  readonly debounceMsOf: (agentId: string) => number;
  /** Whether a tenant or an agent must not work now. */
  readonly isParked: (account: string, agentId: string) => boolean;
}

/** What the scheduler needs. */
export interface ConversationDeps {
  readonly limits: ConversationLimits;
  /**
   * Rejects only when `signal` aborts or nothing could be written. While it waits for somebody else it
   * should be away from `place`.
   */
  readonly runTurn: (turn: DueTurn, signal: AbortSignal, place: Place) => Promise<DueTurnEnd>;
  readonly uuid: () => string;
  readonly now: Clock;
  readonly log: Log;
}

/** The running scheduler. Disposing stops taking turns and aborts those under way. */
export interface Conversations extends AsyncDisposable {
  /** Places for messages that are about to be on disk; each is pushed or released afterwards. */
  readonly room: Pick<Room, "accepts" | "release" | "reserve">;
  /** Gives a place to work that belongs to a turn, and is none of the turns at once itself. */
  readonly enter: Places["enter"];
  /** Schedules messages that are on disk. */
  readonly push: (items: readonly OpenInbound[]) => void;
  /** Other settings are in force: whoever had to wait for them may go on. */
  readonly reload: () => void;
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

/** A turn that did not come to its end through no fault of its own. */
interface Fault {
  readonly kind: "fault";
  readonly nextAtMs: number;
}

/** A turn under way. */
interface Running {
  readonly account: string;
  readonly sessionId: string;
  readonly interrupt: AbortController;
  readonly ended: Promise<void>;
}

/** A conversation whose next turn may begin as soon as it is through all gates. */
interface Candidate {
  readonly session: string;
  readonly lane: Lane;
  /** Through the gates of how many may be under way. */
  readonly pass: Pass;
}

/** Starts the scheduler. */
export function openConversations(deps: ConversationDeps): Conversations {
  const { limits, runTurn, uuid, now, log } = deps;
  const scope = openScope({ onError: (error) => log.error("conversations.failed", { error }) });
  const lanes = createPassingMap<string, Lane>();
  const busy = new Set<string>();
  const parked = new Set<string>();
  const timers = new Map<string, NodeJS.Timeout>();
  const gates = createGates(limits.weightOf);
  const places = createPlaces({ ...limits, now });
  const room = createRoom(limits);
  const turns = createPassingMap<string, Running>();
  const silences = new Set<IsMeant>();
  let open = true;

  /** Decides what a conversation does next; it is neither running nor waiting for its turn. */
  function consider(session: string): void {
    const lane = lanes.get(session);
    if (lane === undefined || !open) return;
    parked.delete(session);
    const next = lane.next(now(), limits.debounceMsOf(lane.agentId));
    if (next.kind === "empty") return void lanes.delete(session);
    if (isStill(lane)) return void parked.add(session);
    if (next.kind === "wait") return wakeAt(session, next.untilMs);
    clearTimeout(timers.get(session));
    timers.delete(session);
    busy.add(session);
    const { account } = lane;
    gates.enter({ account, gates: gatesOf(lane, next.subscriber) }, (pass) => {
      places.whenFree(account, (take) => startTurn({ session, lane, pass }, take));
    });
  }

  /** Lets those that had to be still think again. */
  function unpark(): void {
    const before = [...parked];
    parked.clear();
    for (const session of before) consider(session);
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

  /**
   * From the narrowest owner outwards, so that nobody keeps a place of others while it waits for its
   * own: a tenant at its limit must not fill an agent that others use, too.
   */
  function gatesOf({ account, agentId }: Lane, subscriber: string | undefined): GateRef[] {
    return [
      ...(subscriber === undefined ? [] : [{
        name: `subscriber ${account} ${agentId} ${subscriber}`,
        limit: () => limits.groupLimitOf(agentId, subscriber),
      }]),
      { name: `tenant ${account}`, limit: () => limits.tenantTurnsOf(account) },
      { name: `agent ${agentId}`, limit: () => limits.agentTurnsOf(agentId) },
      { name: "all", limit: limits.maxTurns },
    ];
  }

  function startTurn(candidate: Candidate, takePlace: TakePlace): void {
    if (!open) return;
    if (isStill(candidate.lane)) return stopBeing(candidate);
    const { account, sessionId } = candidate.lane;
    scope.run(() => {
      const interrupt = new AbortController();
      const { signal } = interrupt;
      const ended = oneTurn(candidate, takePlace({ signal }), signal);
      turns.set(candidate.session, { account, sessionId, interrupt, ended });
      return ended;
    });
  }

  /** Whether a conversation's turns must not run now. */
  function isStill({ account, agentId, sessionId }: Lane): boolean {
    return limits.isParked(account, agentId) ||
      [...silences].some((isMeant) => isMeant(account, sessionId));
  }

  /** Gives back what a candidate held, and lets its conversation think again. */
  function stopBeing({ session, pass }: Candidate): void {
    busy.delete(session);
    pass.leave();
    consider(session);
  }

  /** `signal` ends it: for good when all is stopped, else it shall only wait. */
  async function oneTurn(candidate: Candidate, place: Place, signal: AbortSignal): Promise<void> {
    const { lane } = candidate;
    const items = lane.take();
    room.begin(items);
    const turnId = items[0]?.turn_id ?? uuid();
    const turn = {
      turnId,
      account: lane.account,
      inboundIds: items.map(({ id }) => id),
      attempts: Math.max(...items.map(({ attempts }) => attempts)),
      starts: Math.max(...items.map(({ starts }) => starts)),
      recovered: items.some(({ recovered }) => recovered === 1),
    };
    let end: DueTurnEnd | Fault;
    try {
      end = await traced(items, () => runTurn(turn, signal, place));
    } catch (error) {
      end = scope.signal.aborted ? { kind: "finished" } : faultOf(turnId, error, signal);
    }
    if (end.kind === "finished") {
      room.leave(items);
    } else {
      room.putBack(items);
      if (end.kind === "parked") lane.putBack(items, now());
      else {
        const { kind, nextAtMs } = end;
        lane.putBack(items.map((item) => triedAgain(item, turnId, kind)), nextAtMs);
      }
    }
    turns.delete(candidate.session);
    stopBeing(candidate);
    place[Symbol.dispose]();
  }

  /** Why a turn has no end: it was interrupted, or nothing of it could be written. */
  function faultOf(turn: string, error: unknown, signal: AbortSignal): Fault {
    if (signal.aborted) return { kind: "fault", nextAtMs: now() };
    log.error("turn.unrecorded", { turn, code: codeOf(error), error: messageOf(error) });
    return { kind: "fault", nextAtMs: now() + FAULT_PAUSE_MS };
  }

  return {
    room,
    enter: places.enter,
    push(items) {
      const sessions = new Set<string>();
      for (const item of items) {
        room.enter(item);
        const session = conversationOf(item);
        const lane = lanes.get(session) ?? createLane(item);
        lanes.set(session, lane);
        lane.push(item, now());
        sessions.add(session);
      }
      // Not before all are in their lanes: a turn that is picked up again needs all of its messages.
      for (const session of sessions) {
        if (!busy.has(session)) consider(session);
      }
    },
    reload() {
      unpark();
      gates.widen();
      places.widen();
    },
    async drain(signal) {
      open = false;
      for (const timer of timers.values()) clearTimeout(timer);
      await Promise.race([scope.idle(), aborted(signal)]);
    },
    waiting: room.size,
    async quietly(isMeant, work) {
      silences.add(isMeant);
      try {
        const meant = [...turns.values()].filter(({ account, sessionId }) =>
          isMeant(account, sessionId)
        );
        for (const { interrupt } of meant) interrupt.abort();
        await Promise.all(meant.map(({ ended }) => ended));
        return await work();
      } finally {
        silences.delete(isMeant);
        unpark();
      }
    },
    async [Symbol.asyncDispose]() {
      open = false;
      for (const timer of timers.values()) clearTimeout(timer);
      const ended = scope[Symbol.asyncDispose]();
      for (const { interrupt } of turns.values()) interrupt.abort();
      await ended;
    },
  };
}

/** A message whose turn is to run again. A fault is ours, not the turn's: it is none of its attempts. */
function triedAgain(item: OpenInbound, turnId: string, kind: "fault" | "retry"): OpenInbound {
  return {
    ...item,
    turn_id: turnId,
    attempts: item.attempts + (kind === "retry" ? 1 : 0),
    starts: item.starts + 1,
  };
}
