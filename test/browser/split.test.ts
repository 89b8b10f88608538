/**
 * The console on edges of their own: Deno and Node, embedded broker and NATS, one and two.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DaemonPlace, openDaemonPlace } from "../support/daemon.ts";
import { startNatsServer } from "../support/nats_server.ts";
import {
  CHROMIUM,
  EDGE_KEY,
  openChromium,
  openPage,
  photograph,
  SECRET,
  sendWebhook,
  waitForLive,
} from "./support.ts";

const TOKEN = "a token of the bus";

/** Signs in at an edge that runs apart from its core. */
async function signIn(page: Page, place: DaemonPlace, edgeUrl: string): Promise<void> {
  const { stdout } = await place.nexo("console", "--edge", edgeUrl);
  await page.goto(stdout.trim());
  await waitForLive(page);
}

/** The webhook that went in at `edgeUrl` is on the page, with its turn and tool call, without a reload. */
async function expectWebhookLive(page: Page, edgeUrl: string, name: string): Promise<void> {
  expect((await sendWebhook(edgeUrl, { name })).status).toBe(204);
  const card = page.locator("article.card", { hasText: name });
  await expect.poll(() => card.innerText()).toMatch(/note_add[\s\S]+Saved/);
}

describe.skipIf(CHROMIUM === undefined)("the console of an edge apart from its core", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openChromium();
  });
  afterAll(() => browser?.close());

  it("shows a webhook live on Deno over the embedded broker", async () => {
    await using place = await openDaemonPlace({
      env: { GITHUB_WEBHOOK_SECRET: SECRET, NEXO_EDGE_KEY: EDGE_KEY },
    });
    await place.writeConfig("broker.yaml", "broker: { type: embedded, embedded: { port: 0 } }\n");
    const core = await place.start("core");
    const token = (await readFile(join(place.home, "keys/broker.token"), "utf8")).trim();
    const edge = await place.startEdge("deno", {
      NEXO_NATS_URL: core.brokerUrl.replace("://", `://${token}@`),
    });
    await using tab = await openPage(browser);
    await signIn(tab.page, place, edge.url);
    await expectWebhookLive(tab.page, edge.url, "octo/deno");
    await photograph(tab.page, "live-deno");
    expect(tab.problems).toEqual([]);
  });

  it("shows at either of two edges, Deno and Node over JetStream, what came in at the other", async () => {
    await using nats = await startNatsServer({ jetStream: true, auth: { token: TOKEN } });
    await using place = await openDaemonPlace({
      env: {
        NEXO_NATS_URL: nats.url.replace("://", `://${encodeURIComponent(TOKEN)}@`),
        GITHUB_WEBHOOK_SECRET: SECRET,
        NEXO_EDGE_KEY: EDGE_KEY,
      },
    });
    await place.start("core");
    const deno = await place.startEdge("deno");
    const node = await place.startEdge("node");
    await using atDeno = await openPage(browser);
    await using atNode = await openPage(browser);
    await signIn(atDeno.page, place, deno.url);
    await signIn(atNode.page, place, node.url);
    await expectWebhookLive(atDeno.page, node.url, "octo/by-node");
    await expectWebhookLive(atNode.page, deno.url, "octo/by-deno");
    expect([...atDeno.problems, ...atNode.problems]).toEqual([]);
  });
});
