/**
 * The walkthrough, from the owner's first sign-in to an agent that knows what a person promised.
 *
 * The tests are one story and run in order.
 *
 * @module
 */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, tailTurns } from "../support/watch.ts";
import { BOT_TOKEN, type Business, DRIP_CAP, openBusiness, signIn } from "./saas.ts";
import {
  CHROMIUM,
  expectAccessible,
  openChromium,
  openPage,
  photograph,
  type WatchedPage,
} from "./support.ts";

const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

describe.skipIf(CHROMIUM === undefined)("a SaaS of one's own", () => {
  let browser: Browser;
  let shop: Business;
  let owner: WatchedPage;
  const codes: Record<string, string> = {};

  beforeAll(async () => {
    [browser, shop] = await Promise.all([openChromium(), openBusiness()]);
    owner = await openPage(browser);
  });
  afterAll(async () => {
    await browser?.close();
    await shop?.[Symbol.asyncDispose]();
  });

  const photo = (name: string) => photograph(owner.page, `walkthrough-${name}`);

  async function addCustomer(name: string, id: string): Promise<void> {
    const { page } = owner;
    await page.goto(`${shop.url}#/`);
    await page.getByLabel("Name", { exact: true }).fill(name);
    await page.getByLabel("Id").fill(id);
    await page.getByRole("button", { name: "Add" }).click();
    await page.getByRole("heading", { name: `Set up ${name}` }).waitFor();
    await page.getByLabel("Provider").fill("local");
    await page.getByLabel("Model").fill("one");
    await page.getByRole("button", { name: "Save agent" }).click();
    await page.getByText(`${id}-agent`).waitFor();
  }

  async function letIn(name: string, id: string): Promise<void> {
    const { page } = owner;
    await page.getByLabel("Who").fill(name);
    await page.getByRole("button", { name: "Make a sign-in code" }).click();
    codes[id] = await page.locator("code.code").innerText();
  }

  it("lets the owner in, who has no customers yet", async () => {
    const { page } = owner;
    await page.goto(shop.url);
    await expectAccessible(page);
    await photo("door");
    await page.getByLabel("Sign-in code").fill("not a code");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("Nobody has this code").waitFor();
    await signIn(page, shop.url, await shop.ownerCode());
    await page.getByText("No customers yet").waitFor();
    await expectAccessible(page);
    await photo("empty");
  });

  it("takes acme in and pairs its customer on Telegram by a link", async () => {
    const { page } = owner;
    await addCustomer("Acme", "acme");
    await page.getByLabel("Channel").selectOption("telegram");
    await page.getByLabel("Bot token").fill(BOT_TOKEN);
    await page.getByRole("button", { name: "Connect" }).click();
    await page.getByText("authenticated as @TestNameBot").waitFor();
    await page.getByRole("button", { name: "Make a link" }).click();
    const link = await page.locator('a[href^="https://t.me/"]').getAttribute("href");
    await page.getByAltText(/QR code/).waitFor();
    await expectAccessible(page);
    await photo("pairing");
    // The link opens Telegram, which says this to the bot.
    const start = new URL(link ?? "").searchParams.get("start") ?? "";
    const bob = shop.telegram.getClient(BOT_TOKEN, { userId: 7, chatId: 7, firstName: "Bob" });
    await bob.sendCommand(bob.makeCommand(`/start ${start}`));
    await page.getByText("linked").waitFor();
    await letIn("Alice of Acme", "acme");
    await photo("linked");
  });

  it("takes globex in on the web chat", async () => {
    const { page } = owner;
    await addCustomer("Globex", "globex");
    await page.getByRole("button", { name: "Connect" }).click();
    await page.getByRole("button", { name: "Connect again" }).waitFor();
    await letIn("Gus of Globex", "globex");
    await page.goto(`${shop.url}#/`);
    await expect.poll(() => page.getByText("live", { exact: true }).count()).toBe(2);
    await photo("customers");
  });
  void DRIP_CAP;
  void PHONE;
  void eventually;
  void tailTurns;
});
