import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openLocalBus } from "../../../../core/bus/local.ts";
import type { Bus } from "../../../../core/bus/bus.ts";
import { encodeEventBatch, FirehoseFrame, subjects } from "../../../../core/contract/mod.ts";
import { createHub, type Hub } from "../../../../edge/firehose/hub.ts";
import { watchingOf } from "../../../../edge/firehose/presence.ts";
import { readQuery } from "../../../../edge/firehose/query.ts";
import { createTally } from "../../../../edge/firehose/tally.ts";
import { silentLog } from "../../../support/store.ts";

const SETTLE_MS = 300;
const BEAT_MS = 2_500;

/** A client that watches, and what it was told last of each conversation. */
interface Watcher {
  readonly account: string;
  readonly subject: string;
  readonly conversations: readonly string[];
  readonly seen: Map<string, { watchers: string[]; more: number }>;
  frames: number;
  buffered: number;
  readonly leave: () => void;
}

/** An edge of several on one bus; what a silent one says is lost. */
interface TestEdge {
  readonly hub: Hub;
  isSilent: boolean;
  watch(subject: string, conversations: string[], account?: string): Promise<Watcher>;
}

function openEdges<N extends string>(...names: N[]): Record<N, TestEdge> {
  const bus = openLocalBus();
  bus.respond(
    subjects.backfill,
    {},
    () => Promise.resolve(encodeEventBatch({ epoch: "e", head: 0, next: 0, gaps: [] }, [])),
  );
  return Object.fromEntries(names.map((name) => [name, openEdge(bus, name)])) as Record<
    N,
    TestEdge
  >;
}

function openEdge(bus: Bus, name: string): TestEdge {
  const edge: TestEdge = {
    isSilent: false,
    hub: createHub({
      bus: {
        request: (...args) => bus.request(...args),
        subscribe: (...args) => bus.subscribe(...args),
        publish: (...args) => edge.isSilent ? undefined : bus.publish(...args),
      },
      now: Date.now,
      uuid: () => name,
      log: silentLog,
      limits: { highBytes: 1000 },
      tally: createTally(),
    }),
    async watch(subject, conversations, account = "acme") {
      const seen: Watcher["seen"] = new Map();
      const bearer = { token: "t", subject, jti: subject, kid: "k", expiresAtMs: 8e15 };
      const filter = { conversation: conversations };
      const scope = { account };
      const watching = watchingOf(scope, filter);
      const place = await edge.hub.hold({ scope, bearer, filter, since: undefined, watching });
      const watcher: Watcher = {
        account,
        subject,
        conversations,
        seen,
        frames: 0,
        buffered: 0,
        leave: () => edge.hub.leave(place),
      };
      edge.hub.enter(place, {
        send({ texts }) {
          for (const text of texts) {
            const frame = FirehoseFrame.parse(JSON.parse(text));
            if (frame.type !== "presence") continue;
            watcher.frames += 1;
            seen.set(frame.conversation, { watchers: frame.watchers, more: frame.more });
          }
        },
        bufferedBytes: () => watcher.buffered,
        ping: () => true,
        close: () => undefined,
        terminate: () => undefined,
      });
      return watcher;
    },
  };
  return edge;
}

const settle = (ms = SETTLE_MS) => vi.advanceTimersByTimeAsync(ms);
const named = (...watchers: string[]) => ({ watchers, more: 0 });

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("presence", () => {
  it("tells who watches at any edge, each person once, when they come and when they go", async () => {
    const { a, b } = openEdges("a", "b");
    const ana = await a.watch("ana", ["s"]);
    await settle();
    expect(ana.seen.get("s")).toEqual(named("ana"));
    const bo = await b.watch("bo", ["s"]);
    await settle();
    expect([ana, bo].map(({ seen }) => seen.get("s"))).toEqual([
      named("ana", "bo"),
      named("ana", "bo"),
    ]);
    const { frames } = ana;
    const tab = await b.watch("ana", ["s"]);
    await settle(10 * BEAT_MS);
    expect(ana.frames).toBe(frames);
    bo.leave();
    await settle();
    expect(ana.seen.get("s")).toEqual(named("ana"));
    tab.leave();
    ana.leave();
    await settle();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("shows every watcher exactly those of its own tenant and conversation", async () => {
    const step = fc.record({
      leaves: fc.boolean(),
      at: fc.constantFrom("a", "b", "c"),
      account: fc.constantFrom("acme", "globex"),
      subject: fc.constantFrom("ana", "bo", "cy"),
      conversations: fc.subarray(["s", "t"], { minLength: 1 }),
      which: fc.nat(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const edges = openEdges("a", "b", "c");
        const here: Watcher[] = [];
        for (const { leaves, at, account, subject, conversations, which } of steps) {
          if (leaves && here.length > 0) here.splice(which % here.length, 1)[0]?.leave();
          else here.push(await edges[at as "a"].watch(subject, conversations, account));
          if (which % 2 === 0) await settle();
        }
        await settle();
        for (const one of here) {
          for (const conversation of one.conversations) {
            const there = here.filter((other) =>
              other.account === one.account && other.conversations.includes(conversation)
            );
            const subjectsThere = [...new Set(there.map(({ subject }) => subject))].sort();
            expect(one.seen.get(conversation)).toEqual(named(...subjectsThere));
          }
          expect(one.seen.size).toBe(one.conversations.length);
        }
        for (const one of here) one.leave();
      }),
      { numRuns: 60 },
    );
  });

  it("forgets an edge that died, within seconds and not at the first message that is lost", async () => {
    const { a, b } = openEdges("a", "b");
    const ana = await a.watch("ana", ["s"]);
    await b.watch("bo", ["s"]);
    await settle();
    b.isSilent = true;
    await settle(BEAT_MS + 1_000);
    expect(ana.seen.get("s")).toEqual(named("ana", "bo"));
    await settle(4_000);
    expect(ana.seen.get("s")).toEqual(named("ana"));
    b.isSilent = false;
    await settle(BEAT_MS + SETTLE_MS);
    expect(ana.seen.get("s")).toEqual(named("ana", "bo"));
  });

  it("tells a client that does not read only the newest, once it reads again", async () => {
    const { a } = openEdges("a");
    const slow = await a.watch("slow", ["s"]);
    await settle();
    slow.buffered = 5_000;
    const { frames } = slow;
    for (const name of ["b", "c", "d"]) {
      await a.watch(name, ["s"]);
      await settle();
    }
    expect(slow.frames).toBe(frames);
    slow.buffered = 0;
    await settle(BEAT_MS);
    expect(slow.frames).toBe(frames + 1);
    expect(slow.seen.get("s")).toEqual(named("b", "c", "d", "slow"));
  });

  it("names 32 watchers and counts the others", async () => {
    const { a, b } = openEdges("a", "b");
    const first = await a.watch("w-000", ["s"]);
    for (let i = 1; i < 50; i++) {
      await (i % 2 === 0 ? a : b).watch(`w-${String(i).padStart(3, "0")}`, ["s"]);
    }
    await settle();
    const { watchers = [], more } = first.seen.get("s") ?? {};
    expect([watchers.length, more, watchers[0]]).toEqual([32, 18, "w-000"]);
  });
});

describe("watchingOf()", () => {
  const refused = expect.objectContaining({ code: "invalid_params" }) as unknown;
  const asked = (scope: Parameters<typeof watchingOf>[0], filter: object) => () =>
    watchingOf(scope, filter);

  it("takes a tenant's conversations, and an operator's when they say of which tenant", () => {
    expect(watchingOf({ account: "acme" }, { conversation: ["s"], account_id: ["globex"] }))
      .toEqual({ account: "acme", conversations: ["s"] });
    expect(watchingOf("operator", { conversation: ["s"], account_id: ["acme"] }))
      .toEqual({ account: "acme", conversations: ["s"] });
    expect(asked("operator", { conversation: ["s"] })).toThrow(refused);
    expect(asked("operator", { conversation: ["s"], account_id: ["a", "b"] })).toThrow(refused);
    expect(asked({ account: "acme" }, {})).toThrow(refused);
    expect(asked({ account: "acme" }, { conversation: ["1", "2", "3", "4", "5"] }))
      .toThrow(refused);
  });

  it("is asked for with presence=1 and nothing else", () => {
    const asks = (text: string) => readQuery(new URLSearchParams(text), null).presence;
    expect(["", "presence=0", "presence=1"].map(asks)).toEqual([false, false, true]);
    expect(() => asks("presence=yes")).toThrow(refused);
  });
});
