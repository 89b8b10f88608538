/**
 * The local bus: the suite, its bounds and the router underneath.
 *
 * @module
 */
import { describe, expect, it } from "vitest";
import { openLocalBus } from "../../../../core/bus/local.ts";
import { ERROR_HEADER } from "../../../../core/bus/reply.ts";
import type { Packet } from "../../../../core/bus/router.ts";
import { accepted, busSuite, collector, handoff } from "../../../suites/bus.ts";

const none = new Uint8Array();

busSuite("local", () => Promise.resolve(openLocalBus()));

describe("openLocalBus()", () => {
  it("refuses a message for everyone when one subscriber is full", async () => {
    await using bus = openLocalBus({ queueLimit: 3 });
    const [narrow, wide] = [collector(), collector()];
    bus.subscribe("a.*", {}, wide.hear);
    bus.subscribe("a.b", {}, narrow.hear);
    for (let i = 0; i < 3; i++) bus.publish("a.b", none);
    expect(() => bus.publish("a.b", none)).toThrow(
      expect.objectContaining({ code: "bus_overflow" }) as Error,
    );
    expect(() => bus.publish("a.c", none)).toThrow("already holds 3 messages");
    await wide.until(3);
    bus.publish("a.b", none);
    await Promise.all([wide.until(4), narrow.until(4)]);
    expect(wide.heard).toHaveLength(4);
  });

  it("gives a message to the queue group's member with room before it refuses", async () => {
    await using bus = openLocalBus({ queueLimit: 2 });
    const heard = collector();
    for (let i = 0; i < 2; i++) bus.subscribe("q", { queue: "g" }, heard.hear);
    for (let i = 0; i < 4; i++) bus.publish("q", none);
    expect(() => bus.publish("q", none)).toThrow("already holds");
    await heard.until(4);
  });

  it("counts questions under way as held by their responder", async () => {
    await using bus = openLocalBus({ queueLimit: 2 });
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => release = resolve);
    bus.respond("slow", {}, () => gate.then(() => none));
    const first = [bus.request("slow", none), bus.request("slow", none)];
    await expect(bus.request("slow", none)).rejects.toMatchObject({ code: "bus_overflow" });
    release();
    await Promise.all(first);
    await bus.request("slow", none);
  });

  it("takes turns in a queue group", async () => {
    await using bus = openLocalBus();
    const [left, right] = [collector(), collector()];
    bus.subscribe("q", { queue: "g" }, left.hear);
    bus.subscribe("q", { queue: "g" }, right.hear);
    for (let i = 0; i < 10; i++) bus.publish("q", none);
    await Promise.all([left.until(5), right.until(5)]);
  });

  it("hears what a subscriber throws and goes on with the others", async () => {
    const errors: unknown[] = [];
    await using bus = openLocalBus({ onError: (error) => errors.push(error) });
    const heard = collector();
    bus.subscribe("a", {}, () => {
      throw new Error("mine");
    });
    bus.subscribe("a", {}, heard.hear);
    bus.publish("a", none);
    bus.publish("a", none);
    await heard.until(2);
    expect(errors.map(String)).toEqual(["Error: mine", "Error: mine"]);
  });

  it("rejects a question whose responder left before it was read", async () => {
    await using bus = openLocalBus();
    const stop = new AbortController();
    bus.respond("r", { signal: stop.signal }, () => Promise.resolve(none));
    const asked = bus.request("r", none);
    stop.abort();
    await expect(asked).rejects.toMatchObject({ code: "bus_no_responder" });
  });

  it("lets timers run while subscribers keep each other busy", async () => {
    await using bus = openLocalBus();
    let going = true;
    bus.subscribe("ping", {}, () => going && bus.publish("pong", none));
    bus.subscribe("pong", {}, () => going && bus.publish("ping", none));
    bus.publish("ping", none);
    await new Promise((resolve) => setTimeout(resolve, 0));
    going = false;
  });

  it("delivers what is queued before it is closed", async () => {
    const bus = openLocalBus();
    const heard = collector();
    bus.subscribe("a", {}, heard.hear);
    for (let i = 0; i < 600; i++) bus.publish("a", none);
    await bus[Symbol.asyncDispose]();
    expect(heard.heard).toHaveLength(600);
  });

  it("rejects hand-offs under way and waiting when it closes", async () => {
    const bus = openLocalBus();
    let started = (): void => undefined;
    const underWay = new Promise<void>((resolve) => started = resolve);
    bus.serveDurable({}, () => {
      started();
      return new Promise(() => undefined);
    });
    const first = expect(bus.publishDurable([handoff(1)])).rejects.toMatchObject({
      code: "bus_closed",
    });
    await underWay;
    const second = expect(bus.publishDurable([handoff(2)])).rejects.toMatchObject({
      code: "bus_closed",
    });
    await bus[Symbol.asyncDispose]();
    await Promise.all([first, second]);
  });

  it("refuses hand-offs beyond its bound", async () => {
    await using bus = openLocalBus({ handoffLimit: 2 });
    bus.serveDurable({}, (batch) => Promise.resolve(batch.map(accepted)));
    const calls = [1, 2, 3].map((n) => bus.publishDurable([handoff(n)]));
    await expect(calls[2]).rejects.toMatchObject({ code: "bus_overflow" });
    expect(await Promise.all(calls.slice(0, 2))).toHaveLength(2);
  });

  it("shares hand-offs of one tick in one batch, and sends the first at once", async () => {
    await using bus = openLocalBus();
    const batches: number[] = [];
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => release = resolve);
    bus.serveDurable({}, async (batch) => {
      batches.push(batch.length);
      if (batches.length === 1) release();
      return Promise.resolve(batch.map(accepted));
    });
    const first = bus.publishDurable([handoff(0)]);
    await gate;
    const rest = [1, 2, 3].map((n) => bus.publishDurable([handoff(n)]));
    await Promise.all([first, ...rest]);
    expect(batches).toEqual([1, 3]);
  });

  it("forgets ended subscriptions, however many came and went", async () => {
    await using bus = openLocalBus();
    const heard = collector();
    bus.subscribe("keep.*", {}, heard.hear);
    for (let i = 0; i < 2000; i++) {
      const stop = new AbortController();
      bus.subscribe(`keep.${i}.deep`, { signal: stop.signal }, heard.hear);
      stop.abort();
    }
    bus.publish("keep.7.deep", none);
    bus.publish("keep.7", none);
    expect((await heard.until(1)).map((message) => message.subject)).toEqual(["keep.7"]);
  });
});

describe("the router of a local bus", () => {
  it("brings another process's question to a local responder, and the answer to its inbox", async () => {
    await using bus = openLocalBus();
    bus.respond("double", {}, ({ data }) => Promise.resolve(Uint8Array.of((data[0] ?? 0) * 2)));
    const answer = new Promise<Packet>((resolve) => {
      bus.router.listen({ pattern: "_INBOX.remote.*", role: "both" }, resolve);
    });
    const packet = { subject: "double", data: Uint8Array.of(21), headers: {} };
    expect(bus.router.send({ ...packet, reply: "_INBOX.remote.1" })).toBe(1);
    expect(await answer).toMatchObject({ subject: "_INBOX.remote.1", data: Uint8Array.of(42) });
  });

  it("brings a local question to another process, and its answer back", async () => {
    await using bus = openLocalBus();
    bus.router.listen({ pattern: "remote.*", role: "both" }, ({ reply, data }) => {
      if (reply !== undefined) bus.router.send({ subject: reply, data, headers: {} });
    });
    expect((await bus.request("remote.echo", Uint8Array.of(7))).data).toEqual(Uint8Array.of(7));
  });

  it("tells another process of a failed or vanished responder in the answer's headers", async () => {
    await using bus = openLocalBus();
    const stop = new AbortController();
    const answers: string[] = [];
    const both = new Promise<void>((resolve) => {
      bus.router.listen({ pattern: "_INBOX.remote.*", role: "both" }, ({ headers }) => {
        if (answers.push(headers[ERROR_HEADER] ?? "none") === 2) resolve();
      });
    });
    bus.respond("fails", {}, () => Promise.reject(new Error("broken")));
    bus.respond("leaves", { signal: stop.signal }, () => Promise.resolve(none));
    bus.router.send({ subject: "leaves", data: none, headers: {}, reply: "_INBOX.remote.1" });
    bus.router.send({ subject: "fails", data: none, headers: {}, reply: "_INBOX.remote.2" });
    stop.abort();
    await both;
    expect(answers.sort()).toEqual(["bus_no_responder", "internal"]);
  });
});
