/**
 * Microapps' HTTP through edges of their own processes, over a real NATS server, sealed.
 *
 * @module
 */
import { afterAll, beforeAll } from "vitest";
import { appsSuite } from "../suites/apps.ts";
import { type DaemonPlace, openDaemonPlace } from "../support/daemon.ts";
import { type NatsServer, startNatsServer } from "../support/nats_server.ts";
import { installWeb, webReady } from "../support/web_microapp.ts";

const EDGE_KEY = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

let nats: NatsServer;
let place: DaemonPlace;

beforeAll(async () => {
  nats = await startNatsServer();
  place = await openDaemonPlace({
    env: { NEXO_NATS_URL: nats.url, NEXO_EDGE_KEY: EDGE_KEY },
  });
  await installWeb(place);
  await webReady(await place.start("core"));
});

afterAll(async () => {
  await place[Symbol.asyncDispose]();
  await nats[Symbol.asyncDispose]();
});

for (const runtime of ["node", "deno"] as const) {
  appsSuite(`a ${runtime} edge over NATS`, async () => {
    const edge = await place.startEdge(runtime);
    return {
      url: edge.url,
      async [Symbol.asyncDispose]() {
        await edge.stop();
      },
    };
  }, { largeMiB: runtime === "node" ? 100 : 16 });
}
