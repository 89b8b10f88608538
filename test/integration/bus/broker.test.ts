/**
 * The embedded broker with the NATS driver as its client: the suite, and processes on both sides.
 *
 * @module
 */
import { afterAll, beforeAll, describe } from "vitest";
import { type Broker, openBroker } from "../../../core/bus/broker.ts";
import { type LocalBus, openLocalBus } from "../../../core/bus/local.ts";
import { openNatsBus } from "../../../core/bus/nats.ts";
import { createLogWatch } from "../../support/log_watch.ts";
import { busSuite } from "../../suites/bus.ts";

const token = "a token that nobody guesses";

describe("the embedded broker", () => {
  let local: LocalBus;
  let broker: Broker;
  beforeAll(async () => {
    local = openLocalBus();
    broker = await openBroker({ router: local.router, token, port: 0, log: createLogWatch() });
  });
  afterAll(async () => {
    await broker[Symbol.asyncDispose]();
    await local[Symbol.asyncDispose]();
  });

  busSuite("the embedded broker", () =>
    openNatsBus({
      url: broker.url,
      auth: { token },
      name: "test",
      now: Date.now,
      log: createLogWatch(),
    }));
});
