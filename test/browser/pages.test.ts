/**
 * Every page of the console, in both colours, on a phone, by keyboard, and through trouble.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DaemonPlace, openDaemonPlace, type RunningDaemon } from "../support/daemon.ts";
import { freePort } from "../support/free_port.ts";
import { eventually, tailTurns } from "../support/watch.ts";
import {
  CHROMIUM,
  expectAccessible,
  expectGoodInBothSchemes,
  openChromium,
  openPage,
  photograph,
  SECRET,
  sendWebhook,
  waitForLive,
} from "./support.ts";

const PHONE = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true };
const MAX_FIRST_LOAD_BYTES = 60_000;

describe.skipIf(CHROMIUM === undefined)("the console's pages", () => {
  let browser: Browser;
  let place: DaemonPlace;
  let daemon: RunningDaemon;
  let envelopeId: string;
  let turnId: string;

  beforeAll(async () => {
    browser = await openChromium();
    place = await openDaemonPlace({
      env: { GITHUB_WEBHOOK_SECRET: SECRET, NEXO_PORT: String(await freePort()) },
    });
    daemon = await place.start();
    const { delivery } = await sendWebhook(daemon.edgeUrl, { name: "octo/first" });
    await sendWebhook(daemon.edgeUrl, { kind: "issues", name: "octo/second" });
    await sendWebhook(daemon.edgeUrl, { secret: "a wrong secret" });
    const turn = await eventually(daemon, async () => {
      const turns = await tailTurns(daemon, { account: "acme" });
      return turns.length < 2
        ? undefined
        : turns.find(({ delivery_id }) => delivery_id === delivery);
    });
    envelopeId = turn.envelope_id ?? "";
    turnId = turn.turn_id;
  });
  afterAll(async () => {
    await browser?.close();
    await place?.[Symbol.asyncDispose]();
  });

  async function signIn(page: Page): Promise<void> {
    await page.goto((await place.nexo("console")).stdout.trim());
    await waitForLive(page);
  }

  const pages = (): readonly (readonly [name: string, path: string, text: string])[] => [
    ["live", "live", "note_add"],
    ["deliveries", "deliveries", "hmac-sha256"],
    ["deliveries-dead", "deliveries?view=dead", "No dead letters"],
    ["deliveries-refused", "deliveries?view=refused", "unauthorized"],
    ["delivery", `deliveries/${envelopeId}`, "passed: hmac-sha256"],
    ["turns", "turns", "event:github"],
    ["turn", `turns/${turnId}`, "offline / rules"],
    ["tenants", "tenants", "Acme Corporation"],
    ["tenant", "tenants/acme", "Models in these 30 days"],
    ["channels", "channels", "Answered by"],
    ["microapps", "microapps", "Standard error"],
    ["events", "events", "ext_notebook_note_add"],
    ["audit", "audit", "Hash chains"],
    ["health", "health", "All 8 checks are well"],
    ["nowhere", "nowhere", "Nothing is here"],
  ];

  it.each([{ view: "desk", options: {} }, { view: "phone", options: PHONE }] as const)(
    "can be used by everybody: $view",
    async ({ view, options }) => {
      await using tab = await openPage(browser, options);
      const { page } = tab;
      await signIn(page);
      for (const [name, path, text] of pages()) {
        // A deep link, as after a reload.
        await page.goto(`${daemon.edgeUrl}/console/${path}`);
        await page.getByText(text).first().waitFor();
        await waitForLive(page);
        await expectGoodInBothSchemes(page, `${name}-${view}`);
      }
      expect(tab.problems).toEqual([]);
    },
  );

  it("replays a delivery after a question, and leads to what became of it", async () => {
    await using tab = await openPage(browser);
    const { page } = tab;
    await signIn(page);
    await page.goto(`${daemon.edgeUrl}/console/deliveries/${envelopeId}`);
    await page.getByRole("button", { name: "Replay" }).click();
    const dialog = page.getByRole("dialog");
    await expectAccessible(page);
    await photograph(page, "replay");
    await dialog.getByRole("button", { name: "Replay" }).click();
    await page.getByText("Replayed as a new delivery").getByRole("link").click();
    await page.getByText("Replay of").waitFor();
    await expect.poll(() => page.locator("ol.chain").innerText()).toMatch(/ana[\s\S]+ok/);
    await page.getByRole("button", { name: "Show request" }).click();
    await page.getByText('"full_name": "octo/first"').waitFor();
    await page.getByText("user-agent").waitFor();
    expect(tab.problems).toEqual([]);
  });

  it("names who else has a conversation open, for as long as they have", async () => {
    await using mine = await openPage(browser);
    await signIn(mine.page);
    await mine.page.goto(`${daemon.edgeUrl}/console/turns/${turnId}`);
    await mine.page.getByText("offline / rules").first().waitFor();
    {
      await using hers = await openPage(browser);
      const token = (await place.nexo(
        ..."token create --scope operator --subject".split(" "),
        "ana@acme.example",
      )).stdout.trim();
      await hers.page.goto(`${daemon.edgeUrl}/console/turns/${turnId}`);
      await hers.page.getByLabel("Operator token").fill(token);
      await hers.page.getByRole("button", { name: "Sign in" }).click();
      await mine.page.getByText("Also at this conversation: ana@acme.example").waitFor();
      await hers.page.getByText("Also at this conversation: ").waitFor();
      await expectAccessible(mine.page);
      await photograph(mine.page, "presence");
    }
    await expect.poll(() => mine.page.getByText("Also at this conversation").count()).toBe(0);
    expect(mine.problems).toEqual([]);
  });

  it("restarts a microapp and shows its new process", async () => {
    await using tab = await openPage(browser);
    const { page } = tab;
    await signIn(page);
    await page.goto(`${daemon.edgeUrl}/console/microapps`);
    const [before] = (await daemon.call<{ microapps: { pid: number }[] }>("ext/status")).microapps;
    const shown = page.locator("dl.facts > div").filter({ hasText: /^Process/ }).locator("dd");
    await expect.poll(() => shown.innerText()).toBe(String(before?.pid));
    await page.getByRole("button", { name: "Restart" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Restart" }).click();
    await expect.poll(async () => {
      const [now] = (await daemon.call<{ microapps: { pid: number | null }[] }>("ext/status"))
        .microapps;
      return now?.pid !== null && now?.pid !== before?.pid &&
        await shown.innerText() === String(now?.pid);
    }).toBe(true);
  });

  it("draws what flows, and a spark for what passes", async () => {
    await using tab = await openPage(browser);
    const { page } = tab;
    await signIn(page);
    const nodes = page.locator("[data-node]");
    const stages = ["in github", "agent ana", "tool ext_notebook_note_add"];
    for (const id of stages) await page.locator(`[data-node="${id}"]`).waitFor();
    expect(await page.locator("path.way").count()).toBe(2);
    expect(await page.locator("path.spark").count()).toBe(0);
    const said = await daemon.call<{ outcome: string }>("chat", {
      instance: "acme",
      text: "hello",
    });
    expect(said.outcome).toBe("ok");
    await page.locator('[data-node="out webchat:acme"]').waitFor();
    await page.locator("path.spark").first().waitFor({ state: "attached" });
    await photograph(page, "map");
    expect(await nodes.count()).toBe(5);
    expect(tab.problems).toEqual([]);
  });

  it("verifies the chains, and finds a broken file with its place", async () => {
    await using tab = await openPage(browser);
    const { page } = tab;
    await signIn(page);
    await page.goto(`${daemon.edgeUrl}/console/audit`);
    await page.getByRole("button", { name: "Verify" }).click();
    await page.getByText(/^All \d+ chains hold/).waitFor();
    await page.getByText("Chain by chain").click();
    await expectAccessible(page);
    await page.goto(`${daemon.edgeUrl}/console/health`);
    const file = join(place.configDir, "tenants.yaml");
    const whole = await readFile(file, "utf8");
    await place.writeConfig("tenants.yaml", "tenants: [");
    await page.getByRole("button", { name: "Reload" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Reload" }).click();
    await page.getByRole("dialog").getByRole("alert").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("button", { name: "Look again" }).click();
    await page.getByText("the version before stays in force").waitFor();
    await page.getByText(/^tenants\.yaml:1:/).waitFor();
    await expectAccessible(page);
    await photograph(page, "config-refused");
    await place.writeConfig("tenants.yaml", whole);
    await daemon.call("reload");
    expect(tab.problems).toEqual([]);
  });

  it("can be used by keyboard alone", async () => {
    await using tab = await openPage(browser);
    const { page } = tab;
    await signIn(page);
    await page.keyboard.press("g");
    await page.keyboard.press("d");
    await page.waitForURL(/\/console\/deliveries$/);
    await page.locator("[data-row]").first().waitFor();
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    await page.keyboard.press("k");
    const row = await page.evaluate(() => document.activeElement?.getAttribute("href"));
    expect(row).toBe(await page.locator("[data-row]").first().getAttribute("href"));
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/console\/deliveries\/[0-9a-f-]{36}$/);
    await page.keyboard.press("g");
    await page.keyboard.press("l");
    await page.keyboard.press("/");
    await page.keyboard.type("jp?nothing like it");
    await page.getByText("Nothing here fits the filters").waitFor();
    expect(new URL(page.url()).searchParams.get("q")).toBe("jp?nothing like it");
    await page.locator("h1").click();
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keyboard" }).waitFor();
    await expectAccessible(page);
    await photograph(page, "help");
    await page.keyboard.press("Escape");
    await expect.poll(() => page.getByRole("dialog").count()).toBe(0);
    await page.keyboard.press("p");
    await page.getByRole("button", { name: "Resume" }).waitFor();
  });

  it("outlives a killed daemon, and shows what came meanwhile", async () => {
    await using tab = await openPage(browser);
    const { page } = tab;
    await signIn(page);
    await daemon.kill();
    await page.getByText("The connection to the edge is lost").waitFor();
    await expectAccessible(page);
    await photograph(page, "lost");
    daemon = await place.start();
    const { status } = await sendWebhook(daemon.edgeUrl, { name: "octo/meanwhile" });
    expect(status).toBe(204);
    const card = page.locator("article.card", { hasText: "octo/meanwhile" });
    await card.waitFor();
    await waitForLive(page);
    expect(await page.getByText("The connection to the edge is lost").count()).toBe(0);
  });

  it("says when the session has ended, and goes on after signing in with nothing lost", async () => {
    await using tab = await openPage(browser);
    const { page } = tab;
    await signIn(page);
    await page.getByRole("searchbox").fill("octo/");
    const [cookie] = await page.context().cookies();
    const payload = cookie?.value.split(".")[1] ?? "";
    const { jti } = JSON.parse(Buffer.from(payload, "base64url").toString()) as { jti: string };
    await daemon.call("token/revoke", { jti });
    await page.getByRole("dialog", { name: "Your session has ended" }).waitFor();
    await expectAccessible(page);
    await photograph(page, "session-ended");
    const token = (await place.nexo("token", "create", "--scope", "operator")).stdout.trim();
    await page.getByLabel("Operator token").fill("not a token");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("This token does not open the console").waitFor();
    await page.getByLabel("Operator token").fill(token);
    await page.getByRole("button", { name: "Sign in" }).click();
    await waitForLive(page);
    expect(await page.getByRole("searchbox").inputValue()).toBe("octo/");
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    expect(await page.context().cookies()).toEqual([]);
    await expectAccessible(page);
    await photograph(page, "sign-in");
  });

  it("loads first with less than 60 kB", async () => {
    const gzip = { "accept-encoding": "gzip" };
    const index = await (await fetch(`${daemon.edgeUrl}/console`)).text();
    const files = [...index.matchAll(/(?:href|src)="(\/console\/[^"]+)"/g)].map(([, path]) => path);
    expect(files).toHaveLength(2);
    let bytes = index.length;
    for (const file of files) {
      const response = await fetch(`${daemon.edgeUrl}${file}`, { headers: gzip });
      expect(response.headers.get("content-encoding")).toBe("gzip");
      expect(response.headers.get("cache-control")).toContain("immutable");
      bytes += Number(response.headers.get("content-length"));
      const again = await fetch(`${daemon.edgeUrl}${file}`, {
        headers: { "if-none-match": response.headers.get("etag") ?? "" },
      });
      expect(again.status).toBe(304);
    }
    expect(bytes).toBeGreaterThan(10_000);
    expect(bytes).toBeLessThan(MAX_FIRST_LOAD_BYTES);
  });
});
