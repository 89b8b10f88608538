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
import {
  BOT_TOKEN,
  type Business,
  DRIP_CAP,
  loseAnswer,
  openBusiness,
  openVisitor,
  signIn,
  type Visitor,
} from "./saas.ts";
import {
  CHROMIUM,
  expectAccessible,
  expectGoodInBothSchemes,
  openChromium,
  openPage,
  photograph,
  type WatchedPage,
} from "./support.ts";

const HELLO = "Hello! How can I help?";
/** What a kill spoils of the sends that a cap allows comes again in the next minute. */
const LONG = { timeout: 300_000 };
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

describe.skipIf(CHROMIUM === undefined)("a SaaS of one's own", () => {
  let browser: Browser;
  let shop: Business;
  let owner: WatchedPage;
  let alice: WatchedPage;
  let bob: ReturnType<Business["telegram"]["getClient"]>;
  const codes: Record<string, string> = {};
  const visitors: Visitor[] = [];

  beforeAll(async () => {
    [browser, shop] = await Promise.all([openChromium(), openBusiness()]);
    owner = await openPage(browser);
  });
  afterAll(async () => {
    await browser?.close();
    await shop?.[Symbol.asyncDispose]();
  });

  const photo = (name: string) => photograph(owner.page, `walkthrough-${name}`);

  const bobSays = async (text: string) => void await bob.sendMessage(bob.makeMessage(text));
  async function bobHeard(): Promise<string[]> {
    const messages = shop.telegram.storage.botMessages;
    return messages.map(({ message }) => String(message.text));
  }
  const bobHears = (text: string) =>
    eventually(shop.daemon, async () => (await bobHeard()).includes(text) || undefined);

  const answersTo = async ({ heard }: Visitor) =>
    (await heard()).filter((text) => text === HELLO).length;

  type Prepare = (path: string | RegExp, method?: string) => Promise<void>;
  const unharmed: Prepare = async () => {};
  let kills = 0;
  const killed: Prepare = (path, method = "POST") =>
    loseAnswer(owner.page, shop, { method, path, isDone: kills++ % 2 === 0 });

  async function addCustomer(name: string, id: string, before: Prepare): Promise<void> {
    const { page } = owner;
    await page.goto(`${shop.url}#/`);
    await page.getByLabel("Name", { exact: true }).fill(name);
    await page.getByLabel("Id").fill(id);
    await before("tenants");
    await page.getByRole("button", { name: "Add" }).click();
    await page.getByRole("heading", { name: `Set up ${name}` }).waitFor();
    await page.getByLabel("Provider").fill("local");
    await page.getByLabel("Model").fill("one");
    await before(`tenants/${id}/agent`);
    await page.getByRole("button", { name: "Save agent" }).click();
    await page.getByText(`${id}-agent`).waitFor();
  }

  async function letIn(name: string, id: string, before: Prepare): Promise<void> {
    const { page } = owner;
    await page.getByLabel("Who").fill(name);
    await before(`tenants/${id}/users`);
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

  it("takes acme in and pairs its customer on Telegram by a link, killed in each step", async () => {
    const { page } = owner;
    await addCustomer("Acme", "acme", killed);
    await page.getByLabel("Channel").selectOption("telegram");
    await page.getByLabel("Bot token").fill(BOT_TOKEN);
    await killed("tenants/acme/line");
    await page.getByRole("button", { name: "Connect" }).click();
    await page.getByText("authenticated as @TestNameBot").waitFor();
    await killed("tenants/acme/pairing");
    await page.getByRole("button", { name: "Make a link" }).click();
    const link = await page.locator('a[href^="https://t.me/"]').getAttribute("href");
    await page.getByAltText(/QR code/).waitFor();
    await expectAccessible(page);
    await photo("pairing");
    // The link opens Telegram, which says this to the bot.
    const start = new URL(link ?? "").searchParams.get("start") ?? "";
    bob = shop.telegram.getClient(BOT_TOKEN, { userId: 7, chatId: 7, firstName: "Bob" });
    await shop.killMicroapp();
    await bob.sendCommand(bob.makeCommand(`/start ${start}`));
    await shop.comeBack();
    await page.getByText("linked").waitFor();
    await letIn("Alice of Acme", "acme", killed);
    await photo("linked");
  });

  it("takes globex in on the web chat", async () => {
    const { page } = owner;
    await addCustomer("Globex", "globex", unharmed);
    await page.getByRole("button", { name: "Connect" }).click();
    await page.getByRole("button", { name: "Connect again" }).waitFor();
    await letIn("Gus of Globex", "globex", unharmed);
    await page.goto(`${shop.url}#/`);
    await expect.poll(() => page.getByText("live", { exact: true }).count()).toBe(2);
    await photo("customers");
  });

  it("answers both customers, whose messages are under way when it is killed", async () => {
    const { daemon } = shop;
    const arrive = (n: number) => openVisitor(daemon.edgeUrl, "globex", `I am visitor ${n}`);
    await bobSays("Hello there");
    visitors.push(await arrive(1));
    await shop.killMicroapp();
    await shop.comeBack();
    await bobHears(HELLO);
    visitors.push(...await Promise.all([2, 3, 4, 5].map(arrive)));
    for (const visitor of visitors) {
      await eventually(daemon, async () => await answersTo(visitor) > 0 || undefined);
      expect(await answersTo(visitor)).toBe(1);
    }
    const { page } = owner;
    await page.goto(`${shop.url}#/acme/inbox`);
    await page.getByText(HELLO).waitFor();
    await photo("inbox");
  });

  it("runs a campaign at its cap, through a kill, and ends it for who answers", LONG, async () => {
    const { page } = owner;
    const { daemon } = shop;
    await page.goto(`${shop.url}#/globex/campaigns`);
    await page.getByText("None yet").waitFor();
    await page.getByLabel("Name").fill("Welcome");
    await page.getByLabel("Texts").fill("Welcome to Globex!\nStill there?");
    await loseAnswer(page, shop, { path: "tenants/globex/drips" });
    await page.getByRole("button", { name: "Create" }).click();
    await page.getByText("2 steps").waitFor();
    expect(await page.getByText("2 steps").count()).toBe(1);
    await loseAnswer(page, shop, { path: /tenants\/globex\/drips\/[^/]+\/people/ });
    await page.getByRole("button", { name: "Choose all" }).click();
    const startedMs = Date.now();
    await page.getByRole("button", { name: "Start for them" }).click();
    const welcomes = () =>
      Promise.all(
        visitors.map(async ({ heard }) =>
          (await heard()).filter((text) => text === "Welcome to Globex!").length
        ),
      );
    const welcomed = await eventually(daemon, async () => {
      const counts = await welcomes();
      return counts.filter((count) => count > 0).length >= DRIP_CAP ? counts : undefined;
    });
    const sent = welcomed.reduce((sum, count) => sum + count, 0);
    expect(Math.max(...welcomed)).toBe(1);
    const refilled = Math.floor((Date.now() - startedMs) / (60_000 / DRIP_CAP));
    expect(sent).toBeLessThanOrEqual(DRIP_CAP + refilled);
    const lucky = visitors[welcomed.indexOf(1)];
    await lucky?.say("Yes, tell me more");
    await page.getByText("1 answered or opted out").waitFor();
    await expectAccessible(page);
    await photo("campaign");
    await killed(/drips\/[^/]+\/active$/, "PUT");
    await page.getByRole("button", { name: "Stop Welcome" }).click();
    await page.getByText("stopped", { exact: true }).waitFor();
    await killed(/drips\/[^/]+\/active$/, "PUT");
    await page.getByRole("button", { name: "Go on with Welcome" }).click();
    await page.getByText("running", { exact: true }).waitFor();
    await page.getByText("1 answered or opted out").waitFor();
    // Nobody had to do anything again.
    expect(await page.getByRole("alert").count()).toBe(0);
  });

  it("keeps what is changed of an agent, its rules and skills, killed in each step", async () => {
    const { page } = owner;
    const agent = "tenants/globex/agents/globex-agent";
    await page.goto(`${shop.url}#/globex/agents`);
    await page.getByLabel("Prompt").fill("You are Globex's.");
    await killed(agent, "PUT");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByText("It answers so from the next message on").waitFor();
    await page.getByText("Rules for messages").click();
    await page.getByLabel("Equal messages that make a loop").fill("7");
    await page.getByLabel("Mail addresses").check();
    await killed(agent, "PUT");
    await page.getByRole("button", { name: "Save rules" }).click();
    await page.getByText("Its rules hold from the next message on").waitFor();
    await page.getByLabel(/^Name/).fill("returns");
    await page.getByLabel("Text").fill("Within 30 days, in any shop.");
    await killed("tenants/globex/skills/returns", "PUT");
    await page.getByRole("button", { name: "Add skill" }).click();
    await page.getByRole("button", { name: "Edit returns" }).click();
    await expect.poll(() => page.getByLabel("Text").inputValue()).toContain("30 days");
    await page.getByRole("button", { name: "Cancel" }).click();
    await killed("tenants/globex/skills/returns", "DELETE");
    await page.getByRole("button", { name: "Delete returns" }).click();
    await page.getByText("None yet. A skill").waitFor();
    await page.reload();
    await page.getByText("Rules for messages").click();
    await page.getByText("Opting out").waitFor();
    await expectAccessible(page);
    await photo("rules");
    expect(await page.getByLabel("Prompt").inputValue()).toBe("You are Globex's.");
    expect(await page.getByLabel("Equal messages that make a loop").inputValue()).toBe("7");
    expect(await page.getByLabel("Mail addresses").isChecked()).toBe(true);
    const wasRead = (text: string) =>
      shop.model.heard.some(({ body }) => JSON.stringify(body).includes(text));
    const vera = visitors[4];
    if (vera === undefined) throw new Error("nobody came");
    const before = await answersTo(vera);
    await vera.say("Write to me at vera@example.org");
    await eventually(shop.daemon, async () => await answersTo(vera) > before || undefined);
    expect(wasRead("Write to me at [EMAIL]")).toBe(true);
    expect(wasRead("vera@example.org")).toBe(false);
  });

  it("keeps contacts and their wishes, killed in each step", async () => {
    const { page } = owner;
    const { daemon } = shop;
    const [, , , stopper, vera] = visitors;
    if (stopper === undefined || vera === undefined) throw new Error("nobody came");
    await page.goto(`${shop.url}#/globex/contacts`);
    await page.getByRole("button", { name: `Edit ${vera.contact}` }).click();
    await page.getByLabel("Name", { exact: true }).fill("Vera");
    await page.getByLabel("Stage").selectOption("qualified");
    await killed("tenants/globex/leads", "PUT");
    await page.getByRole("button", { name: "Save lead" }).click();
    await killed("tenants/globex/consents", "PUT");
    await page.getByRole("button", { name: "Opt out Vera" }).click();
    await page.getByRole("button", { name: "Write again to Vera" }).waitFor();
    const before = await answersTo(vera);
    const refusals = async () =>
      (await tailTurns(daemon, { account: "globex" }))
        .filter(({ outcome }) => outcome === "refused").length;
    const refused = await refusals();
    await vera.say("Is anybody there?");
    // A microapp that is killed before it was asked would be asked again, when she may be written to.
    await eventually(daemon, async () => await refusals() > refused || undefined);
    await killed("tenants/globex/consents", "PUT");
    await page.getByRole("button", { name: "Write again to Vera" }).click();
    await page.getByRole("button", { name: "Opt out Vera" }).waitFor();
    await vera.say("And now?");
    await eventually(daemon, async () => await answersTo(vera) > before || undefined);
    expect(await answersTo(vera)).toBe(before + 1);
    // A wish that comes while the microapp is away waits for it.
    await shop.killMicroapp();
    await stopper.say("STOP");
    await shop.comeBack();
    const farewells = async () =>
      (await stopper.heard()).filter((text) => text.startsWith("You will get no more")).length;
    await eventually(daemon, async () => await farewells() > 0 || undefined);
    await page.getByRole("button", { name: `Write again to ${stopper.contact}` }).waitFor();
    expect(await farewells()).toBe(1);
    await expectAccessible(page);
    await photo("contacts");
    await page.goto(`${shop.url}#/globex/inbox`);
    await page.getByRole("link", { name: /^Vera/ }).waitFor();
  });

  it("asks a person for help, who takes over on a phone, answers and gives it back", async () => {
    await bobSays("I want a refund for order 77");
    await bobHears("A colleague will be with you shortly.");
    const { page } = alice = await openPage(browser, PHONE);
    await signIn(page, shop.url, codes["acme"] ?? "");
    await page.getByText("asks for help").waitFor();
    await expectAccessible(page);
    await photograph(page, "walkthrough-phone-inbox");
    await page.getByRole("link", { name: "Escalations" }).click();
    await page.getByText("Wants a refund for order 77").waitFor();
    await expectAccessible(page);
    await photograph(page, "walkthrough-phone-escalations");
    await page.getByRole("link", { name: "Open the conversation" }).click();
    await loseAnswer(page, shop, { path: "tenants/acme/takeover/engage" });
    await page.getByRole("button", { name: "Take over" }).click();
    await page.getByLabel("Your message").fill("Alice here. We look into it.");
    await loseAnswer(page, shop, { path: "tenants/acme/takeover/send" });
    await page.getByRole("button", { name: "Send" }).click();
    await bobHears("Alice here. We look into it.");
    await bobSays("Thank you, Alice");
    await page.getByText("Thank you, Alice").last().waitFor();
    await expectAccessible(page);
    await photograph(page, "walkthrough-phone-takeover");
    // The owner looks in, and each sees the other there, for as long as they are.
    await owner.page.goto(`${shop.url}${new URL(page.url()).hash}`);
    await page.getByText("Owner is here").last().waitFor();
    await owner.page.getByText("Alice of Acme is here").last().waitFor();
    await expectAccessible(owner.page);
    await photo("presence");
    await owner.page.goto(`${shop.url}#/acme/inbox`);
    await expect.poll(() => page.getByText("Owner is here").count()).toBe(0);
    await page.getByLabel("Summary for the agent").fill("Promised: the money is back by Monday.");
    await loseAnswer(page, shop, { path: "tenants/acme/takeover/release" });
    await page.getByRole("button", { name: "Give it back to the agent" }).click();
    await page.getByRole("button", { name: "Take over" }).waitFor();
    await bobSays("When is my money back?");
    await bobHears("Your money is back by Monday.");
    await page.getByText("Your money is back by Monday.").last().waitFor();
    await photograph(page, "walkthrough-phone-back");
    // Once each, whatever was killed on the way.
    expect(await bobHeard()).toEqual([
      "You are connected. Just write.",
      HELLO,
      "A colleague will be with you shortly.",
      "Alice here. We look into it.",
      "Your money is back by Monday.",
    ]);
  });

  it("shows each customer's people their own, and nothing of others", async () => {
    const { page } = alice;
    await page.goto(`${shop.url}#/globex/inbox`);
    // Whoever opens the page while the microapp starts again waits without doing anything.
    await shop.killMicroapp();
    await page.reload();
    await page.getByText("It opens by itself").waitFor();
    await expectAccessible(page);
    await shop.restartMicroapp();
    await page.getByText("Your money is back by Monday.").last().waitFor();
    expect(await page.getByText("visitor-").count()).toBe(0);
    const paths = ["conversations", "escalations", "leads", "drips", "agents", "skills", "usage"];
    const answers = await page.evaluate(async (asked) => {
      const ask = async (path: string) => (await fetch(`api/${path}`)).status;
      return Promise.all(asked.map(ask));
    }, ["tenants", ...[...paths, "audit", "events"].map((path) => `tenants/globex/${path}`)]);
    expect(new Set(answers)).toEqual(new Set([404]));
    await using gus = await openPage(browser);
    await signIn(gus.page, shop.url, codes["globex"] ?? "");
    await gus.page.getByText("visitor-").first().waitFor();
    expect(await gus.page.getByText("refund").count()).toBe(0);
    await owner.page.goto(`${shop.url}#/globex/setup`);
    await killed(/tenants\/globex\/users\/[^/]+$/, "DELETE");
    await owner.page.getByRole("button", { name: "Revoke the code of Gus of Globex" }).click();
    await owner.page.getByText("Nobody yet").waitFor();
    await gus.page.reload();
    await gus.page.getByLabel("Sign-in code").waitFor();
  });

  it("has on record what happened: audit, turns and usage", async () => {
    const { page } = owner;
    const { daemon, place, model } = shop;
    const command = "microapp admin audit tail --microapp-id agent-creator --tenant acme " +
      "--since-mins 60 --limit 1000 --format json";
    const tail = await place.nexo(...command.split(" "));
    const rows = JSON.parse(tail.stdout) as { method: string; result: string }[];
    const done = new Set(rows.filter(({ result }) => result === "ok").map(({ method }) => method));
    const { events } = await daemon.call<{ events: { kind: string }[] }>("events/list", {
      account: "acme",
      limit: 1000,
    });
    const kinds = new Set(events.map(({ kind }) => kind));
    for (
      const kind of [
        "pairing_status_changed",
        "processing_state_changed",
        "escalation_requested",
        "escalation_resolved",
      ]
    ) expect(kinds).toContain(kind);
    for (
      const method of [
        "agents/upsert",
        "credentials/register",
        "processing/pause",
        "processing/intervention",
        "processing/resume",
      ]
    ) expect(done).toContain(`nexo/admin/${method}`);
    expect((await place.nexo("audit", "verify")).code).toBe(0);
    interface UsageRow {
      readonly provider: string;
      readonly calls: number;
      readonly tokens_in: number;
      readonly tokens_out: number;
    }
    const asked = { since_ms: 0, by: "model" };
    const usage = (await daemon.call<{ usage: UsageRow[] }>("usage/list", asked)).usage
      .filter(({ provider }) => provider === "local");
    const sum = (key: "calls" | "tokens_in" | "tokens_out") =>
      usage.reduce((total, row) => total + row[key], 0);
    expect({ calls: sum("calls"), input: sum("tokens_in"), output: sum("tokens_out") }).toEqual({
      calls: model.counted.answers,
      input: model.counted.input,
      output: model.counted.output,
    });
    await page.goto(`${shop.url}#/acme/record`);
    await page.getByText("processing/resume").first().waitFor();
    await expectAccessible(page);
    await photo("record");
    expect(owner.problems).toEqual([]);
    expect(alice.problems).toEqual([]);
  });

  it("says on every page what went wrong and what to do, and asks again", async () => {
    await using tab = await openPage(browser, PHONE);
    const { page } = tab;
    await signIn(page, shop.url, await shop.ownerCode());
    await page.goto(`${shop.url}#/acme/agents`);
    await page.getByText("answers", { exact: true }).waitFor();
    await page.route(
      /\/api\/tenants/,
      (route) =>
        route.request().url().endsWith("/events")
          ? route.fallback()
          : route.fulfill({ status: 403, json: { error: "Not granted. The operator grants it" } }),
    );
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByRole("alert").filter({ hasText: "The operator grants it" }).waitFor();
    const nobody = "acme/inbox/acme-agent/00000000-0000-4000-8000-000000000000";
    const names = ["inbox", "escalations", "contacts", "campaigns", "agents", "record", "setup"];
    for (const path of [...names.map((name) => `globex/${name}`), nobody, ""]) {
      await page.goto(`${shop.url}#/${path}`);
      await page.getByRole("alert").filter({ hasText: "The operator grants it" }).last().waitFor();
      await expect.poll(() => page.getByText("Loading").count(), { message: path }).toBe(0);
    }
    await expectAccessible(page);
    await page.unroute(/\/api\/tenants/);
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByText("Globex").first().waitFor();
    expect(await page.getByRole("alert").count()).toBe(0);
    await page.goto(`${shop.url}#/${nobody}`);
    await page.getByText("Choose another in the list").waitFor();
    await page.goto(`${shop.url}#/nobody/setup`);
    await page.getByText("There is no such customer").waitFor();
    expect(tab.problems).toEqual([]);
  });

  it.each(
    [{ view: "desk", options: {} }, { view: "phone", options: PHONE }] as const,
  )("has pages that everybody can use, full and empty: $view", async ({ view, options }) => {
    await using tab = await openPage(browser, options);
    const { page } = tab;
    await signIn(page, shop.url, await shop.ownerCode());
    const answer = await page.evaluate(async () =>
      (await fetch("api/tenants", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ account_id: "initech", display_name: "Initech" }),
      })).status
    );
    expect(answer).toBe(201);
    const full = [
      ["", "Add a customer"],
      ["acme/inbox", "Your money is back"],
      ["acme/escalations", "a person took over"],
      ["globex/contacts", "visitor-"],
      ["globex/campaigns", "Welcome"],
      ["acme/agents", "acme-agent"],
      ["acme/record", "processing/resume"],
      ["acme/setup", "3. Pair a person"],
    ];
    const empty = [
      ["initech/inbox", "Nobody has written yet"],
      ["initech/escalations", "Nothing waits"],
      ["initech/contacts", "Whoever writes becomes a lead"],
      ["initech/campaigns", "None yet"],
      ["initech/agents", "Its first one is made under Set up"],
      ["initech/record", "Every answer of a model is counted here"],
    ];
    for (const [path = "", text = ""] of [...full, ...empty]) {
      await page.goto(`${shop.url}#/${path}`);
      await page.getByText(text).first().waitFor();
      await expectGoodInBothSchemes(page, `saas-${view}-${path.replace("/", "-")}`);
    }
    expect(tab.problems).toEqual([]);
  });

  it("can be used by keyboard alone, and loads first with less than 80 kB", async () => {
    await using tab = await openPage(browser);
    const { page } = tab;
    await page.goto(shop.url);
    await page.getByLabel("Sign-in code").focus();
    await page.keyboard.type(await shop.ownerCode());
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: /^Acme/ }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: /^Bob/ }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Take over" }).focus();
    await page.keyboard.press("Enter");
    await page.getByLabel("Your message").waitFor();
    await page.getByRole("button", { name: "Give it back to the agent" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Take over" }).waitFor();
    const loaded = await page.evaluate(() =>
      performance.getEntriesByType("resource")
        .filter(({ name }) => name.includes("/assets/"))
        .map((entry) => (entry as PerformanceResourceTiming).decodedBodySize)
    );
    expect(loaded).toHaveLength(2);
    expect(loaded.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(80_000);
  });
});
