import { describe, expect, it } from "vitest";
import { decodeEventBatch, LiveHead, subjects } from "../../../../core/contract/mod.ts";
import type { EventListener, StoredEvent } from "../../../../core/events/event_log.ts";
import { openLiveEvents } from "../../../../core/events/live.ts";
import { silentLog } from "../../../support/store.ts";

const stored = (id: number, account = "acme", body = `{"n":${id}}`): StoredEvent => ({
  id,
  account,
  offset: id * 10,
  kind: "tool_called",
  agentId: "ana",
  atMs: 1,
  body,
});

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

async function open({ maxMessageBytes = 100_000, fails = (): boolean => false } = {}) {
  let listener: EventListener = () => undefined;
  const sent: { subject: string; data: Uint8Array }[] = [];
  const live = await openLiveEvents({
    bus: {
      publish(subject, data) {
        if (fails()) throw new Error("full");
        sent.push({ subject, data });
      },
    },
    events: {
      listen(_scope, heard) {
        listener = heard;
        return () => listener = () => undefined;
      },
      range: () => Promise.resolve({ first: 1, head: 4 }),
    },
    epoch: "e",
    log: silentLog,
    maxMessageBytes,
    heartbeatMs: 60_000,
  });
  const batches = () =>
    sent.filter(({ subject }) => subject === subjects.liveEvents)
      .map(({ data }) => decodeEventBatch(LiveHead, data));
  return { live, sent, batches, commit: (...events: StoredEvent[]) => listener(events) };
}

describe("openLiveEvents", () => {
  it("says first where the log ends", async () => {
    const { batches, live } = await open();
    expect(batches()).toEqual([{ head: { epoch: "e", prev: 4, last: 4 }, events: [] }]);
    live[Symbol.dispose]();
  });

  it("sends all commits of one turn as one message, and each event by itself", async () => {
    const { batches, sent, commit, live } = await open();
    commit(stored(5), stored(6, "globex"));
    commit(stored(7, "_"));
    await turn();
    commit(stored(8));
    await turn();
    const [, first, second] = batches();
    expect(first?.head).toEqual({ epoch: "e", prev: 4, last: 7 });
    expect(first?.events.map(({ id, account, offset, body }) => [id, account, offset, body]))
      .toEqual([
        [5, "acme", 50, '{"n":5}'],
        [6, "globex", 60, '{"n":6}'],
        [7, "_", 70, '{"n":7}'],
      ]);
    expect(second?.head).toEqual({ epoch: "e", prev: 7, last: 8 });
    expect(sent.map(({ subject }) => subject).filter((one) => one !== subjects.liveEvents)).toEqual(
      [
        "nexo.agent_events.acme.ana.tool_called",
        "nexo.agent_events.globex.ana.tool_called",
        "nexo.agent_events._.ana.tool_called",
        "nexo.agent_events.acme.ana.tool_called",
      ],
    );
    live[Symbol.dispose]();
  });

  it("cuts what is too large into messages that join, and leaves out bodies that fit into none", async () => {
    const { batches, commit, live } = await open({ maxMessageBytes: 10_000 });
    const body = JSON.stringify("x".repeat(4000));
    const huge = JSON.stringify("x".repeat(20_000));
    commit(stored(5, "acme", body), stored(6, "acme", body), stored(7, "acme", huge), stored(8));
    commit(stored(9, "acme", body));
    await turn();
    const sent = batches().slice(1);
    expect(sent.map(({ head: { prev, last } }) => [prev, last])).toEqual([[4, 8], [8, 9]]);
    const bodies = sent.flatMap(({ events }) => events.map((event) => event.body));
    expect(bodies).toEqual([body, body, null, '{"n":8}', body]);
    live[Symbol.dispose]();
  });

  it("goes on after the bus was full, and the next message shows the hole", async () => {
    let full = false;
    const { batches, commit, live } = await open({ fails: () => full });
    full = true;
    commit(stored(5));
    await turn();
    full = false;
    commit(stored(6));
    await turn();
    expect(batches().at(-1)?.head).toEqual({ epoch: "e", prev: 5, last: 6 });
    live[Symbol.dispose]();
  });

  it("sends what is pending before it stops, and nothing after", async () => {
    const { batches, commit, live } = await open();
    commit(stored(5));
    live[Symbol.dispose]();
    expect(batches().at(-1)?.head.last).toBe(5);
    commit(stored(6));
    live[Symbol.dispose]();
    await turn();
    expect(batches().at(-1)?.head.last).toBe(5);
  });
});
