/**
 * One process's place for exchanges: an address on the bus, and the ends of all that are open.
 *
 * Frames of one sender arrive in the order they left. What got lost on the way, or a side that is
 * gone, is noticed by the roll that each side sends the other every few seconds.
 *
 * @module
 */
import {
  codeOf,
  decodeFrame,
  decodeRoll,
  encodeFrame,
  encodeRoll,
  type ExchangeFrame,
  messageOf,
  type Random,
  subjects,
} from "../../contract/mod.ts";
import { delay } from "../../flow/delay.ts";
import type { Log } from "../../flow/log.ts";
import { encodeHex } from "../../signing/bytes.ts";
import type { Bus, Message } from "../bus.ts";
import type { SubjectSeal } from "../handoff_seal.ts";
import { createEnd, type LineEnd, lostError } from "./end.ts";

/** Bounds of a line. */
export interface LineLimits {
  /** Bytes that may be under way to this process, and wait in it, in all. @default {8388608} */
  readonly poolBytes: number;
  /** What one exchange gets of them at most. @default {262144} */
  readonly maxWindowBytes: number;
  /** What it begins with at most: most need no more. @default {32768} */
  readonly firstWindowBytes: number;
  /** What it gets when there are many. @default {8192} */
  readonly minWindowBytes: number;
  /** Between two rolls to one other side, in milliseconds. @default {5000} */
  readonly rollEveryMs: number;
}

/** See {@linkcode LineLimits}. */
export const LINE_LIMITS: LineLimits = {
  poolBytes: 8 * 1024 * 1024,
  maxWindowBytes: 256 * 1024,
  firstWindowBytes: 32 * 1024,
  minWindowBytes: 8 * 1024,
  rollEveryMs: 5_000,
};

/** What a line needs. */
export interface LineDeps {
  readonly bus: Pick<Bus, "publish" | "subscribe">;
  readonly seal: SubjectSeal;
  readonly random: Random;
  readonly log: Log;
  readonly limits: LineLimits;
}

/** An exchange of this line. */
export interface LineExchange {
  readonly end: LineEnd;
  /** Says where the other end is; until then nothing leaves. */
  readonly connect: (peer: string, credit: number) => void;
}

/** A place for exchanges. Disposing tells the other side of each that it is over. */
export interface Line extends AsyncDisposable {
  readonly address: string;
  /** Exchanges that are open. */
  readonly size: () => number;
  /** Bytes a new exchange lets the other end send. */
  readonly firstCredit: () => number;
  /** Opens this side of an exchange whose other end may send `granted` bytes. */
  readonly open: (exchange: string, granted: number) => LineExchange;
}

/** Rolls that may be missed, or miss an exchange, before it counts as lost. */
const MISSES = 3;
/** How often a frame is tried again while the bus has no room. */
const ROOM_TRIES = 400;
const ROOM_PAUSE_MS = 5;
const ROLL = "roll";

interface Own {
  readonly end: LineEnd;
  peer: string | undefined;
  /** Rolls of the other side in a row that do not know it. */
  misses: number;
}

/** Opens a line. */
export function openLine({ bus, seal, random, log, limits }: LineDeps): Line {
  const address = newName(random);
  const exchanges = new Map<string, Own>();
  /** Other sides with exchanges here: rolls missed in a row. */
  const peers = new Map<string, number>();
  const stop = new AbortController();
  let sending: Promise<void> = Promise.resolve();
  let taking: Promise<void> = Promise.resolve();

  const window = (): number => {
    const share = Math.floor(limits.poolBytes / Math.max(1, exchanges.size));
    return Math.max(limits.minWindowBytes, Math.min(limits.maxWindowBytes, share));
  };

  /** Sealing takes its time; what was sent first still leaves first. */
  function ship(peer: string, name: string, bytes: Uint8Array<ArrayBuffer>, own?: Own): void {
    const subject = subjects.exchange(peer, name);
    const wrapped = seal.wrap(bytes, subject);
    wrapped.catch(() => undefined); // heard below, perhaps later
    sending = sending.then(async () => publish(subject, await wrapped)).catch((error: unknown) => {
      log.debug("exchange.not_sent", { code: codeOf(error) });
      own?.end.lose(lostError(messageOf(error)));
    });
  }

  async function publish(subject: string, data: Uint8Array): Promise<void> {
    for (let tries = 1;; tries++) {
      try {
        return bus.publish(subject, data);
      } catch (error) {
        if (codeOf(error) !== "bus_overflow" || tries === ROOM_TRIES) throw error;
      }
      await delay(ROOM_PAUSE_MS);
    }
  }

  bus.subscribe(`nexo.exchange.${address}.*`, { signal: stop.signal }, (message) => {
    const opened = seal.unwrap(message.data, message.subject);
    opened.catch(() => undefined); // heard below, perhaps later
    taking = taking.then(async () => take(message, await opened)).catch((error: unknown) =>
      log.warn("exchange.frame_refused", { code: codeOf(error), error: messageOf(error) })
    );
  });

  function take({ subject }: Message, bytes: Uint8Array): void {
    const name = subject.slice(subject.lastIndexOf(".") + 1);
    if (name === ROLL) return takeRoll(bytes);
    const own = exchanges.get(name);
    // What arrives after the end was on its way before it.
    if (own === undefined) return;
    const { frame, number } = decodeFrame(bytes);
    own.end.receive(frame, number);
  }

  function takeRoll(bytes: Uint8Array): void {
    const { from, sent } = decodeRoll(bytes);
    if (!peers.has(from)) return;
    peers.set(from, 0);
    for (const [name, own] of exchanges) {
      if (own.peer !== from || own.end.hasHeardEnd()) continue;
      const told = sent.get(name);
      own.misses = told === undefined ? own.misses + 1 : 0;
      if (own.misses >= MISSES) own.end.lose(lostError("the other side knows nothing of it"));
      // Frames come in order, so that those it counts must be here.
      else if (told !== undefined && told > own.end.received()) {
        own.end.cancel("exchange_lost");
      }
    }
  }

  function callRoll(): void {
    const rolls = new Map<string, { exchange: string; sent: number }[]>();
    for (const [exchange, { peer, end }] of exchanges) {
      if (peer === undefined) continue;
      const roll = rolls.get(peer);
      const entry = { exchange, sent: end.sent() };
      if (roll === undefined) rolls.set(peer, [entry]);
      else roll.push(entry);
    }
    for (const peer of peers.keys()) if (!rolls.has(peer)) peers.delete(peer);
    for (const [peer, roll] of rolls) {
      const missed = (peers.get(peer) ?? 0) + 1;
      peers.set(peer, missed);
      if (missed > MISSES) losePeer(peer);
      else ship(peer, ROLL, encodeRoll(address, roll));
    }
  }

  function losePeer(peer: string): void {
    log.warn("exchange.peer_lost", { peer });
    peers.delete(peer);
    for (const own of exchanges.values()) {
      if (own.peer === peer) own.end.lose(lostError("the other side is gone"));
    }
  }

  const rolls = setInterval(callRoll, limits.rollEveryMs);

  return {
    address,
    size: () => exchanges.size,
    firstCredit: () => Math.min(window(), limits.firstWindowBytes),
    open(exchange, granted) {
      const early: [ExchangeFrame, number][] = [];
      const end = createEnd({
        send(frame, number) {
          if (own.peer === undefined) early.push([frame, number]);
          else ship(own.peer, exchange, encodeFrame(frame, number), own);
        },
        window,
        granted,
        credit: 0,
        onOver: () => void exchanges.delete(exchange),
      });
      const own: Own = { end, peer: undefined, misses: 0 };
      exchanges.set(exchange, own);
      return {
        end,
        connect(peer, credit) {
          own.peer = peer;
          if (!peers.has(peer)) peers.set(peer, 0);
          for (const [frame, number] of early) {
            ship(peer, exchange, encodeFrame(frame, number), own);
          }
          end.grant(credit);
        },
      };
    },
    async [Symbol.asyncDispose]() {
      clearInterval(rolls);
      for (const { end } of exchanges.values()) end.cancel("exchange_lost");
      await sending;
      stop.abort();
    },
  };
}

/** A name nobody can guess. */
export function newName(random: Random): string {
  return encodeHex(random(new Uint8Array(16)));
}
