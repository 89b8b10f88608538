/**
 * The embedded broker with the NATS driver as its client: the suite, across every seam.
 *
 * @module
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Broker, openBroker } from "../../../core/bus/broker.ts";
import { openHandoffBridge } from "../../../core/bus/broker_handoffs.ts";
import type { Bus } from "../../../core/bus/bus.ts";
import { type LocalBus, openLocalBus } from "../../../core/bus/local.ts";
import { openNatsBus } from "../../../core/bus/nats.ts";
import { createLogWatch } from "../../support/log_watch.ts";
import { accepted, busSuite, handoff } from "../../suites/bus.ts";

const token = "a token that nobody guesses";
const sealKey = new Uint8Array(32).fill(9);

describe("the embedded broker", () => {
  let local: LocalBus;
  let broker: Broker;
  beforeEach(async () => {
    local = openLocalBus();
    broker = await openBroker({ router: local.router, token, port: 0, log: createLogWatch() });
  });
  afterEach(async () => {
    await broker[Symbol.asyncDispose]();
    await local[Symbol.asyncDispose]();
  });

  const connect = (key?: Uint8Array): Promise<Bus> =>
    openNatsBus({
      url: broker.url,
      auth: { token },
      name: "test",
      sealKey: key,
      now: Date.now,
      log: createLogWatch(),
    });

  busSuite("two clients' worth on one connection", () => connect());

  busSuite("an edge elsewhere asks and tells core", async () => {
    await openHandoffBridge({ bus: local, sealKey });
    const remote = await connect(sealKey);
    return {
      ...remote,
      subscribe(pattern, options, handler) {
        if (remote.status() === "closed") remote.subscribe(pattern, options, handler);
        local.subscribe(pattern, options, handler);
      },
      respond: (pattern, options, handler) => local.respond(pattern, options, handler),
      serveDurable: (options, handler) => local.serveDurable(options, handler),
    };
  });

  it("takes hand-offs of edges elsewhere only when they are sealed as core wants it", async () => {
    using _bridge = await openHandoffBridge({ bus: local, sealKey });
    local.serveDurable({}, (batch) => Promise.resolve(batch.map(accepted)));
    await using right = await connect(sealKey);
    await using wrong = await connect(new Uint8Array(32));
    await using none = await connect();
    expect(await right.publishDurable([handoff(1)])).toEqual([accepted(handoff(1))]);
    for (const edge of [wrong, none]) {
      await expect(edge.publishDurable([handoff(1)])).rejects.toMatchObject({
        code: "sealed_unreadable",
      });
    }
  });
});
