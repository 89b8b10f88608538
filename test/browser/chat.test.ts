/**
 * The web chat in Chromium: said once, answered once, whatever happens in between.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DaemonPlace, openDaemonPlace, type RunningDaemon } from "../support/daemon.ts";
import { freePort } from "../support/free_port.ts";
import { CHROMIUM, expectAccessible, openChromium, openPage, photograph } from "./support.ts";

const PHONE = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true };
const MAX_FIRST_LOAD_BYTES = 30_000;
/** A picture of one pixel. */
const DOT =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

/** A shop's own page with the chat's script on it. */
async function openShop(script: () => string): Promise<Server & { readonly origin: string }> {
  const server = createServer((_request, response) => {
    response.setHeader("content-type", "text/html");
    response.end(
      `<!doctype html><html lang="en"><title>Shop</title><main><h1>Shop</h1></main>
       <script src="${script()}" async></script></html>`,
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(server, { origin: `http://127.0.0.1:${port}` });
}

describe.skipIf(CHROMIUM === undefined)("the web chat", () => {
  let browser: Browser;
  let place: DaemonPlace;
  let daemon: RunningDaemon;
  let shop: Awaited<ReturnType<typeof openShop>>;
  let stranger: Awaited<ReturnType<typeof openShop>>;

  beforeAll(async () => {
    browser = await openChromium();
    place = await openDaemonPlace({ env: { NEXO_PORT: String(await freePort()) } });
    const script = () => `${daemon.edgeUrl}/chat/acme/widget.js`;
    [shop, stranger] = await Promise.all([openShop(script), openShop(script)]);
    await place.writeConfig(
      "plugins/webchat.yaml",
      `webchat:
  instances:
    - instance: acme
      account_id: acme
      title: Acme help
      welcome: Ask us anything.
      allowed_origins: ["${shop.origin}"]
    - { instance: globex, account_id: globex }
`,
    );
    const agents = await readFile(join(place.configDir, "agents.yaml"), "utf8");
    const strict = "instance: globex\n        dm_policy: pairing\n";
    await place.writeConfig("agents.yaml", agents.replace("instance: globex\n", strict));
    daemon = await place.start();
  });
  afterAll(async () => {
    await browser?.close();
    shop?.close();
    stranger?.close();
    await place?.[Symbol.asyncDispose]();
  });

  const open = async (page: Page, path = "/chat/acme") => {
    await page.goto(daemon.edgeUrl + path);
    await page.waitForSelector('[data-link="open"]');
  };
  const say = async (page: Page, text: string) => {
    await page.getByRole("textbox").fill(text);
    await page.keyboard.press("Enter");
  };
  const texts = (page: Page) => page.locator("ol.log .text").allInnerTexts();

  it("takes a message, shows its answer, and both again after a reload", async () => {
    await using tab = await openPage(browser);
    const { page } = tab;
    let bytes = 0;
    const cdp = await page.context().newCDPSession(page);
    await cdp.send("Network.enable");
    cdp.on("Network.loadingFinished", ({ encodedDataLength }) => bytes += encodedDataLength);
    await open(page);
    expect(bytes).toBeGreaterThan(2_000);
    expect(bytes).toBeLessThan(MAX_FIRST_LOAD_BYTES);
    await expectAccessible(page);
    const [cookie] = await page.context().cookies();
    expect(cookie).toMatchObject({
      name: "nexo_visitor",
      httpOnly: true,
      sameSite: "Lax",
      path: "/chat/acme",
    });
    await say(page, "hello <b>there</b>");
    await page.locator(".message.agent").waitFor();
    await page.locator('.message.visitor[data-state="read"]').waitFor();
    const before = await texts(page);
    expect(before).toHaveLength(2);
    expect(before[0]).toBe("hello <b>there</b>");
    await expectAccessible(page);
    await photograph(page, "chat-desk");
    await page.locator("input[type=file]").setInputFiles({
      name: "dot.png",
      mimeType: "image/png",
      buffer: Buffer.from(DOT, "base64"),
    });
    await page.getByText("dot.png").waitFor();
    await page.getByRole("button", { name: "Send" }).click();
    const image = page.locator('.message.visitor img[alt="dot.png"]');
    await expect.poll(() => image.evaluate((one) => (one as HTMLImageElement).naturalWidth))
      .toBe(1);
    await page.locator(".message.agent").nth(1).waitFor();
    await expectAccessible(page);
    const now = await texts(page);
    expect(now.slice(0, 2)).toEqual(before);
    await page.reload();
    await page.waitForSelector('[data-link="open"]');
    expect(await texts(page)).toEqual(now);
    await image.waitFor();
    expect(tab.problems).toEqual([]);
  });

  it("loses and doubles nothing when core is killed and the page reloaded in the middle", async () => {
    await using tab = await openPage(browser);
    const { page } = tab;
    await open(page);
    await say(page, "first");
    await page.locator(".message.agent").waitFor();
    await say(page, "second");
    await daemon.kill();
    await page.waitForSelector('[data-link="lost"]');
    await say(page, "third");
    await page.getByText("Sending…").first().waitFor();
    await expectAccessible(page);
    await photograph(page, "chat-lost");
    daemon = await place.start();
    await page.waitForSelector('[data-link="open"]');
    await page.locator(".message.agent", { hasText: "third" }).waitFor();
    await page.reload();
    await page.waitForSelector('[data-link="open"]');
    const own = await page.locator(".message.visitor .text").allInnerTexts();
    expect(own).toEqual(["first", "second", "third"]);
    const answers = (await page.locator(".message.agent .text").allInnerTexts()).join("\n");
    for (const word of ["first", "second", "third"]) {
      expect(answers.split(word), answers).toHaveLength(2);
    }
    expect(tab.problems).toEqual([]);
  });

  it("keeps what was written over a reload without a connection, and sends it once", async () => {
    await using tab = await openPage(browser);
    const { page } = tab;
    await open(page);
    await page.context().setOffline(true);
    await page.evaluate(() => dispatchEvent(new Event("offline")));
    // A page that is offline cannot be loaded again, so the storage is what is looked at.
    await say(page, "kept for later");
    const stored = await page.evaluate(() => JSON.stringify(localStorage));
    await page.context().setOffline(false);
    await page.locator(".message.agent", { hasText: "kept for later" }).waitFor();
    expect(stored).toMatch(/kept for later|^\{\}$/);
    await expect.poll(() => page.evaluate(() => localStorage.length)).toBe(0);
    expect(await page.locator(".message.visitor").count()).toBe(1);
  });

  it("shows each visitor and each instance a conversation of its own", async () => {
    await using one = await openPage(browser);
    await using two = await openPage(browser);
    await open(one.page);
    await say(one.page, "a secret of mine");
    await one.page.locator(".message.agent").waitFor();
    await open(two.page);
    await open(one.page, "/chat/globex");
    for (const { page } of [one, two]) {
      expect(await page.locator(".message").count()).toBe(0);
      expect(await page.locator("body").innerText()).not.toContain("secret");
    }
  });

  it("says when a person answers, and shows what they say", async () => {
    await using tab = await openPage(browser);
    const { page } = tab;
    await open(page);
    await say(page, "I want a person");
    await page.locator(".message.agent").waitFor();
    const [cookie] = await page.context().cookies();
    const contact = `visitor-${cookie?.value.split(".")[0]}`;
    const scope = {
      kind: "conversation",
      agent_id: "ana",
      channel: "webchat",
      account_id: "acme",
      contact_id: contact,
    };
    const act = (method: string, params: object) =>
      daemon.call(`nexo/admin/processing/${method}`, {
        scope,
        operator_token_hash: "a".repeat(16),
        ...params,
      });
    await act("pause", { reason: "asked for one" });
    await page.getByText("A person is answering.").waitFor();
    await say(page, "are you one?");
    await act("intervention", {
      action: {
        kind: "reply",
        channel: "webchat",
        account_id: "acme",
        to: contact,
        body: "Yes, I am.",
        msg_kind: "text",
      },
    });
    await page.locator(".message.operator", { hasText: "Yes, I am." }).waitFor();
    await page.locator('.message.visitor[data-state="waiting"]').waitFor();
    await expectAccessible(page);
    await photograph(page, "chat-operator");
    await act("resume", { run_turn: true });
    await page.getByText("A person is answering.").waitFor({ state: "detached" });
    await page.locator(".message.agent").nth(1).waitFor();
    expect(tab.problems).toEqual([]);
  });

  it("shows a stranger the code to pass on, and lets them in once it is approved", async () => {
    await using tab = await openPage(browser);
    const { page } = tab;
    await open(page, "/chat/globex");
    await say(page, "may I?");
    const code = await page.locator(".code").innerText();
    expect(code).toMatch(/^[A-Z2-9]{8}$/);
    await expectAccessible(page);
    await photograph(page, "chat-pairing");
    const { approved } = await daemon.call<{ approved: boolean }>("nexo/admin/pairing/approve", {
      channel: "webchat",
      instance: "globex",
      tenant_id: "globex",
      code,
    });
    expect(approved).toBe(true);
    await say(page, "and now?");
    await page.locator(".message.agent", { hasText: "and now?" }).waitFor();
    expect(tab.problems).toEqual([]);
  });

  it.each(
    [
      { colorScheme: "light", options: PHONE },
      { colorScheme: "dark", options: PHONE },
      { colorScheme: "dark", options: {} },
    ] as const,
  )("can be used by everybody: $colorScheme", async ({ colorScheme, options }) => {
    await using tab = await openPage(browser, { ...options, colorScheme });
    const { page } = tab;
    await open(page);
    await say(page, `a long word ${"x".repeat(200)} and https://example.org/path.`);
    await page.locator(".message.agent").waitFor();
    await expectAccessible(page);
    const overflow = await page.evaluate(() =>
      document.documentElement.scrollWidth - document.documentElement.clientWidth
    );
    expect(overflow).toBe(0);
    await photograph(page, `chat-${colorScheme}-${"isMobile" in options ? "phone" : "desk"}`);
  });

  it("is embedded by a page that may, by keyboard too", async () => {
    await using tab = await openPage(browser);
    const { page } = tab;
    await page.goto(shop.origin);
    const button = page.getByRole("button", { name: "Acme help" });
    await button.focus();
    await page.keyboard.press("Enter");
    const frame = page.frameLocator("iframe");
    await frame.locator('[data-link="open"]').waitFor();
    await frame.getByRole("textbox").fill("from the shop");
    await frame.getByRole("textbox").press("Enter");
    await frame.locator(".message.agent", { hasText: "from the shop" }).waitFor();
    await expectAccessible(page);
    await photograph(page, "chat-embedded");
    await frame.getByRole("textbox").press("Escape");
    await expect.poll(() => button.evaluate((one) => one.matches(":focus"))).toBe(true);
    expect(tab.problems).toEqual([]);
  });

  it("is refused to a page that may not, even when it frames the chat by itself", async () => {
    await using tab = await openPage(browser);
    const { page } = tab;
    await page.goto(stranger.origin);
    await expect.poll(() => tab.problems.join("\n")).toContain("allowed_origins");
    expect(await page.locator("button").count()).toBe(0);
    const outcome = await page.evaluate(async (url) => {
      const frame = document.createElement("iframe");
      frame.src = url;
      const loaded = new Promise((resolve) => frame.onload = resolve);
      document.body.append(frame);
      await loaded;
      const socket = new WebSocket(`${url.replace("http", "ws")}/ws`);
      const opened = await new Promise((resolve) => {
        socket.onopen = () => resolve(true);
        socket.onerror = () => resolve(false);
      });
      return opened;
    }, `${daemon.edgeUrl}/chat/acme`);
    expect(outcome).toBe(false);
    const [, framed] = page.frames();
    expect(await framed?.locator("#chat").count()).toBe(0);
  });
});
