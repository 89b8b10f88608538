import { describe, expect, it } from "vitest";
import type { Log } from "../../../core/flow/log.ts";
import { events, follow, noted, numbersIn, openPlace } from "./support.ts";

const BIG = { padding: "x".repeat(100_000) };

describe("a client that reads slowly", () => {
  it("is cut with 4008 and its last cursor, disturbs nobody, and resumes exactly", async () => {
    let wasCut: () => void = () => undefined;
    const ignore = () => undefined;
    const log: Log = {
      debug: (event) => event === "firehose.cut" ? wasCut() : undefined,
      info: ignore,
      warn: ignore,
      error: ignore,
    };
    const limits = { highBytes: 64 * 1024, stallMs: 2000 };
    await using place = await openPlace({ firehose: { limits }, log });
    const token = await place.token({ accountId: "acme" });
    const [slow, quick] = [await follow(place, token), await follow(place, token)];
    await slow.until((frames) => frames.length === 1);
    slow.socket.pause();
    // It reads on at once, because whoever is cut has little time to hear why.
    wasCut = () => slow.socket.resume();
    const count = 150;
    for (let n = 0; n < count; n++) await place.core().put("acme", noted("ana", n, BIG));
    await quick.until(events(count));
    expect(await slow.closed).toBe(4008);
    const last = slow.frames.at(-1);
    expect(last).toMatchObject({ type: "error", code: "client_slow" });
    expect(numbersIn(slow.frames).length).toBeLessThan(count);
    const resumed = await follow(place, token, `?since=${slow.cursor()}`);
    await resumed.until((frames) => numbersIn(frames).at(-1) === count - 1);
    const all = [...slow.frames, ...resumed.frames];
    expect(numbersIn(all)).toEqual(Array.from({ length: count }, (_, n) => n));
    expect(all.some(({ type }) => type === "gap")).toBe(false);
  });

  it("is not cut while it reads at all, and gets everything", async () => {
    const limits = { highBytes: 64 * 1024, stallMs: 60_000 };
    await using place = await openPlace({ firehose: { limits } });
    const follower = await follow(place, await place.token({ accountId: "acme" }));
    follower.socket.pause();
    const count = 120;
    for (let n = 0; n < count; n++) await place.core().put("acme", noted("ana", n, BIG));
    follower.socket.resume();
    await follower.until(events(count));
    expect(numbersIn(follower.frames)).toEqual(Array.from({ length: count }, (_, n) => n));
  });
});

describe("a client that is gone without a word", () => {
  it("is ended when it does not answer a ping", async () => {
    await using place = await openPlace({ firehose: { limits: { pingMs: 1000 } } });
    const token = await place.token({ accountId: "acme" });
    const [dead, alive] = [await follow(place, token), await follow(place, token)];
    dead.socket.pause();
    const metrics = async () => (await fetch(place.url("/metrics"))).text();
    await expect.poll(metrics).toContain("nexo_edge_firehose_clients 1");
    await place.core().put("acme", noted("ana", 1));
    await alive.until(events(1));
    dead.socket.terminate();
  });
});
