/**
 * The console of `nexo dev` in Chromium.
 *
 * @module
 */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DaemonPlace, openDaemonPlace, type RunningDaemon } from "../support/daemon.ts";
import {
  CHROMIUM,
  expectAccessible,
  openChromium,
  openPage,
  photograph,
  printedLink,
  SECRET,
  sendWebhook,
  waitForLive,
} from "./support.ts";

describe.skipIf(CHROMIUM === undefined)("the console", () => {
  let browser: Browser;
  let place: DaemonPlace;
  let daemon: RunningDaemon;

  beforeAll(async () => {
    browser = await openChromium();
    place = await openDaemonPlace({ env: { GITHUB_WEBHOOK_SECRET: SECRET } });
    daemon = await place.start();
  });
  afterAll(async () => {
    await browser?.close();
    await place?.[Symbol.asyncDispose]();
  });

  it("is opened by the link that nexo dev prints, once, and leaves no trace of it", async () => {
    const link = printedLink(place.output());
    await using first = await openPage(browser);
    await first.page.goto(link);
    await waitForLive(first.page);
    expect(first.page.url()).toBe(`${daemon.edgeUrl}/console`);
    expect(await first.page.evaluate(() => history.length)).toBeLessThanOrEqual(2);
    await expectAccessible(first.page);
    await photograph(first.page, "live-empty");
    const [cookie] = await first.page.context().cookies();
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Strict", path: "/console" });
    expect(first.problems).toEqual([]);

    await using second = await openPage(browser);
    await second.page.goto(link);
    await second.page.getByText("This link does not work any more").waitFor();
    expect(await second.page.context().cookies()).toEqual([]);
    await expectAccessible(second.page);
    await photograph(second.page, "sign-in-used-link");
  });

  it("shows a webhook grow to its turn, tool call and reply while one watches", async () => {
    await using tab = await openPage(browser);
    await tab.page.goto((await place.nexo("console")).stdout.trim());
    await waitForLive(tab.page);
    const { status } = await sendWebhook(daemon.edgeUrl, { kind: "issues", name: "octo/live" });
    expect(status).toBe(204);
    const card = tab.page.locator("article.card", { hasText: "octo/live" });
    await card.waitFor();
    await expect.poll(() => card.innerText()).toMatch(/github\s+issues[\s\S]+ana[\s\S]+note_add/);
    await expectAccessible(tab.page);
    await photograph(tab.page, "live");
    expect(tab.problems).toEqual([]);
  });
});
