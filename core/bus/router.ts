/**
 * Who gets a packet: subject rules, queue groups and bounded, asynchronous delivery.
 *
 * @module
 */
import { CodedError, isPattern, isSubject } from "../contract/mod.ts";
import type { Headers } from "./bus.ts";
import { createMatchTable } from "./match_table.ts";

/** A message with the subject its answer is wanted on. */
export interface Packet {
  readonly subject: string;
  readonly reply?: string | undefined;
  readonly data: Uint8Array;
  readonly headers: Headers;
}

/** What a listener wants. */
export interface ListenOptions {
  readonly pattern: string;
  readonly queue?: string | undefined;
  /** `hear` never answers, `answer` only gets packets that want a reply, `both` may do either. */
  readonly role: "hear" | "answer" | "both";
}

/** Takes a packet; a promise keeps its place in the listener's queue until it settles. */
export type Deliver = (packet: Packet) => void | Promise<void>;

/** Routes packets between listeners of one process. */
export interface Router {
  /**
   * Queues the packet for every listener under its subject, or for none of them.
   *
   * @returns how many listeners took it that may answer
   * @throws {TypeError} when the subject cannot be published to
   * @throws {CodedError} `bus_overflow` when a listener has no room
   */
  send(packet: Packet): number;
  /** Listens until the function returned is called; packets still queued by then are not delivered. */
  listen(options: ListenOptions, deliver: Deliver): () => void;
  /** Resolves when nothing is queued. */
  idle(): Promise<void>;
}

/** Bounds and failures of a router. */
export interface RouterOptions {
  /** Packets a listener may hold, queued or under way. */
  readonly queueLimit: number;
  /** Hears what `deliver` threw. */
  readonly onError: (error: unknown) => void;
  /** Hears of a packet that wants a reply and lost its last listener before delivery. */
  readonly onLost: (packet: Packet) => void;
}

interface Listener extends ListenOptions {
  readonly deliver: Deliver;
  held: number;
  ended: boolean;
}

interface Sending {
  readonly packet: Packet;
  /** Listeners that may still answer. */
  answerers: number;
}

/** Deliveries between two turns of the event loop, so that chatter cannot starve timers and sockets. */
const BREATH = 256;

/** A router without listeners. */
export function createRouter({ queueLimit, onError, onLost }: RouterOptions): Router {
  const listeners = createMatchTable<Listener>();
  const turns = new Map<string, number>();
  const queue = createPump<{ listener: Listener; sending: Sending }>(({ listener, sending }) => {
    if (!listener.ended) return void run(listener, sending.packet);
    listener.held -= 1;
    if (listener.role !== "hear" && --sending.answerers === 0) onLost(sending.packet);
  });

  async function run(listener: Listener, packet: Packet): Promise<void> {
    try {
      const running = listener.deliver(packet);
      // Only what takes time waits: a place given back late would refuse the next message.
      if (running !== undefined) await running;
    } catch (error) {
      onError(error);
    } finally {
      listener.held -= 1;
    }
  }

  const hasRoom = (listener: Listener): boolean => listener.held < queueLimit;

  /** The member whose turn it is, or the next one with room. */
  function pick(name: string, members: readonly Listener[]): Listener | undefined {
    const turn = turns.get(name) ?? 0;
    turns.set(name, (turn + 1) % Number.MAX_SAFE_INTEGER);
    for (let i = 0; i < members.length; i++) {
      const member = members[(turn + i) % members.length];
      if (member !== undefined && hasRoom(member)) return member;
    }
    return undefined;
  }

  function targetsOf({ subject, reply }: Packet): Listener[] {
    const targets: Listener[] = [];
    const groups = new Map<string, Listener[]>();
    for (const listener of listeners.match(subject)) {
      if (listener.role === "answer" && reply === undefined) continue;
      if (listener.queue === undefined) targets.push(listener);
      else {
        const members = groups.get(listener.queue);
        if (members === undefined) groups.set(listener.queue, [listener]);
        else members.push(listener);
      }
    }
    if (!targets.every(hasRoom)) throw overflow(subject, queueLimit);
    for (const [name, members] of groups) {
      const member = pick(name, members);
      if (member === undefined) throw overflow(subject, queueLimit);
      targets.push(member);
    }
    return targets;
  }

  return {
    send(packet) {
      if (!isSubject(packet.subject)) {
        throw new TypeError(`Cannot publish to "${packet.subject}": not a subject`);
      }
      const targets = targetsOf(packet);
      const sending = { packet, answerers: 0 };
      for (const listener of targets) {
        listener.held += 1;
        if (listener.role !== "hear") sending.answerers += 1;
        queue.push({ listener, sending });
      }
      return sending.answerers;
    },
    listen(options, deliver) {
      if (!isPattern(options.pattern)) {
        throw new TypeError(`Cannot subscribe to "${options.pattern}": not a subject pattern`);
      }
      const listener: Listener = { ...options, deliver, held: 0, ended: false };
      const remove = listeners.add(options.pattern, listener);
      return () => {
        listener.ended = true;
        remove();
      };
    },
    idle: () => queue.idle(),
  };
}

function overflow(subject: string, limit: number): CodedError {
  return new CodedError(
    "bus_overflow",
    `Cannot publish to "${subject}": a subscriber already holds ${limit} messages`,
  );
}

/** One queue for all listeners keeps the order of each; it runs apart from whoever pushes. */
function createPump<T>(take: (item: T) => void): { push(item: T): void; idle(): Promise<void> } {
  let current: T[] = [];
  let at = 0;
  let incoming: T[] = [];
  let scheduled = false;
  let sinceBreath = 0;
  let waiters: (() => void)[] = [];

  function next(): T | undefined {
    if (at === current.length) {
      [current, at, incoming] = [incoming, 0, []];
    }
    return current[at++];
  }

  function pump(): void {
    for (let item = next(); item !== undefined; item = next()) {
      take(item);
      if (++sinceBreath < BREATH) continue;
      sinceBreath = 0;
      setImmediate(pump);
      return;
    }
    [current, at, scheduled] = [[], 0, false];
    for (const resolve of waiters) resolve();
    waiters = [];
  }

  return {
    push(item) {
      incoming.push(item);
      if (scheduled) return;
      scheduled = true;
      queueMicrotask(pump);
    },
    idle: () =>
      scheduled ? new Promise((resolve) => void waiters.push(resolve)) : Promise.resolve(),
  };
}
