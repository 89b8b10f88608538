import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { sessionIdOf } from "../../../../core/agents/session.ts";
import type { Channel, SendResult } from "../../../../core/channels/channel.ts";
import type { Fence } from "../../../../core/delivery/attempt.ts";
import { createTyping } from "../../../../core/delivery/typing.ts";
import type { Outbound } from "../../../../core/queues/outbound.ts";
import { uuid } from "../../../support/spine.ts";
import { silentLog } from "../../../support/store.ts";
import { messageFrom, VISITOR as KEY } from "../../../support/turns.ts";

function open({ fences = [], result = { kind: "sent", receipt: null }, sends = ["typing"] }: {
  fences?: readonly Fence[];
  result?: SendResult;
  sends?: ("text" | "typing")[];
} = {}) {
  const shown: Outbound[] = [];
  const channel: Channel = {
    id: "webchat",
    repeats: true,
    sends: new Set(sends),
    send(outbound) {
      shown.push(outbound);
      return Promise.resolve(result);
    },
  };
  const channels = new Map([["webchat", channel]]);
  const typing = createTyping({
    channels,
    fences,
    sessionIdOf,
    uuid,
    now: Date.now,
    log: silentLog,
  });
  return { shown, typing };
}

describe("the sign that an answer is on its way", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("is given again while the turn goes on, and no more once it is over", async () => {
    const { shown, typing } = open();
    const sign = typing(messageFrom(KEY, "hi"), "turn");
    await vi.advanceTimersByTimeAsync(10_000);
    expect(shown).toHaveLength(3);
    expect(shown[0]).toMatchObject({ body: { kind: "typing" }, contact: KEY.contact });
    sign[Symbol.dispose]();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(shown).toHaveLength(3);
  });

  it("is held back by what holds messages back, also when that comes down meanwhile", async () => {
    let isPaused = true;
    const fence: Fence = () =>
      isPaused ? { code: "conflict", reason: "paused", later: true } : undefined;
    const { shown, typing } = open({ fences: [fence] });
    typing(messageFrom(KEY, "hi"), "turn");
    await vi.advanceTimersByTimeAsync(20_000);
    expect(shown).toHaveLength(0);
    isPaused = false;
    typing(messageFrom(KEY, "hi"), "turn");
    await vi.advanceTimersByTimeAsync(1_000);
    isPaused = true;
    await vi.advanceTimersByTimeAsync(20_000);
    expect(shown).toHaveLength(1);
  });

  it("is not tried again where it was refused, nor given where there is none or nobody waits", async () => {
    const refusing = open({ result: { kind: "permanent", reason: "no" } });
    refusing.typing(messageFrom(KEY, "hi"), "turn");
    const without = open({ sends: ["text"] });
    without.typing(messageFrom(KEY, "hi"), "turn");
    const timed = open();
    timed.typing({ ...messageFrom(KEY, "hi"), trigger: "timer" }, "turn");
    await vi.advanceTimersByTimeAsync(30_000);
    expect([refusing, without, timed].map(({ shown }) => shown.length)).toEqual([1, 0, 0]);
  });
});
