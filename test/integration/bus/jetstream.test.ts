/**
 * Hand-offs through JetStream: kept while core is away, and brought until core has them.
 *
 * @module
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Bus } from "../../../core/bus/bus.ts";
import { type NatsBusOptions, openNatsBus } from "../../../core/bus/nats.ts";
import { CodedError, type Handoff, type Outcome } from "../../../core/contract/mod.ts";
import { createLogWatch } from "../../support/log_watch.ts";
import { hasNatsServer, type NatsServer, startNatsServer } from "../../support/nats_server.ts";
import { accepted, busSuite, handoff } from "../../suites/bus.ts";

/** Takes hand-offs as `judge` says, and can be waited for. */
function core(judge: (handoff: Handoff, times: number) => Outcome = accepted) {
  const got: string[] = [];
  const times = new Map<string, number>();
  let waiters: { count: number; resolve: () => void }[] = [];
  return {
    got,
    times,
    serve: (handoffs: readonly Handoff[]): Promise<Outcome[]> => {
      const outcomes = handoffs.map((one) => {
        const count = (times.get(one.dedupe_key) ?? 0) + 1;
        times.set(one.dedupe_key, count);
        got.push(one.dedupe_key);
        return judge(one, count);
      });
      for (const waiter of waiters) if (times.size >= waiter.count) waiter.resolve();
      waiters = waiters.filter((waiter) => times.size < waiter.count);
      return Promise.resolve(outcomes);
    },
    /** Resolves when `count` different hand-offs have come. */
    until: (count: number): Promise<void> =>
      times.size >= count
        ? Promise.resolve()
        : new Promise((resolve) => void waiters.push({ count, resolve })),
  };
}

/** Resolves when the stream holds nothing. */
async function emptied(bus: Bus): Promise<void> {
  let messages: number;
  do {
    const { data } = await bus.request("$JS.API.STREAM.INFO.NEXO_INGEST", new Uint8Array());
    const info = JSON.parse(new TextDecoder().decode(data)) as { state: { messages: number } };
    messages = info.state.messages;
  } while (messages > 0);
}

const keys = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `delivery-${from + i}`);

describe.skipIf(!hasNatsServer())("a nats-server with JetStream", () => {
  let server: NatsServer;
  beforeEach(async () => {
    server = await startNatsServer({ jetStream: true });
  });
  afterEach(() => server[Symbol.asyncDispose]());

  const connect = (options: Partial<NatsBusOptions> = {}): Promise<Bus> =>
    openNatsBus({
      url: server.url,
      name: "test",
      now: Date.now,
      log: createLogWatch(),
      jetStream: true,
      ...options,
    });

  busSuite("nats-server with JetStream, not used", () => connect({ jetStream: false }));

  it("accepts hand-offs while no core is there, and brings them in order when one comes", async () => {
    await using edge = await connect({ jetStream: "auto" });
    const sent = Array.from({ length: 600 }, (_, i) => handoff(i));
    expect(await edge.publishDurable(sent)).toEqual(sent.map(accepted));
    const taker = core();
    await using late = await connect();
    late.serveDurable({}, taker.serve);
    await taker.until(600);
    expect(taker.got).toEqual(keys(0, 599));
  });

  it("keeps what it accepted through a crash of the server", async () => {
    {
      await using edge = await connect();
      await edge.publishDurable([handoff(1), handoff(2)]);
    }
    await server.kill();
    await server.start();
    const taker = core();
    await using late = await connect();
    late.serveDurable({}, taker.serve);
    await taker.until(2);
  });

  it("brings a message again after the core that held it vanished", async () => {
    await using edge = await connect();
    const taker = core();
    await using stuck = await connect({ ackWaitMs: 1000 });
    const held = new Promise<void>((taken) => {
      stuck.serveDurable({}, (handoffs) => {
        taken();
        // A core that is gone says nothing; this one only says it too late.
        return taker.until(1).then(() => handoffs.map(accepted));
      });
    });
    await edge.publishDurable([handoff(1)]);
    await held;
    await using next = await connect({ ackWaitMs: 1000 });
    next.serveDurable({}, taker.serve);
    await taker.until(1);
    expect(taker.got).toEqual(["delivery-1"]);
  });

  it("forgets a message once core has it", async () => {
    await using edge = await connect();
    const [first, second] = [core(), core()];
    const stop = new AbortController();
    await using bus = await connect();
    bus.serveDurable({ signal: stop.signal }, first.serve);
    await edge.publishDurable([handoff(1)]);
    await first.until(1);
    stop.abort();
    bus.serveDurable({}, second.serve);
    await edge.publishDurable([handoff(2)]);
    await second.until(1);
    expect(first.got).toEqual(["delivery-1"]);
    expect(second.got).toEqual(["delivery-2"]);
    await emptied(bus);
  });

  it("brings what core could not take yet again, later", async () => {
    await using edge = await connect();
    const full: Outcome = { kind: "refused", code: "store_full", retryable: true };
    const refusing = core((one, times) => times === 1 ? full : accepted(one));
    await using bus = await connect();
    let again = (): void => undefined;
    const cameAgain = new Promise<void>((resolve) => again = resolve);
    bus.serveDurable({}, async (handoffs) => {
      const outcomes = await refusing.serve(handoffs);
      if (outcomes.every(({ kind }) => kind === "accepted")) again();
      return outcomes;
    });
    await edge.publishDurable([handoff(1)]);
    await cameAgain;
    expect(refusing.got).toEqual(["delivery-1", "delivery-1"]);
  });

  it("brings a message again when the commit failed", async () => {
    await using edge = await connect();
    await using bus = await connect();
    const taker = core();
    let failing = true;
    bus.serveDurable({}, (handoffs) => {
      if (!failing) return taker.serve(handoffs);
      failing = false;
      return Promise.reject(new CodedError("store_closed", "Cannot commit: closed"));
    });
    await edge.publishDurable([handoff(1)]);
    await taker.until(1);
  });

  it("logs what core will never take, and does not bring it again", async () => {
    await using edge = await connect();
    const log = createLogWatch();
    await using bus = await connect({ log });
    const never: Outcome = { kind: "refused", code: "invalid_params", retryable: false };
    const taker = core((one) => one.dedupe_key === "delivery-1" ? never : accepted(one));
    bus.serveDurable({}, taker.serve);
    await edge.publishDurable([handoff(1)]);
    expect(await log.until("ingest.refused_for_good")).toEqual({
      source: "suite",
      envelope_id: handoff(1).envelope.envelope_id,
      code: "invalid_params",
    });
    await edge.publishDurable([handoff(2)]);
    await taker.until(2);
    expect(taker.got).toEqual(keys(1, 2));
    await emptied(bus);
  });

  it("keeps sealed hand-offs until a core with the right key comes", async () => {
    const [right, wrong] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
    await using edge = await connect({ sealKey: right });
    await edge.publishDurable([handoff(1, { secret: "tell nobody" })]);
    const log = createLogWatch();
    const [mistaken, taker] = [core(), core()];
    {
      await using bus = await connect({ sealKey: wrong, log });
      bus.serveDurable({}, mistaken.serve);
      expect(await log.until("ingest.message_unreadable")).toMatchObject({
        code: "sealed_unreadable",
      });
    }
    await using bus = await connect({ sealKey: right });
    bus.serveDurable({}, taker.serve);
    await edge.publishDurable([handoff(2)]);
    await taker.until(1);
    expect(mistaken.got).toEqual([]);
    expect(taker.got).toContain("delivery-2");
  });

  it("still answers edges that do not use JetStream", async () => {
    await using bus = await connect();
    await using edge = await connect({ jetStream: false });
    bus.serveDurable({}, core().serve);
    bus.respond("ready", {}, () => Promise.resolve(new Uint8Array()));
    // By the connection that answers: its subscriptions have reached the server then.
    await bus.request("ready", new Uint8Array());
    expect(await edge.publishDurable([handoff(1)])).toEqual([accepted(handoff(1))]);
  });

  it("loses nothing accepted when the server is killed again and again under load", async () => {
    const taker = core();
    await using bus = await connect({ ackWaitMs: 1000 });
    bus.serveDurable({}, taker.serve);
    const log = createLogWatch();
    const reconnects = (): number =>
      log.lines.filter(({ event }) => event === "bus.reconnected").length;
    await using edge = await connect({ log });
    const kept: string[] = [];
    let next = 0;
    let going = true;
    const load = (async () => {
      while (going) {
        const batch = [handoff(next++), handoff(next++)];
        try {
          await edge.publishDurable(batch);
          kept.push(...batch.map((one) => one.dedupe_key));
        } catch (error) {
          expect(error).toMatchObject({ name: "CodedError" });
          // An edge whose bus is away says so at once, again and again.
          if (edge.status() !== "ready") await log.until("bus.reconnected", reconnects() + 1);
        }
      }
    })();
    for (let round = 1; round <= 3; round++) {
      await taker.until(taker.times.size + 40);
      await server.kill();
      await server.start();
      await log.until("bus.reconnected", round);
    }
    await taker.until(taker.times.size + 40);
    going = false;
    await load;
    while (kept.some((key) => !taker.times.has(key))) {
      await taker.until(taker.times.size + 1);
    }
    expect(kept.length).toBeGreaterThan(100);
  });
});
