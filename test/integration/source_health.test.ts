/**
 * A source that starts to refuse: told in events and by `nexo doctor`, until it is mended.
 *
 * @module
 */
import { createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type DaemonPlace, openDaemonPlace, type RunningDaemon } from "../support/daemon.ts";
import { openProvider } from "../support/provider.ts";
import { eventually } from "../support/watch.ts";

const SECRET = "a secret of twenty-eight byte";
const KEY = "ab".repeat(32);

const SOURCES = `
enabled: true
sources:
  - { id: github, path: /webhooks/github, preset: github, secret_env: GH_SECRET, account_id: acme }
  - { id: unset, path: /webhooks/unset, preset: stripe, secret_env: "no such secret" }
`;

interface Found {
  readonly area: string;
  readonly level: string;
  readonly subject: string;
  readonly message: string;
}

async function post(url: string, secret: string, delivery: string): Promise<number> {
  using provider = openProvider();
  const body = '{"zen":"Design for failure."}';
  const signature = createHmac("sha256", secret).update(body).digest("hex");
  const headers = {
    "x-hub-signature-256": `sha256=${signature}`,
    "x-github-event": "ping",
    "x-github-delivery": delivery,
  };
  return await provider.post(`${url}/webhooks/github`, { body, headers });
}

async function doctor(place: DaemonPlace): Promise<{ code: number | null; github: Found }> {
  const { code, stdout } = await place.nexo("doctor", "--json");
  const found = JSON.parse(stdout) as Found[];
  const unset = found.find(({ subject }) => subject === "unset");
  expect(unset).toMatchObject({ area: "sources", level: "error" });
  return { code, github: found.find(({ subject }) => subject === "github")! };
}

async function seesRejections(place: DaemonPlace, daemon: RunningDaemon, edgeUrl: string) {
  expect((await doctor(place)).github.level).toBe("ok");
  for (const delivery of ["1", "2", "3", "4"]) {
    expect(await post(edgeUrl, "a secret of somebody else", delivery)).toBe(401);
  }
  const states = async () => {
    const { events } = await daemon.call<{ events: { kind: string; state?: string }[] }>(
      "events/list",
      { account: "acme" },
    );
    return events.filter(({ kind }) => kind === "source_health").map(({ state }) => state);
  };
  await eventually(daemon, async () => (await states()).length === 1 ? true : undefined);
  const ill = await doctor(place);
  expect(ill).toMatchObject({ code: 1, github: { level: "error" } });
  expect(ill.github.message).toContain("signature_mismatch");

  expect(await post(edgeUrl, SECRET, "5")).toBe(204);
  await eventually(daemon, async () => (await states()).length === 2 ? true : undefined);
  expect(await states()).toEqual(["rejecting", "ok"]);
  expect((await doctor(place)).github.level).toBe("ok");
}

describe("nexo doctor", () => {
  it("says that a source rejects, and that it is well again", async () => {
    await using place = await openDaemonPlace({ env: { GH_SECRET: SECRET } });
    await place.writeConfig("webhook_receiver.yaml", SOURCES);
    const daemon = await place.start();
    await seesRejections(place, daemon, daemon.edgeUrl);
    const { stdout } = await place.nexo("doctor");
    expect(stdout).toMatch(/ERROR +sources +unset +secret "no such secret" is missing/);
    expect(await daemon.stop()).toBe(0);
  });

  it("hears of it from an edge elsewhere, sealed", async () => {
    await using place = await openDaemonPlace({ env: { GH_SECRET: SECRET, NEXO_EDGE_KEY: KEY } });
    await place.writeConfig("webhook_receiver.yaml", SOURCES);
    await place.writeConfig("broker.yaml", "broker: { type: embedded, embedded: { port: 0 } }\n");
    const daemon = await place.start("core");
    const token = (await readFile(join(place.home, "keys/broker.token"), "utf8")).trim();
    const natsUrl = daemon.brokerUrl.replace("://", `://${token}@`);
    const edge = await place.startEdge("deno", { NEXO_NATS_URL: natsUrl });
    await seesRejections(place, daemon, edge.url);
    expect(await edge.stop()).toBe(0);
    expect(await daemon.stop()).toBe(0);
  });
});
