/**
 * Chromium on the console of a real daemon: signing in, sending webhooks, pictures and axe.
 *
 * @module
 */
import { createHmac, randomUUID } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { expect } from "vitest";
import { toolPath } from "../support/provision.ts";

const SCREENSHOTS = join(import.meta.dirname, "screenshots");
const AXE = join(import.meta.dirname, "../../node_modules/axe-core/axe.min.js");

/** Signs the webhooks of these tests. */
export const SECRET = "a secret for webhooks in the browser";
/** Seals between core and edges of their own. */
export const EDGE_KEY = "11223344556677889900aabbccddeeff11223344556677889900aabbccddeeff";

/** How long a page or the browser is waited for: sooner over than a test, to say what did not come. */
const PAGE_TIMEOUT_MS = 90_000;

/** Whether there is a Chromium to drive; a suite that needs one says loudly when not. */
export const CHROMIUM = toolPath("chromium");
if (CHROMIUM === undefined && process.env["CI"] === "true") {
  throw new Error("Cannot test pages: there is no chromium; run npm run provision");
}

/** Starts the browser. */
export function openChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM ?? "",
    timeout: PAGE_TIMEOUT_MS,
    headless: true,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--disable-dev-shm-usage",
    ],
  });
}

/** A page whose scripts must not fail: what goes wrong in it is in `problems`. */
export interface WatchedPage extends AsyncDisposable {
  readonly page: Page;
  /** Uncaught errors, and console errors that are no failed requests. */
  readonly problems: readonly string[];
}

/** Opens a page in a profile of its own. */
export async function openPage(
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 860 },
    ...options,
  });
  context.setDefaultTimeout(PAGE_TIMEOUT_MS);
  const page = await context.newPage();
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => {
    const text = message.text();
    const isNetwork = /Failed to load resource|WebSocket connection to/.test(text);
    if (message.type() === "error" && !isNetwork) problems.push(text);
  });
  return { page, problems, [Symbol.asyncDispose]: () => context.close() };
}

/** The newest link that a daemon printed. */
export function printedLink(output: string): string {
  const links = [...output.matchAll(/http:\/\/\S+\/console#ticket=\S+/g)];
  const link = links.at(-1)?.[0];
  if (link === undefined) throw new Error(`there is no link in:\n${output}`);
  return link;
}

/** Sends a webhook that GitHub could have sent; resolves with its delivery id. */
export async function sendWebhook(
  edgeUrl: string,
  { kind = "push", name = "octo/hello", secret = SECRET }: {
    kind?: string;
    name?: string;
    secret?: string;
  } = {},
): Promise<{ delivery: string; status: number }> {
  const delivery = randomUUID();
  const body = JSON.stringify({ repository: { full_name: name } });
  const signature = createHmac("sha256", secret).update(body).digest("hex");
  const { status } = await fetch(`${edgeUrl}/webhooks/github`, {
    method: "POST",
    body,
    headers: {
      "content-type": "application/json",
      "x-hub-signature-256": `sha256=${signature}`,
      "x-github-event": kind,
      "x-github-delivery": delivery,
    },
  });
  return { delivery, status };
}

/** The page of `name` is there and live. */
export async function waitForLive(page: Page): Promise<void> {
  await page.waitForSelector('[data-connection="open"]');
}

/** Takes a picture, into a folder that git does not see. */
export async function photograph(page: Page, name: string): Promise<void> {
  await mkdir(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), animations: "disabled" });
}

/** Expects that axe finds nothing, by every rule it has but the experimental ones. */
export async function expectAccessible(page: Page): Promise<void> {
  const axe = await readFile(AXE, "utf8");
  // A page of ours is there with its heading, which the rules want of each.
  await page.getByRole("heading", { level: 1 }).first().waitFor();
  // Halfway through an animation no colour is what it will be: none begins, and what runs may end.
  await page.emulateMedia({ reducedMotion: "reduce" });
  await page.evaluate(() =>
    Promise.all(
      document.getAnimations()
        .filter((one) => one.effect?.getComputedTiming().iterations !== Infinity)
        .map(({ finished }) => finished),
    ).then(() => undefined)
  );
  // By way of the debugger: the page's own policy lets no script in.
  await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: {
        run: () => Promise<
          { violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }
        >;
      };
    };
    const { violations } = await axe.run();
    return violations.map(({ id, nodes }) => ({
      id,
      nodes: nodes.map(({ html, failureSummary }) => `${html}\n${failureSummary}`),
    }));
  });
  await page.emulateMedia({ reducedMotion: null });
  expect(found).toEqual([]);
}

/** Expects that nothing is wider than the screen and, light and dark, that axe finds nothing. */
export async function expectGoodInBothSchemes(page: Page, name: string): Promise<void> {
  const overflow = await page.evaluate(() =>
    document.documentElement.scrollWidth - document.documentElement.clientWidth
  );
  expect(overflow, `${name} is wider than the screen`).toBe(0);
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    await expectAccessible(page);
    await photograph(page, `${name}-${colorScheme}`);
  }
}
