import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openLocalBus } from "../../../../core/bus/local.ts";
import { encodeEventBatch, eventLines, subjects } from "../../../../core/contract/mod.ts";
import type { Outlet } from "../../../../edge/firehose/client.ts";
import { createHub, type Wanted } from "../../../../edge/firehose/hub.ts";
import { createTally } from "../../../../edge/firehose/tally.ts";
import { silentLog } from "../../../support/store.ts";

const wanted: Wanted = {
  scope: { account: "acme" },
  bearer: { token: "t", subject: "s", jti: "j", kid: "k", expiresAtMs: Number.MAX_SAFE_INTEGER },
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

function openTest(limits = {}, log: string[] = []) {
  const bus = openLocalBus();
  let asked = 0;
  bus.respond(subjects.backfill, {}, () => {
    asked += 1;
    return Promise.resolve(encodeEventBatch({ epoch: "e", head: 0, next: 0, gaps: [] }, []));
  });
  const tally = createTally();
  const hub = createHub({
    bus,
    now: Date.now,
    uuid: () => "edge-1",
    log: silentLog,
    limits,
    tally,
  });
  let id = 0;
  const offsets: Record<string, number> = { acme: 0, globex: 0 };
  /** Publishes one message of events of 1,000 bytes. */
  function tell(count: number, account = "acme"): void {
    const prev = id;
    const lines = Array.from({ length: count }, () => {
      id += 1;
      const body = JSON.stringify({ kind: "tool_called", padding: "x".repeat(1000) });
      return eventLines({
        id,
        account,
        offset: offsets[account] = (offsets[account] ?? 0) + 1,
        agentId: "ana",
        kind: "tool_called",
        body,
      });
    });
    bus.publish(subjects.liveEvents, encodeEventBatch({ epoch: "e", prev, last: id }, lines));
  }
  async function enter(account = "acme"): Promise<ReturnType<typeof createOutlet>> {
    const reader = createOutlet();
    const place = await hub.hold({ ...wanted, scope: { account } });
    const { send } = reader.outlet;
    hub.enter(place, {
      ...reader.outlet,
      send(messages) {
        send(messages);
        if (messages.events > 0) log.push(account);
      },
    });
    return reader;
  }
  return { hub, tell, enter, tally, asked: () => asked };
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

  it("tells a small tenant's client in its turn, however many a large one has", async () => {
    const log: string[] = [];
    const { enter, tell } = openTest({}, log);
    await Promise.all(Array.from({ length: 3_000 }, () => enter("acme")));
    await enter("globex");
    tell(0);
    await vi.advanceTimersByTimeAsync(100);
    tell(1, "acme");
    tell(1, "globex");
    await vi.advanceTimersByTimeAsync(100);
    expect(log).toHaveLength(3_001);
    expect(log.indexOf("globex")).toBeLessThanOrEqual(64);
  });

  it("refuses a tenant's or a subject's clients above their limit, and nobody else's", async () => {
    const { hub } = openTest();
    hub.limit({ perTenant: 3, perSubject: 2 });
    const hold = (account: string, subject: string) =>
      hub.hold({ ...wanted, scope: { account }, bearer: { ...wanted.bearer, subject } });
    const first = await hold("acme", "a");
    await hold("acme", "a");
    await expect(hold("acme", "a")).rejects.toThrow(/this token's subject has 2 clients/);
    await hold("acme", "b");
    await expect(hold("acme", "c")).rejects.toThrow(/this tenant has 3 clients/);
    await hold("globex", "a");
    hub.leave(first);
    hub.leave(first);
    await hold("acme", "a");
    await expect(hold("acme", "c")).rejects.toMatchObject({ code: "firehose_full" });
  });

  it("counts what it sends, and gives a place back when its client leaves", async () => {
    const { hub, tally, tell } = openTest();
    hub.limit({ perTenant: 1, perSubject: 1 });
    const { outlet } = createOutlet();
    const place = await hub.hold(wanted);
    hub.enter(place, outlet);
    tell(0);
    await vi.advanceTimersByTimeAsync(100);
    tell(5);
    await vi.advanceTimersByTimeAsync(100);
    expect([tally.events, tally.gaps]).toEqual([5, 0]);
    await expect(hub.hold(wanted)).rejects.toThrow();
    hub.leave(place);
    await hub.hold(wanted);
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
    await expect(hub.hold(wanted)).rejects.toThrow(/the edge is closing/);
  });
});
