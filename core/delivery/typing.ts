/**
 * "… is typing" while a turn is under way, on channels that have such a sign.
 *
 * It is no message: it is in no outbox, nobody waits for it, and nothing is lost when it does not arrive.
 *
 * @module
 */
import type { Channel } from "../channels/channel.ts";
import type { Channels } from "../channels/ingress.ts";
import { type Clock, type Inbound, messageOf } from "../contract/mod.ts";
import { openDeadline } from "../flow/deadline.ts";
import { delay } from "../flow/delay.ts";
import type { Log } from "../flow/log.ts";
import type { Outbound } from "../queues/outbound.ts";
import type { Fence } from "./attempt.ts";

/** What the sign needs. */
export interface TypingDeps {
  readonly channels: Channels;
  /** What keeps messages from going out keeps the sign back, too. */
  readonly fences: readonly Fence[];
  readonly sessionIdOf: (key: Inbound["key"]) => string;
  readonly uuid: () => string;
  readonly now: Clock;
  readonly log: Log;
}

/** Shows that the turn over a message is under way, until disposed. */
export type Typing = (inbound: Inbound, turnId: string) => Disposable;

/** How long one try may take, and a sign lasts where its channel does not say, in milliseconds. */
const SEND_LIMIT_MS = 5_000;
const LASTS_MS = 5_000;
/** An answer that is there sooner needs no sign, in milliseconds. */
const FIRST_AFTER_MS = 300;
/** The sign is given again before it is gone. */
const AHEAD_MS = 500;
/** Instances where a provider is slow must not gather tries. */
const MAX_UNDER_WAY = 8;

/** Returns the way to show it. */
export function createTyping(
  { channels, fences, sessionIdOf, uuid, now, log }: TypingDeps,
): Typing {
  const underWay = new Map<string, number>();

  function signFor({ key, reply_address: to, msg_id }: Inbound, turnId: string): Outbound {
    return {
      id: uuid(),
      ...key,
      session_id: sessionIdOf(key),
      turn_id: turnId,
      body: { kind: "typing", to, reply_to_msg_id: msg_id },
      expires_at_ms: now() + SEND_LIMIT_MS,
      author: "agent",
    };
  }

  /** Whether it was shown; there is no second try of one that was not. */
  async function show(channel: Channel, sign: Outbound, signal: AbortSignal): Promise<boolean> {
    const place = `${sign.channel}:${sign.instance}`;
    const others = underWay.get(place) ?? 0;
    if (others >= MAX_UNDER_WAY || fences.some((fence) => fence(sign) !== undefined)) return false;
    underWay.set(place, others + 1);
    try {
      using deadline = openDeadline(signal, SEND_LIMIT_MS);
      return (await channel.send(sign, { signal: deadline.signal })).kind === "sent";
    } finally {
      const left = (underWay.get(place) ?? 1) - 1;
      if (left === 0) underWay.delete(place);
      else underWay.set(place, left);
    }
  }

  async function keepShowing(
    channel: Channel,
    sign: Outbound,
    signal: AbortSignal,
  ): Promise<void> {
    const everyMs = Math.max(AHEAD_MS, (channel.typingMs ?? LASTS_MS) - AHEAD_MS);
    while (await show(channel, sign, signal)) await delay(everyMs, { signal });
  }

  function startShowing(channel: Channel, sign: Outbound): AbortController {
    const stop = new AbortController();
    keepShowing(channel, sign, stop.signal).catch((error: unknown) => {
      if (stop.signal.aborted) return;
      log.debug("typing.failed", { channel: channel.id, error: messageOf(error) });
    });
    return stop;
  }

  return function typing(inbound, turnId) {
    const channel = channels.get(inbound.key.channel);
    if (inbound.trigger !== "channel" || channel?.sends.has("typing") !== true) {
      return { [Symbol.dispose]: () => undefined };
    }
    let showing: AbortController | undefined;
    const timer = setTimeout(() => {
      showing = startShowing(channel, signFor(inbound, turnId));
    }, FIRST_AFTER_MS);
    return {
      [Symbol.dispose]() {
        clearTimeout(timer);
        showing?.abort();
      },
    };
  };
}
