import { describe, expect, it } from "vitest";
import { type FirehoseFrame, subjects } from "../../../core/contract/mod.ts";
import type { LocalBus } from "../../../core/bus/local.ts";
import { events, follow, noted, numbersIn, openPlace } from "./support.ts";

const gapsIn = (frames: readonly FirehoseFrame[]) =>
  frames.filter((frame) => frame.type === "gap").map(({ from, to }) => [from, to]);
const offsets = (pairs: readonly (readonly string[])[]) =>
  pairs.map((pair) => pair.map((cursor) => Number(cursor.split(".")[1])));

describe("GET /firehose", () => {
  it("says ready, then tells what is committed, whole and in order", async () => {
    await using place = await openPlace();
    const token = await place.token({ accountId: "acme" });
    await place.core().put("acme", noted("ana", 0));
    const follower = await follow(place, token);
    await follower.until((frames) => frames.length > 0);
    await place.core().put("acme", noted("ana", 1), noted("ana", 2));
    await place.core().put("globex", noted("ana", 100));
    await place.core().put("acme", noted("ana", 3, { note: 'a "quoted"\n line \u2028 ☃' }));
    await follower.until(events(3));
    expect(follower.frames[0]?.type).toBe("ready");
    expect(numbersIn(follower.frames)).toEqual([1, 2, 3]);
    expect(follower.frames[3]).toMatchObject({
      event: { note: 'a "quoted"\n line \u2028 ☃', tenant_id: "acme" },
    });
    expect(follower.texts.join()).not.toContain("globex");
  });

  it("sends an event exactly as it is stored", async () => {
    await using place = await openPlace();
    const follower = await follow(place, await place.token({ accountId: "acme" }));
    await place.core().put("acme", noted("ana", 1));
    await follower.until(events(1));
    const [row] = await place.core().store.read<{ body: string }>("SELECT body FROM agent_events");
    expect(follower.texts[1]).toContain(`"event":${row?.body}}`);
  });

  it("resumes after a cursor, from the past into the present, without a seam or a double", async () => {
    await using place = await openPlace();
    const token = await place.token({ accountId: "acme" });
    const first = await follow(place, token);
    for (let n = 0; n < 5; n++) await place.core().put("acme", noted("ana", n));
    await first.until(events(5));
    const cursor = first.cursor() ?? "";
    await first.close();
    // More than two pages.
    for (let n = 5; n < 700; n += 5) {
      await place.core().put("acme", ...[0, 1, 2, 3, 4].map((i) => noted("ana", n + i)));
    }
    const second = await follow(place, token, `?since=${cursor}`);
    for (let n = 700; n < 750; n++) await place.core().put("acme", noted("ana", n));
    await second.until(events(745));
    expect(second.frames[0]).toEqual({ type: "ready", cursor });
    expect(numbersIn(second.frames)).toEqual(Array.from({ length: 745 }, (_, i) => i + 5));
  });

  it("tells a client that comes with 0 everything that is kept", async () => {
    await using place = await openPlace();
    await place.core().put("acme", noted("ana", 0), noted("ana", 1));
    const follower = await follow(place, await place.token({ accountId: "acme" }), "?since=0");
    await follower.until(events(2));
    expect(numbersIn(follower.frames)).toEqual([0, 1]);
    expect(gapsIn(follower.frames)).toEqual([]);
  });

  it("filters by agent, kind and conversation, in the past and live, and tells no gap for that", async () => {
    await using place = await openPlace();
    const token = await place.token({ accountId: "acme" });
    const other = "01890000-0000-7000-8000-0000000000ff";
    const put = async (from: number) => {
      await place.core().put(
        "acme",
        noted("ana", from),
        noted("bob", from + 1),
        noted("ana", from + 2, { session_id: other }),
        { kind: "microapp_state", microapp_id: "shop", state: "ready", at_ms: 1 },
      );
    };
    await put(0);
    const queries = [
      "?agent_id=ana",
      `?conversation=${other}`,
      "?kind=microapp_state",
      "?agent_id=ana,bob&kind=tool_called",
    ];
    const followers = await Promise.all(
      queries.map((query) => follow(place, token, `${query}&since=0`)),
    );
    await put(10);
    const counts = [4, 2, 2, 6];
    await Promise.all(followers.map((follower, i) => follower.until(events(counts[i] ?? 0))));
    expect(followers.map(({ frames }) => numbersIn(frames))).toEqual([
      [0, 2, 10, 12],
      [2, 12],
      [],
      [0, 1, 2, 10, 11, 12],
    ]);
    expect(followers.flatMap(({ frames }) => gapsIn(frames))).toEqual([]);
  });

  it("gives operators everybody's events by global cursors, and narrows them to an account", async () => {
    await using place = await openPlace();
    const token = await place.token({ scope: ["operator"] });
    const [all, acme] = await Promise.all([
      follow(place, token, "?since=0"),
      follow(place, token, "?since=0&account_id=acme"),
    ]);
    await place.core().put("acme", noted("ana", 1));
    await place.core().put("globex", noted("ana", 2));
    await place.core().put("acme", noted("ana", 3));
    await Promise.all([all.until(events(3)), acme.until(events(2))]);
    expect(numbersIn(all.frames)).toEqual([1, 2, 3]);
    expect(numbersIn(acme.frames)).toEqual([1, 3]);
    expect(acme.cursor()).toBe(all.cursor());
  });

  it("tells the exact gap of what was trimmed, and nothing else of it", async () => {
    await using place = await openPlace();
    const token = await place.token({ accountId: "acme" });
    const first = await follow(place, token);
    await place.core().put("acme", noted("ana", 1), noted("ana", 2));
    await first.until(events(2));
    const cursor = first.cursor() ?? "";
    await first.close();
    for (let n = 3; n <= 9; n++) await place.core().put("acme", noted("ana", n));
    await place.core().retain(3);
    const second = await follow(place, token, `?since=${cursor}`);
    await second.until(events(3));
    expect(numbersIn(second.frames)).toEqual([7, 8, 9]);
    expect(offsets(gapsIn(second.frames))).toEqual([[2, 6]]);
    expect(second.frames[1]?.type).toBe("gap");
  });

  it("tells as a gap what is too large for the bus, live and in the past", async () => {
    await using place = await openPlace({ maxMessageBytes: 20_000 });
    const token = await place.token({ accountId: "acme" });
    const live = await follow(place, token);
    const huge = { padding: "x".repeat(30_000) };
    await place.core().put("acme", noted("ana", 1), noted("ana", 2, huge), noted("ana", 3));
    const past = await follow(place, token, "?since=0");
    for (const follower of [live, past]) {
      await follower.until(events(2));
      expect(numbersIn(follower.frames)).toEqual([1, 3]);
      expect(offsets(gapsIn(follower.frames))).toEqual([[1, 2]]);
    }
  });

  it("asks core again for live messages that the bus lost", async () => {
    let lose = 0;
    const wrapBus = (bus: LocalBus): LocalBus => ({
      ...bus,
      subscribe: (pattern, options, handler) =>
        bus.subscribe(pattern, options, (message) => {
          const isEvent = message.subject === subjects.liveEvents &&
            new TextDecoder().decode(message.data).includes("\n");
          if (isEvent && lose > 0) lose -= 1;
          else handler(message);
        }),
    });
    await using place = await openPlace({ wrapBus });
    const follower = await follow(place, await place.token({ accountId: "acme" }));
    await place.core().put("acme", noted("ana", 1));
    await follower.until(events(1));
    lose = 1;
    await place.core().put("acme", noted("ana", 2));
    await follower.until(events(2));
    lose = 1;
    await place.core().put("acme", noted("ana", 3));
    await place.core().put("globex", noted("ana", 100));
    await place.core().put("acme", noted("ana", 4));
    await follower.until(events(4));
    expect(numbersIn(follower.frames)).toEqual([1, 2, 3, 4]);
    expect(gapsIn(follower.frames)).toEqual([]);
  });

  it("survives what is no batch of events on its subject", async () => {
    await using place = await openPlace();
    const follower = await follow(place, await place.token({ accountId: "acme" }));
    for (const text of ["", "{}", "[1]\n", '{"epoch":"x","prev":1}']) {
      place.bus.publish(subjects.liveEvents, new TextEncoder().encode(text));
    }
    await place.core().put("acme", noted("ana", 1));
    await follower.until(events(1));
    expect(numbersIn(follower.frames)).toEqual([1]);
  });

  it("goes on across restarts of core and of the edge", async () => {
    await using place = await openPlace();
    const token = await place.token({ accountId: "acme" });
    const follower = await follow(place, token);
    await place.core().put("acme", noted("ana", 1));
    await follower.until(events(1));
    await place.restartCore();
    await place.core().put("acme", noted("ana", 2));
    await follower.until(events(2));
    const restarted = place.restartEdge();
    expect(await follower.closed).toBe(1001);
    expect(follower.frames.at(-1)).toMatchObject({ type: "error", code: "edge_closing" });
    await restarted;
    await place.core().put("acme", noted("ana", 3));
    const next = await follow(place, token, `?since=${follower.cursor()}`);
    await next.until(events(1));
    expect(numbersIn([...follower.frames, ...next.frames])).toEqual([1, 2, 3]);
    expect(gapsIn([...follower.frames, ...next.frames])).toEqual([]);
  });

  it("tells everybody when another database took the place of theirs", async () => {
    await using place = await openPlace();
    const token = await place.token({ accountId: "acme" });
    const connected = await follow(place, token);
    await place.core().put("acme", noted("ana", 1), noted("ana", 2));
    await connected.until(events(2));
    const cursor = connected.cursor() ?? "";
    await place.restartCore({ wipe: true });
    await place.core().put("acme", noted("ana", 11));
    const back = await follow(place, token, `?since=${cursor}`);
    for (const follower of [connected, back]) {
      await follower.until((frames) => numbersIn(frames).includes(11));
      expect(offsets(gapsIn(follower.frames))).toEqual([[2, 0]]);
      expect(gapsIn(follower.frames)[0]?.[0]).toBe(cursor);
    }
  });

  it("tells a gap to a client that is ahead of an older copy of the database", async () => {
    await using place = await openPlace();
    await place.core().put("acme", noted("ana", 1), noted("ana", 2));
    const token = await place.token({ accountId: "acme" });
    const first = await follow(place, token, "?since=0");
    await first.until(events(2));
    const [epoch] = (first.cursor() ?? "").split(".");
    const ahead = await follow(place, token, `?since=${epoch}.9`);
    await ahead.until((frames) => frames.length === 2);
    expect(offsets(gapsIn(ahead.frames))).toEqual([[9, 2]]);
    await place.core().put("acme", noted("ana", 3));
    await ahead.until(events(1));
    expect(numbersIn(ahead.frames)).toEqual([3]);
  });

  it("mirrors each event for other clients of the bus, by account, agent and kind", async () => {
    await using place = await openPlace();
    const heard: string[] = [];
    const done = new Promise<void>((resolve) =>
      place.bus.subscribe("nexo.agent_events.acme.>", {}, ({ subject, data, headers }) => {
        heard.push(`${subject} ${headers["nexo-cursor"]} ${new TextDecoder().decode(data)}`);
        resolve();
      })
    );
    await place.core().put("globex", noted("ana", 1));
    await place.core().put("acme", noted("ana", 2));
    await done;
    expect(heard).toHaveLength(1);
    expect(heard[0]).toMatch(/^nexo\.agent_events\.acme\.ana\.tool_called [0-9a-f]+\.1 \{.*"2"/);
  });

  it("answers who asks without an upgrade, or for its head, at once", async () => {
    await using place = await openPlace();
    expect((await fetch(place.url("/firehose"))).status).toBe(426);
    expect((await fetch(place.url("/firehose/sse"), { method: "POST" })).status).toBe(405);
    const authorization = `Bearer ${await place.token({ accountId: "acme" })}`;
    const head = await fetch(place.url("/firehose/sse"), {
      method: "HEAD",
      headers: { authorization },
    });
    expect(head.status).toBe(405);
  });

  it("closes what sends more than 64 KiB at once", async () => {
    await using place = await openPlace();
    const follower = await follow(place, await place.token({ accountId: "acme" }));
    follower.socket.send("x".repeat(64 * 1024));
    follower.socket.send("x".repeat(64 * 1024 + 1));
    expect(await follower.closed).toBe(1009);
  });
});
