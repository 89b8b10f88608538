/**
 * The stream of events, against a core that loses and repeats notifications.
 *
 * @module
 */
import fc from "fast-check";
import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { AgentEvent } from "../../core/contract/mod.ts";
import { createEventHub, type TranscriptGap } from "./events.ts";
import { createLog } from "./log.ts";
import { type AppContext, defineMicroapp } from "./mod.ts";
import { openTestHost } from "./testing/mod.ts";
import { PassThrough } from "node:stream";

type Entry = Extract<AgentEvent, { kind: "transcript_appended" }>;

const SESSIONS = [1, 2, 3].map((n) => `00000000-0000-4000-8000-00000000000${n}`);
const entry = (session: string, seq: number, account = "acme"): Entry => ({
  kind: "transcript_appended",
  agent_id: "ana",
  session_id: session,
  seq,
  role: "user",
  body: `${seq}`,
  sent_at_ms: seq,
  source_plugin: "webchat",
  tenant_id: account,
});
const state: AgentEvent = { kind: "microapp_state", microapp_id: "x", state: "ready", at_ms: 1 };

/** A core whose transcripts hold `lengths` entries, each from `first` on. */
function createCore(lengths: readonly number[], { first = 0 } = {}) {
  const stop = new AbortController();
  const stderr = new PassThrough();
  const hub = createEventHub({
    signal: stop.signal,
    log: createLog(stderr),
    async request(_method, params) {
      await setImmediate();
      const { session_id, since_seq = -1, limit } = params as {
        session_id: string;
        since_seq?: number;
        limit: number;
      };
      const length = lengths[SESSIONS.indexOf(session_id)] ?? 0;
      const from = Math.max(first, since_seq + 1);
      const count = Math.max(0, Math.min(limit, length - from));
      return { events: Array.from({ length: count }, (_, i) => entry(session_id, from + i)) };
    },
  });
  return { hub, stop, logged: () => String(stderr.read() ?? "") };
}

async function take(stream: AsyncIterator<AgentEvent>, count: number): Promise<AgentEvent[]> {
  const taken: AgentEvent[] = [];
  while (taken.length < count) {
    const { done, value } = await stream.next();
    if (done === true) break;
    taken.push(value);
  }
  return taken;
}

const seqsOf = (events: readonly AgentEvent[], session: string): number[] =>
  events.flatMap((event) =>
    event.kind === "transcript_appended" && event.session_id === session ? [event.seq] : []
  );

describe("events()", () => {
  it("F3: gives every entry once and in order, whatever is lost or comes twice", async () => {
    const lengths = fc.tuple(...SESSIONS.map(() => fc.integer({ min: 1, max: 40 })));
    await fc.assert(
      fc.asyncProperty(
        lengths,
        fc.integer({ min: 1, max: 8 }),
        fc.infiniteStream(fc.constantFrom("tell", "tell", "lose", "repeat", "read")),
        async (lengths, capacity, fate) => {
          const { hub } = createCore(lengths);
          const resume = SESSIONS.map((session_id) => ({ agent_id: "ana", session_id, seq: -1 }));
          const stream = hub.open({ kinds: ["transcript_appended"], capacity, resume });
          const got: AgentEvent[] = [];
          const all = SESSIONS.flatMap((session, s) =>
            Array.from({ length: lengths[s] ?? 0 }, (_, seq) => entry(session, seq))
          ).sort((a, b) => a.seq - b.seq);
          for (const event of all) {
            const what = fate.next().value;
            if (what !== "lose") hub.receive(event);
            if (what === "repeat") hub.receive(event);
            if (what === "read") got.push(...await take(stream, 1));
          }
          got.push(...await take(stream, all.length - got.length));
          await stream.return?.();
          for (const [s, session] of SESSIONS.entries()) {
            expect(seqsOf(got, session)).toEqual(
              Array.from({ length: lengths[s] ?? 0 }, (_, i) => i),
            );
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it("follows a transcript it meets in the middle from there on, and fills what it misses", async () => {
    const [session = ""] = SESSIONS;
    const { hub } = createCore([3_000]);
    const stream = hub.open();
    for (const seq of [5, 6, 6, 2_500, 2]) hub.receive(entry(session, seq));
    const got = await take(stream, 2_496);
    expect(seqsOf(got, session)).toEqual(Array.from({ length: 2_496 }, (_, i) => i + 5));
  });

  it("tells what is gone for good, or cannot be asked for", async () => {
    const [session = ""] = SESSIONS;
    const gaps: TranscriptGap[] = [];
    const trimmed = createCore([20], { first: 10 });
    const stream = trimmed.hub.open({ onGap: (gap) => void gaps.push(gap) });
    for (const seq of [0, 12]) trimmed.hub.receive(entry(session, seq));
    expect(seqsOf(await take(stream, 4), session)).toEqual([0, 10, 11, 12]);
    expect(gaps).toMatchObject([{ session_id: session, seq: 0, next_seq: 10 }]);

    const stderr = new PassThrough();
    const deaf = createEventHub({
      signal: new AbortController().signal,
      log: createLog(stderr),
      request: () => Promise.reject(new Error("not granted")),
    });
    const blind = deaf.open();
    for (const seq of [0, 2]) deaf.receive(entry(session, seq));
    expect(seqsOf(await take(blind, 2), session)).toEqual([0, 2]);
    expect(String(stderr.read())).toMatch(/\[WARN\] transcript entries are missing .*not granted/);
  });

  it("gives only what was asked for", async () => {
    const { hub } = createCore([9, 9, 9]);
    const [first = "", second = ""] = SESSIONS;
    const streams = [
      hub.open({ kinds: ["microapp_state"] }),
      hub.open({ accountId: "globex" }),
      hub.open({ sessionId: second }),
      hub.open({ agentId: "bob" }),
    ];
    for (const event of [entry(first, 0), entry(second, 0, "globex"), state]) hub.receive(event);
    const bobs = { ...entry(first, 1), agent_id: "bob" };
    hub.receive(bobs);
    const firsts = await Promise.all(streams.map((stream) => take(stream, 1)));
    expect(firsts.flat()).toEqual([
      state,
      entry(second, 0, "globex"),
      entry(second, 0, "globex"),
      bobs,
    ]);
  });

  it("ends when its reader leaves, its signal aborts, or the microapp stops", async () => {
    const { hub, stop } = createCore([1]);
    const leaving = new AbortController();
    const [left, aborted, stopped] = [hub.open(), hub.open({ signal: leaving.signal }), hub.open()];
    const pending = [left, aborted, stopped].map((stream) => stream.next());
    await left.return?.();
    leaving.abort();
    stop.abort();
    expect(await Promise.all(pending)).toEqual(
      Array.from({ length: 3 }, () => ({ done: true, value: undefined })),
    );
    expect(await hub.open().next()).toEqual({ done: true, value: undefined });
  });

  it("says how many events a slow reader lost that nobody keeps", async () => {
    const { hub, logged } = createCore([]);
    const stream = hub.open({ capacity: 2 });
    for (let i = 0; i < 5; i++) hub.receive(state);
    expect(await take(stream, 2)).toEqual([state, state]);
    const next = stream.next();
    await setImmediate();
    expect(logged()).toContain('{"dropped":3}');
    hub.receive(state);
    expect((await next).value).toEqual(state);
  });

  it("reads what core tells a microapp", async () => {
    let context: AppContext | undefined;
    const app = defineMicroapp({ start: (given) => void (context = given) });
    await using host = await openTestHost(app);
    const stream = context?.events({ kinds: ["transcript_appended"] });
    host.emit(state);
    host.emit(entry(SESSIONS[0] ?? "", 0));
    expect((await stream?.next())?.value).toMatchObject({ kind: "transcript_appended", seq: 0 });
  });
});
