/**
 * What every {@linkcode Bus} must do, whatever carries it.
 *
 * @module
 */
import { describe, expect, it } from "vitest";
import type { Bus, Message } from "../../core/bus/bus.ts";
import { bodyOfJson, CodedError, type Handoff, type Outcome } from "../../core/contract/mod.ts";

/** A subscriber that keeps what it hears and can be waited for. */
export function collector(): {
  readonly heard: Message[];
  readonly hear: (message: Message) => void;
  /** Resolves when `count` messages were heard in all. */
  readonly until: (count: number) => Promise<readonly Message[]>;
} {
  const heard: Message[] = [];
  let waiters: { count: number; resolve: (heard: readonly Message[]) => void }[] = [];
  return {
    heard,
    hear(message) {
      heard.push(message);
      for (const waiter of waiters) if (heard.length >= waiter.count) waiter.resolve(heard);
      waiters = waiters.filter((waiter) => heard.length < waiter.count);
    },
    until: (count) =>
      heard.length >= count
        ? Promise.resolve(heard)
        : new Promise((resolve) => void waiters.push({ count, resolve })),
  };
}

/** A hand-off with a number to know it by. */
export function handoff(n: number, body: unknown = { n }): Handoff {
  return {
    envelope: {
      schema: 1,
      source_id: "suite",
      event_kind: "test.event",
      headers_subset: { "x-test": "é" },
      received_at_ms: 1_700_000_000_000 + n,
      envelope_id: `00000000-0000-4000-8000-${n.toString(16).padStart(12, "0")}`,
      client_ip: null,
    },
    body: bodyOfJson(body),
    subject: "webhook.suite.test=2eevent",
    dedupe_key: `delivery-${n}`,
    dedupe_window_ms: 60_000,
    account_id: n % 2 === 0 ? "acme" : null,
    delivery_id: `d-${n}`,
    hops: 0,
  };
}

/** A hand-off to compare: both sides of its body, whichever it was made of. */
export const plain = ({ body: { bytes, json }, ...head }: Handoff): object => ({
  ...head,
  bytes: Array.from(bytes),
  json,
});

/** The outcome that says a hand-off is on disk. */
export const accepted = ({ envelope }: Handoff): Outcome => ({
  kind: "accepted",
  envelope_id: envelope.envelope_id,
});

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = ({ data }: Message): string => new TextDecoder().decode(data);
const coded = (code: string) => expect.objectContaining({ name: "CodedError", code }) as unknown;

/** Opens a bus of its own for one test; what others did before must not be visible on it. */
export type OpenBus = () => Promise<Bus>;

/** Runs the whole suite against the buses `open` returns. */
export function busSuite(driver: string, open: OpenBus): void {
  describe(`a Bus (${driver})`, () => {
    publishing(open);
    sharing(open);
    asking(open);
    handingOff(open);
    closing(open);
  });
}

function publishing(open: OpenBus): void {
  it("brings a message to every subscriber whose pattern it falls under, and to no other", async () => {
    await using bus = await open();
    const seen: Record<string, string[]> = {};
    const last = collector();
    for (const pattern of ["a.b.c", "a.*.c", "a.>", "a.b", "a.*", "*.b.c", "x.>"]) {
      seen[pattern] = [];
      bus.subscribe(pattern, {}, (message) => void seen[pattern]?.push(message.subject));
    }
    bus.subscribe("end", {}, last.hear);
    for (const subject of ["a.b.c", "a", "a.b", "a.z.c", "b.b.c", "a.b.c.d"]) {
      bus.publish(subject, bytes(""));
    }
    bus.publish("end", bytes(""));
    await last.until(1);
    expect(seen).toEqual({
      "a.b.c": ["a.b.c"],
      "a.*.c": ["a.b.c", "a.z.c"],
      "a.>": ["a.b.c", "a.b", "a.z.c", "a.b.c.d"],
      "a.b": ["a.b"],
      "a.*": ["a.b"],
      "*.b.c": ["a.b.c", "b.b.c"],
      "x.>": [],
    });
  });

  it("hands headers on by lower-case name, whatever case they were sent in", async () => {
    await using bus = await open();
    const heard = collector();
    bus.subscribe("h", {}, heard.hear);
    bus.publish("h", bytes(""), { "Nexo-Account": "acme", traceparent: "00-Ab" });
    bus.publish("h", bytes(""));
    const [first, second] = await heard.until(2);
    expect(first?.headers).toEqual({ "nexo-account": "acme", traceparent: "00-Ab" });
    expect(second?.headers).toEqual({});
  });

  it("carries any bytes unchanged, and none at all", async () => {
    await using bus = await open();
    const heard = collector();
    bus.subscribe("raw", {}, heard.hear);
    const every = Uint8Array.from({ length: 70_000 }, (_, i) => i % 256);
    bus.publish("raw", every);
    bus.publish("raw", new Uint8Array());
    const [first, second] = await heard.until(2);
    expect(Buffer.from(first?.data ?? []).equals(every)).toBe(true);
    expect(second?.data).toHaveLength(0);
  });

  it("keeps the order of messages for each subscriber", async () => {
    await using bus = await open();
    const heard = collector();
    bus.subscribe("order.>", {}, heard.hear);
    const sent = Array.from({ length: 600 }, (_, i) => `${i}`);
    for (const text of sent) bus.publish(`order.${Number(text) % 3}`, bytes(text));
    expect((await heard.until(sent.length)).map(textOf)).toEqual(sent);
  });

  it("never runs a subscriber before publish() has returned", async () => {
    await using bus = await open();
    const heard = collector();
    bus.subscribe("later", {}, heard.hear);
    bus.publish("later", bytes(""));
    expect(heard.heard).toHaveLength(0);
    await heard.until(1);
  });

  it("refuses to publish to a wildcard, an empty token or white space", async () => {
    await using bus = await open();
    for (const subject of ["", "a..b", ".a", "a.", "a.*", ">", "a b", "a\r\nb"]) {
      expect(() => bus.publish(subject, bytes(""))).toThrow(TypeError);
      await expect(bus.request(subject, bytes(""))).rejects.toThrow(TypeError);
    }
  });

  it("refuses patterns that no subject falls under", async () => {
    await using bus = await open();
    for (const pattern of ["", "a..b", "a.>.b", "a b"]) {
      expect(() => bus.subscribe(pattern, {}, () => undefined)).toThrow(TypeError);
      expect(() => bus.respond(pattern, {}, () => Promise.resolve(bytes("")))).toThrow(TypeError);
    }
  });

  it("stops delivering when the subscriber's signal aborts", async () => {
    await using bus = await open();
    const stop = new AbortController();
    const [stopped, going] = [collector(), collector()];
    bus.subscribe("s", { signal: stop.signal }, stopped.hear);
    bus.subscribe("s", {}, going.hear);
    bus.publish("s", bytes("1"));
    await Promise.all([stopped.until(1), going.until(1)]);
    stop.abort();
    bus.publish("s", bytes("2"));
    await going.until(2);
    bus.subscribe("s", { signal: AbortSignal.abort() }, stopped.hear);
    bus.publish("s", bytes("3"));
    await going.until(3);
    expect(stopped.heard.map(textOf)).toEqual(["1"]);
  });
}

function sharing(open: OpenBus): void {
  it("brings each message to one member of a queue group, and to everyone outside it", async () => {
    await using bus = await open();
    const [left, right, all, other] = [collector(), collector(), collector(), collector()];
    const group = collector();
    for (const member of [left, right]) {
      bus.subscribe("q.*", { queue: "workers" }, (message) => {
        member.hear(message);
        group.hear(message);
      });
    }
    bus.subscribe("q.*", { queue: "watchers" }, other.hear);
    bus.subscribe("q.>", {}, all.hear);
    const sent = Array.from({ length: 60 }, (_, i) => `${i}`);
    for (const text of sent) bus.publish("q.x", bytes(text));
    await Promise.all([all.until(60), other.until(60), group.until(60)]);
    expect(group.heard.map(textOf).sort()).toEqual([...sent].sort());
    expect(left.heard.length).toBeGreaterThan(0);
    expect(right.heard.length).toBeGreaterThan(0);
  });

  it("lets the members that stay take over when one leaves its queue group", async () => {
    await using bus = await open();
    const stop = new AbortController();
    const [leaves, stays] = [collector(), collector()];
    bus.subscribe("q", { queue: "g", signal: stop.signal }, leaves.hear);
    bus.subscribe("q", { queue: "g" }, stays.hear);
    stop.abort();
    for (let i = 0; i < 10; i++) bus.publish("q", bytes(""));
    await stays.until(10);
    expect(leaves.heard).toHaveLength(0);
  });

  it("lets one member of a queue group answer each request", async () => {
    await using bus = await open();
    let calls = 0;
    for (const name of ["left", "right"]) {
      bus.respond("rpc.*", { queue: "g" }, () => Promise.resolve(bytes(`${name} ${++calls}`)));
    }
    await Promise.all(Array.from({ length: 20 }, () => bus.request("rpc.x", bytes(""))));
    expect(calls).toBe(20);
  });
}

function asking(open: OpenBus): void {
  it("brings the question with its headers to the responder, and the answer back", async () => {
    await using bus = await open();
    bus.respond(
      "echo.>",
      {},
      (message) =>
        Promise.resolve(bytes(`${message.subject} ${message.headers["who"]} ${textOf(message)}`)),
    );
    const answer = await bus.request("echo.a", bytes("hé"), { headers: { Who: "me" } });
    expect(textOf(answer)).toBe("echo.a me hé");
  });

  it("answers many requests at once, each with its own answer", async () => {
    await using bus = await open();
    bus.respond("twice", {}, async (message) => {
      await Promise.resolve();
      return bytes(`${Number(textOf(message)) * 2}`);
    });
    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, i) => bus.request("twice", bytes(`${i}`))),
    );
    expect(answers.map(textOf)).toEqual(Array.from({ length: 300 }, (_, i) => `${i * 2}`));
  });

  it("lets subscribers overhear a request, and keeps responders out of what is only published", async () => {
    await using bus = await open();
    const heard = collector();
    let asked = 0;
    bus.subscribe("mixed", {}, heard.hear);
    bus.respond("mixed", {}, () => Promise.resolve(bytes(`${++asked}`)));
    bus.publish("mixed", bytes("told"));
    expect(textOf(await bus.request("mixed", bytes("asked")))).toBe("1");
    expect((await heard.until(2)).map(textOf)).toEqual(["told", "asked"]);
  });

  it("rejects at once with bus_no_responder when nobody answers there", async () => {
    await using bus = await open();
    await expect(bus.request("nobody", bytes(""), { timeoutMs: 3_600_000 })).rejects.toEqual(
      coded("bus_no_responder"),
    );
  });

  it("rejects with bus_timeout when the answer does not come in time", async () => {
    await using bus = await open();
    bus.respond("slow", {}, () => new Promise(() => undefined));
    await expect(bus.request("slow", bytes(""), { timeoutMs: 30 })).rejects.toEqual(
      coded("bus_timeout"),
    );
  });

  it("rejects with the signal's reason when the asker gives up", async () => {
    await using bus = await open();
    const stop = new AbortController();
    const reason = new Error("changed my mind");
    bus.respond("slow", {}, () => {
      stop.abort(reason);
      return new Promise(() => undefined);
    });
    await expect(bus.request("slow", bytes(""), { signal: stop.signal })).rejects.toBe(reason);
    await expect(bus.request("slow", bytes(""), { signal: stop.signal })).rejects.toBe(reason);
  });

  it("brings a responder's error to the asker, code and message, many lines and all", async () => {
    await using bus = await open();
    const message = 'Cannot find "é":\r\nno such row';
    bus.respond("fails", {}, () => Promise.reject(new CodedError("not_found", message)));
    bus.respond("throws", {}, () => {
      throw new RangeError("out of range");
    });
    const failure = await bus.request("fails", bytes("")).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(CodedError);
    expect(failure).toMatchObject({ code: "not_found", message });
    await expect(bus.request("throws", bytes(""))).rejects.toMatchObject({
      name: "CodedError",
      code: "internal",
      message: "out of range",
    });
  });

  it("stops answering when the responder's signal aborts", async () => {
    await using bus = await open();
    const stop = new AbortController();
    bus.respond("r", { signal: stop.signal }, () => Promise.resolve(bytes("yes")));
    expect(textOf(await bus.request("r", bytes("")))).toBe("yes");
    stop.abort();
    await expect(bus.request("r", bytes(""))).rejects.toEqual(coded("bus_no_responder"));
  });
}

function handingOff(open: OpenBus): void {
  it("resolves a hand-off with one outcome per envelope, in order", async () => {
    await using bus = await open();
    const got: Handoff[] = [];
    const refused: Outcome = { kind: "refused", code: "store_full", retryable: true };
    bus.serveDurable({}, (batch) => {
      got.push(...batch);
      return Promise.resolve(
        batch.map((item) => item.dedupe_key === "delivery-1" ? refused : accepted(item)),
      );
    });
    const sent = [handoff(0), handoff(1), handoff(2)];
    const outcomes = await bus.publishDurable(sent);
    expect(outcomes).toEqual([accepted(handoff(0)), refused, accepted(handoff(2))]);
    expect(got.map(plain)).toEqual(sent.map(plain));
    expect(await bus.publishDurable([])).toEqual([]);
  });

  it("gives every caller its own outcomes when hand-offs gather under load", async () => {
    await using bus = await open();
    const batches: number[] = [];
    bus.serveDurable({}, async (batch) => {
      batches.push(batch.length);
      await new Promise((resolve) => setImmediate(resolve));
      return batch.map(accepted);
    });
    const calls = Array.from({ length: 700 }, (_, i) => [handoff(i * 2), handoff(i * 2 + 1)]);
    const outcomes = await Promise.all(calls.map((call) => bus.publishDurable(call)));
    expect(outcomes).toEqual(calls.map((call) => call.map(accepted)));
    expect(Math.max(...batches)).toBeLessThanOrEqual(256);
    expect(batches.reduce((sum, size) => sum + size, 0)).toBe(1400);
    expect(batches.length).toBeLessThan(100);
  });

  it("carries one call with more envelopes than a batch holds", async () => {
    await using bus = await open();
    bus.serveDurable({}, (batch) => Promise.resolve(batch.map(accepted)));
    const sent = Array.from({ length: 600 }, (_, i) => handoff(i));
    expect(await bus.publishDurable(sent)).toEqual(sent.map(accepted));
  });

  it("keeps the order in which hand-offs were made", async () => {
    await using bus = await open();
    const order: string[] = [];
    bus.serveDurable({}, async (batch) => {
      order.push(...batch.map((item) => item.dedupe_key));
      await Promise.resolve();
      return batch.map(accepted);
    });
    await Promise.all(Array.from({ length: 300 }, (_, i) => bus.publishDurable([handoff(i)])));
    expect(order).toEqual(Array.from({ length: 300 }, (_, i) => `delivery-${i}`));
  });

  it("rejects with the code of a failed commit, and carries the next hand-off", async () => {
    await using bus = await open();
    let failing = true;
    bus.serveDurable(
      {},
      (batch) =>
        failing
          ? Promise.reject(new CodedError("store_full", "Cannot commit: the disk is full"))
          : Promise.resolve(batch.map(accepted)),
    );
    await expect(bus.publishDurable([handoff(1)])).rejects.toMatchObject({
      name: "CodedError",
      code: "store_full",
      message: "Cannot commit: the disk is full",
    });
    failing = false;
    expect(await bus.publishDurable([handoff(2)])).toEqual([accepted(handoff(2))]);
  });

  it("rejects every hand-off with bus_no_responder while nobody takes them", async () => {
    await using bus = await open();
    const stop = new AbortController();
    bus.serveDurable({ signal: stop.signal }, (batch) => Promise.resolve(batch.map(accepted)));
    await bus.publishDurable([handoff(1)]);
    stop.abort();
    const calls = [2, 3, 4].map((n) => bus.publishDurable([handoff(n)]));
    for (const call of calls) await expect(call).rejects.toEqual(coded("bus_no_responder"));
  });
}

function closing(open: OpenBus): void {
  it("says what it is: ready, then closed", async () => {
    const bus = await open();
    expect(bus.status()).toBe("ready");
    await bus[Symbol.asyncDispose]();
    expect(bus.status()).toBe("closed");
    await bus[Symbol.asyncDispose]();
  });

  it("rejects what waits and what comes after with bus_closed", async () => {
    const bus = await open();
    const asked = collector();
    bus.respond("slow", {}, (message) => {
      asked.hear(message);
      return new Promise(() => undefined);
    });
    const waiting = expect(bus.request("slow", bytes(""))).rejects.toEqual(coded("bus_closed"));
    await asked.until(1);
    await bus[Symbol.asyncDispose]();
    await waiting;
    expect(() => bus.publish("a", bytes(""))).toThrow(coded("bus_closed"));
    expect(() => bus.subscribe("a", {}, () => undefined)).toThrow(coded("bus_closed"));
    await expect(bus.request("slow", bytes(""))).rejects.toEqual(coded("bus_closed"));
    await expect(bus.publishDurable([handoff(1)])).rejects.toEqual(coded("bus_closed"));
  });
}
