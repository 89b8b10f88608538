import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openLocalBus } from "../../../../core/bus/local.ts";
import { encodeEventBatch, eventLines, subjects } from "../../../../core/contract/mod.ts";
import type { Outlet } from "../../../../edge/firehose/client.ts";
import { createHub, type Wanted } from "../../../../edge/firehose/hub.ts";
import { silentLog } from "../../../support/store.ts";

const wanted: Wanted = {
  scope: { account: "acme" },
  bearer: { token: "t", jti: "j", kid: "k", expiresAtMs: Number.MAX_SAFE_INTEGER },
  filter: {},
  since: undefined,
};

/** An outlet whose reader takes what it is told to take. */
function createOutlet() {
  const state = { buffered: 0, most: 0, sends: 0, wires: new Set<Uint8Array>(), closed: 0 };
  const outlet: Outlet = {
    send(messages) {
      const wire = messages.wire();
      state.wires.add(wire);
      state.sends += 1;
      state.buffered += wire.length;
      state.most = Math.max(state.most, state.buffered);
    },
    bufferedBytes: () => state.buffered,
    ping: () => true,
    close: (code) => void (state.closed = code),
    terminate: () => undefined,
  };
  return { outlet, state };
}

function openTest(limits = {}) {
  const bus = openLocalBus();
  let asked = 0;
  bus.respond(subjects.backfill, {}, () => {
    asked += 1;
    return Promise.resolve(encodeEventBatch({ epoch: "e", head: 0, next: 0, gaps: [] }, []));
  });
  const hub = createHub({ bus, now: Date.now, log: silentLog, limits });
  let id = 0;
  /** Publishes one message of events of 1,000 bytes. */
  function tell(count: number): void {
    const prev = id;
    const lines = Array.from({ length: count }, () => {
      id += 1;
      const body = JSON.stringify({ kind: "tool_called", padding: "x".repeat(1000) });
      return eventLines({
        id,
        account: "acme",
        offset: id,
        agentId: "ana",
        kind: "tool_called",
        body,
      });
    });
    bus.publish(subjects.liveEvents, encodeEventBatch({ epoch: "e", prev, last: id }, lines));
  }
  async function enter(): Promise<ReturnType<typeof createOutlet>> {
    const reader = createOutlet();
    const hold = await hub.hold(wanted);
    hold?.enter(reader.outlet);
    return reader;
  }
  return { hub, tell, enter, asked: () => asked };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("createHub", () => {
  it("writes what came within a tick once to each client, and builds it once for all", async () => {
    const { enter, tell } = openTest();
    const readers = await Promise.all([enter(), enter(), enter()]);
    tell(0);
    await vi.advanceTimersByTimeAsync(100);
    for (const { state } of readers) [state.sends, state.wires] = [0, new Set()];
    for (let i = 0; i < 20; i++) tell(1);
    await vi.advanceTimersByTimeAsync(100);
    expect(readers.map(({ state }) => state.sends)).toEqual([1, 1, 1]);
    expect(new Set(readers.flatMap(({ state }) => [...state.wires])).size).toBe(1);
  });

  it("hands a client that does not read no more than its bound and one batch, then cuts it", async () => {
    const limits = { highBytes: 50_000, stallMs: 5_000 };
    const { enter, tell } = openTest(limits);
    const { state } = await enter();
    for (let i = 0; i < 300; i++) {
      tell(20);
      await vi.advanceTimersByTimeAsync(10);
    }
    expect(state.most).toBeGreaterThan(50_000);
    expect(state.most).toBeLessThan(50_000 + 140_000);
    expect(state.closed).toBe(0);
    await vi.advanceTimersByTimeAsync(6_000);
    expect(state.closed).toBe(4008);
  });

  it("asks core once for all clients that need the same", async () => {
    const { enter, tell, asked } = openTest();
    for (let i = 0; i < 50; i++) await enter();
    expect(asked()).toBe(1);
    // The first message makes everybody check.
    tell(0);
    await vi.advanceTimersByTimeAsync(100);
    expect(asked()).toBe(2);
  });

  it("listens and ticks only while there are clients", async () => {
    const { hub, enter } = openTest();
    expect(vi.getTimerCount()).toBe(0);
    await enter();
    expect(vi.getTimerCount()).toBeGreaterThan(0);
    const closing = hub.close();
    await vi.advanceTimersByTimeAsync(3_000);
    await closing;
    expect(vi.getTimerCount()).toBe(0);
    expect(await hub.hold(wanted)).toBeUndefined();
  });
});
