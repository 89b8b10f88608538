/**
 * The NATS driver against a real nats-server: the suite, sign-in, and what happens when it goes away.
 *
 * @module
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type NatsBusOptions, openNatsBus } from "../../../core/bus/nats.ts";
import type { Bus } from "../../../core/bus/bus.ts";
import { hasNatsServer, type NatsServer, startNatsServer } from "../../support/nats_server.ts";
import { busSuite } from "../../suites/bus.ts";

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const connect = (url: string, options: Partial<NatsBusOptions> = {}): Promise<Bus> =>
  openNatsBus({ url, name: "test", now: Date.now, log: quiet, jetStream: false, ...options });

describe.skipIf(!hasNatsServer())("nats-server", () => {
  let server: NatsServer;
  beforeAll(async () => {
    server = await startNatsServer();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  busSuite("nats-server", () => connect(server.url));
});
