/**
 * Core and edge as two processes on a real NATS server.
 *
 * @module
 */
import { createHmac, randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type DaemonPlace, openDaemonPlace } from "../support/daemon.ts";
import { startNatsServer } from "../support/nats_server.ts";
import { eventually, tailTurns } from "../support/watch.ts";

const SECRET = "a secret of the split";
const EDGE_KEY = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const TOKEN = "a token of the bus";

function openSplit(natsUrl: string, extra: Record<string, string> = {}): Promise<DaemonPlace> {
  return openDaemonPlace({
    env: {
      NEXO_NATS_URL: natsUrl.replace("://", `://${encodeURIComponent(TOKEN)}@`),
      GITHUB_WEBHOOK_SECRET: SECRET,
      ...extra,
    },
  });
}

function send(edgeUrl: string, delivery: string, secret = SECRET): Promise<Response> {
  const body = JSON.stringify({ repository: { full_name: `octo/${delivery}` } });
  const signature = createHmac("sha256", secret).update(body).digest("hex");
  return fetch(`${edgeUrl}/webhooks/github`, {
    method: "POST",
    body,
    headers: {
      "content-type": "application/json",
      "x-hub-signature-256": `sha256=${signature}`,
      "x-github-event": "push",
      "x-github-delivery": delivery,
    },
  });
}

describe("a core and an edge apart", () => {
  it.each(
    [
      { runtime: "node", jetStream: false },
      { runtime: "node", jetStream: true },
      { runtime: "deno", jetStream: false },
      { runtime: "deno", jetStream: true },
    ] as const,
  )(
    "take a webhook to its turn, sealed and deduplicated: $runtime edge, JetStream $jetStream",
    async ({ runtime, jetStream }) => {
      await using nats = await startNatsServer({ jetStream, auth: { token: TOKEN } });
      await using place = await openSplit(nats.url, { NEXO_EDGE_KEY: EDGE_KEY });
      const core = await place.start("core");
      const edge = await place.startEdge(runtime);
      const delivery = randomUUID();
      expect((await send(edge.url, delivery)).status).toBe(204);
      expect((await send(edge.url, delivery)).status).toBe(204);
      expect((await send(edge.url, randomUUID(), "another secret")).status).toBe(401);
      const turn = await eventually(
        core,
        async () =>
          (await tailTurns(core, { account: "acme" })).find(({ delivery_id }) =>
            delivery_id === delivery
          ),
      );
      expect(turn).toMatchObject({ outcome: "ok", account_id: "acme" });
      expect(await tailTurns(core, { account: "acme" })).toHaveLength(1);
      await edge.stop();
      await core.stop();
    },
  );

  it.each(["node", "deno"] as const)(
    "need no NATS server with the embedded broker (%s edge)",
    async (runtime) => {
      await using place = await openDaemonPlace({
        env: { GITHUB_WEBHOOK_SECRET: SECRET, NEXO_EDGE_KEY: EDGE_KEY },
      });
      await place.writeConfig("broker.yaml", "broker: { type: embedded, embedded: { port: 0 } }\n");
      const core = await place.start("core");
      const token = (await readFile(join(place.home, "keys/broker.token"), "utf8")).trim();
      const url = core.brokerUrl.replace("://", `://${token}@`);
      const edge = await place.startEdge(runtime, { NEXO_NATS_URL: url });
      const delivery = randomUUID();
      expect((await send(edge.url, delivery)).status).toBe(204);
      await eventually(
        core,
        async () =>
          (await tailTurns(core, { account: "acme" })).find(({ delivery_id }) =>
            delivery_id === delivery
          ),
      );
    },
  );

  it("answers 503 with Retry-After while core is away and nothing else can keep the event", async () => {
    await using nats = await startNatsServer({ jetStream: false, auth: { token: TOKEN } });
    await using place = await openSplit(nats.url, { NEXO_EDGE_KEY: EDGE_KEY });
    const core = await place.start("core");
    const edge = await place.startEdge();
    await core.kill();
    const refused = await send(edge.url, randomUUID());
    expect(refused.status).toBe(503);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    await place.start("core");
    expect((await send(edge.url, randomUUID())).status).toBe(204);
  });

  it("keeps accepting with JetStream while core is away, and loses nothing of it", async () => {
    await using nats = await startNatsServer({ jetStream: true, auth: { token: TOKEN } });
    await using place = await openSplit(nats.url, { NEXO_EDGE_KEY: EDGE_KEY });
    const first = await place.start("core");
    const edge = await place.startEdge();
    await first.kill();
    const deliveries = Array.from({ length: 20 }, () => randomUUID());
    const answers = await Promise.all(deliveries.map((delivery) => send(edge.url, delivery)));
    expect(answers.map(({ status }) => status)).toEqual(deliveries.map(() => 204));
    const core = await place.start("core");
    await eventually(
      core,
      async () =>
        (await tailTurns(core, { account: "acme" })).length >= deliveries.length ? true : undefined,
    );
    const seen = (await tailTurns(core, { account: "acme" })).map(({ delivery_id }) => delivery_id);
    expect(new Set(seen)).toEqual(new Set(deliveries));
    expect(seen).toHaveLength(deliveries.length);
  });

  it("without NEXO_EDGE_KEY verifies with the secret in the edge's own environment", async () => {
    await using nats = await startNatsServer({ jetStream: false, auth: { token: TOKEN } });
    await using place = await openSplit(nats.url);
    await place.start("core");
    const edge = await place.startEdge();
    expect((await send(edge.url, randomUUID())).status).toBe(204);
  });

  it("fails fast and says why when the bus refuses it", async () => {
    await using nats = await startNatsServer({ jetStream: false, auth: { token: "another" } });
    await using place = await openSplit(nats.url);
    const { code, stderr } = await place.nexo("edge");
    expect(code).toBe(1);
    expect(stderr).toContain("[bus_unauthorized]");
  });
});
