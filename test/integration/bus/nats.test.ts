/**
 * The NATS driver against a real nats-server: the suite, its bounds, and a server that goes away.
 *
 * @module
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Bus } from "../../../core/bus/bus.ts";
import { type NatsBusOptions, openNatsBus } from "../../../core/bus/nats.ts";
import { subjects } from "../../../core/contract/mod.ts";
import { createLogWatch } from "../../support/log_watch.ts";
import { hasNatsServer, type NatsServer, startNatsServer } from "../../support/nats_server.ts";
import { accepted, busSuite, collector, handoff } from "../../suites/bus.ts";

const none = new Uint8Array();
const coded = (code: string) => expect.objectContaining({ name: "CodedError", code }) as unknown;

function connect(url: string, options: Partial<NatsBusOptions> = {}): Promise<Bus> {
  const log = createLogWatch();
  return openNatsBus({ url, name: "test", now: Date.now, log, jetStream: false, ...options });
}

describe.skipIf(!hasNatsServer())("a plain nats-server", () => {
  let server: NatsServer;
  beforeAll(async () => {
    server = await startNatsServer();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  busSuite("nats-server", () => connect(server.url));
  busSuite(
    "nats-server, sealed",
    () => connect(server.url, { sealKey: new Uint8Array(32).fill(7) }),
  );

  it("carries messages and hand-offs between processes", async () => {
    await using core = await connect(server.url);
    await using left = await connect(server.url);
    await using right = await connect(server.url);
    const got: string[] = [];
    core.serveDurable({}, (batch) => {
      got.push(...batch.map(({ dedupe_key }) => dedupe_key));
      return Promise.resolve(batch.map(accepted));
    });
    core.respond("ready", {}, () => Promise.resolve(none));
    // An answer says that the server knows the subscriptions made before.
    await core.request("ready", none);
    const outcomes = await Promise.all([
      left.publishDurable([handoff(1), handoff(2, { raw_base64: "/wB7" })]),
      right.publishDurable([handoff(3)]),
    ]);
    expect(outcomes.flat()).toEqual([1, 2, 3].map((n) => accepted(handoff(n))));
    expect(got.sort()).toEqual(["delivery-1", "delivery-2", "delivery-3"]);
  });

  it("refuses hand-offs sealed with another key, sealed where none is expected, and unsealed", async () => {
    const keys = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2), undefined];
    for (const coreKey of keys) {
      await using core = await connect(server.url, { sealKey: coreKey });
      core.serveDurable({}, (batch) => Promise.resolve(batch.map(accepted)));
      core.respond("ready", {}, () => Promise.resolve(none));
      await core.request("ready", none);
      for (const edgeKey of keys) {
        await using edge = await connect(server.url, { sealKey: edgeKey });
        const outcome = edge.publishDurable([handoff(1)]);
        if (edgeKey === coreKey) expect(await outcome).toEqual([accepted(handoff(1))]);
        else await expect(outcome).rejects.toEqual(coded("sealed_unreadable"));
      }
    }
  });

  it("does not let core mistake anything else for a hand-off", async () => {
    await using bus = await connect(server.url);
    let served = 0;
    bus.serveDurable({}, (batch) => {
      served += 1;
      return Promise.resolve(batch.map(accepted));
    });
    const says = (text: string) =>
      bus.request(subjects.ingest, new TextEncoder().encode(`\x01${text}`));
    for (const text of ["{", "{}\n", '{"body_bytes":9}\n\n', "\n", "[]\n\n"]) {
      await expect(says(text)).rejects.toEqual(coded("envelope_invalid"));
    }
    await expect(bus.request(subjects.ingest, none)).rejects.toEqual(coded("sealed_unreadable"));
    expect(served).toBe(0);
  });

  it("has no JetStream: says so when asked for it, and does without when it may", async () => {
    await expect(connect(server.url, { jetStream: true })).rejects.toEqual(coded("config_invalid"));
    await using bus = await connect(server.url, { jetStream: "auto" });
    await expect(bus.publishDurable([handoff(1)])).rejects.toEqual(coded("bus_no_responder"));
  });

  it("refuses requests beyond what a responder may have under way", async () => {
    await using bus = await connect(server.url, { answerLimit: 2 });
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => release = resolve);
    bus.respond("slow", {}, () => gate.then(() => none));
    const first = [bus.request("slow", none), bus.request("slow", none)];
    await expect(bus.request("slow", none)).rejects.toEqual(coded("bus_overflow"));
    release();
    await Promise.all(first);
    await bus.request("slow", none);
  });

  it("logs what a subscriber throws and goes on with the others", async () => {
    const log = createLogWatch();
    await using bus = await connect(server.url, { log });
    const heard = collector();
    bus.subscribe("a", {}, () => {
      throw new Error("mine");
    });
    bus.subscribe("a", {}, heard.hear);
    bus.publish("a", none);
    bus.publish("a", none);
    await heard.until(2);
    expect(await log.until("bus.subscriber_failed", 2)).toMatchObject({ pattern: "a" });
  });

  it("refuses headers that could forge others", async () => {
    await using bus = await connect(server.url);
    for (const headers of [{ a: "b\r\nNexo-Account: evil" }, { "a:b": "c" }, { "a\r\nb": "c" }]) {
      expect(() => bus.publish("a", none, headers)).toThrow(TypeError);
    }
  });
});

describe.skipIf(!hasNatsServer())("a nats-server with a small max_payload", () => {
  it("names the message that is too large, whether asked, told, answered or handed off", async () => {
    await using server = await startNatsServer({ maxPayloadBytes: 8192 });
    await using bus = await connect(server.url);
    const large = new Uint8Array(9000);
    expect(() => bus.publish("a", large)).toThrow(coded("bus_too_large"));
    await expect(bus.request("a", large)).rejects.toEqual(coded("bus_too_large"));
    bus.respond("large", {}, () => Promise.resolve(large));
    await expect(bus.request("large", none)).rejects.toEqual(coded("bus_too_large"));

    bus.serveDurable({}, (batch) => Promise.resolve(batch.map(accepted)));
    const calls = [1, 2, 3].map((n) =>
      bus.publishDurable([handoff(n, n === 2 ? "x".repeat(9000) : "x".repeat(5000))])
    );
    await expect(calls[1]).rejects.toEqual(coded("bus_too_large"));
    expect(await Promise.all([calls[0], calls[2]])).toEqual(
      [1, 3].map((n) => [accepted(handoff(n))]),
    );
  });
});

describe.skipIf(!hasNatsServer())("a nats-server that goes away", () => {
  it("fails the first connection at once, with the reason", async () => {
    await using server = await startNatsServer();
    await server.kill();
    await expect(connect(server.url)).rejects.toMatchObject({
      code: "bus_unreachable",
      message: expect.stringContaining("ECONNREFUSED") as string,
    });
  });

  it("comes back: what was under way fails, and subscriptions are restored", async () => {
    await using server = await startNatsServer();
    const log = createLogWatch();
    await using bus = await connect(server.url, { log });
    const heard = collector();
    const asked = collector();
    bus.subscribe("a.*", {}, heard.hear);
    bus.respond("echo", { queue: "g" }, ({ data }) => Promise.resolve(data));
    bus.respond("slow", {}, (message) => {
      asked.hear(message);
      return new Promise(() => undefined);
    });
    bus.serveDurable({}, (batch) => Promise.resolve(batch.map(accepted)));
    const underWay = expect(bus.request("slow", none, { timeoutMs: 3_600_000 })).rejects.toEqual(
      coded("bus_unreachable"),
    );
    await asked.until(1);

    await server.kill();
    await underWay;
    expect(bus.status()).toBe("reconnecting");
    expect(() => bus.publish("a.1", none)).toThrow(coded("bus_unreachable"));
    await expect(bus.request("echo", none)).rejects.toEqual(coded("bus_unreachable"));
    await expect(bus.publishDurable([handoff(1)])).rejects.toEqual(coded("bus_unreachable"));

    await server.start();
    await log.until("bus.reconnected");
    expect(bus.status()).toBe("ready");
    bus.publish("a.2", none);
    expect((await heard.until(1)).map(({ subject }) => subject)).toEqual(["a.2"]);
    expect((await bus.request("echo", Uint8Array.of(5))).data).toEqual(Uint8Array.of(5));
    expect(await bus.publishDurable([handoff(1)])).toEqual([accepted(handoff(1))]);
  });

  it("takes subscriptions made while it is away", async () => {
    await using server = await startNatsServer();
    const log = createLogWatch();
    await using bus = await connect(server.url, { log });
    await server.kill();
    await log.until("bus.lost");
    const heard = collector();
    const stop = new AbortController();
    bus.subscribe("a", {}, heard.hear);
    bus.subscribe("a", { signal: stop.signal }, heard.hear);
    stop.abort();
    await server.start();
    await log.until("bus.reconnected");
    bus.publish("a", none);
    bus.respond("last", {}, () => Promise.resolve(none));
    await bus.request("last", none);
    expect(heard.heard).toHaveLength(1);
  });

  it("is closed without waiting for it", async () => {
    await using server = await startNatsServer();
    const log = createLogWatch();
    const bus = await connect(server.url, { log });
    await server.kill();
    await log.until("bus.lost");
    await bus[Symbol.asyncDispose]();
    expect(bus.status()).toBe("closed");
  });

  it("is found again after the client library gave up on refused credentials", async () => {
    await using server = await startNatsServer({ auth: { token: "first" } });
    const log = createLogWatch();
    await using bus = await connect(server.url, { log, auth: { token: "first" } });
    const heard = collector();
    bus.subscribe("a", {}, heard.hear);
    bus.respond("echo", {}, ({ data }) => Promise.resolve(data));
    await server.kill();
    await server.start({ auth: { token: "second" } });
    await log.until("bus.given_up");
    expect(bus.status()).toBe("reconnecting");
    expect(await log.until("bus.reopen_failed")).toMatchObject({ code: "bus_unauthorized" });
    await server.kill();
    await server.start({ auth: { token: "first" } });
    await log.until("bus.reconnected");
    bus.publish("a", none);
    await heard.until(1);
    expect((await bus.request("echo", Uint8Array.of(9))).data).toEqual(Uint8Array.of(9));
    expect(bus.status()).toBe("ready");
  });
});
