/**
 * Pairing from end to end: a browser follows the link, and nothing but the link, on Telegram and on the
 * web chat; codes that are replayed, of another line, too old or guessed open nothing.
 *
 * @module
 */
import { createClient } from "@libsql/client";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { freePort } from "../support/free_port.ts";
import { addressOf } from "../support/channels/people.ts";
import type { Tenant } from "../support/channels/tenants.ts";
import { openTown, type Town } from "../support/channels/town.ts";
import { type DaemonPlace, openDaemonPlace, type RunningDaemon } from "../support/daemon.ts";
import { openProvider } from "../support/provider.ts";
import { CHROMIUM, openChromium, openPage } from "./support.ts";

interface Status {
  readonly state: string;
  readonly data?: {
    readonly link?: string;
    readonly qr_png_base64?: string;
    readonly device_jid?: string;
    readonly error?: string;
  };
}

describe.skipIf(CHROMIUM === undefined)("pairing", () => {
  const provider = openProvider();
  let town: Town;
  let place: DaemonPlace;
  let daemon: RunningDaemon;
  let browser: Browser;
  let updates = 0;

  beforeAll(async () => {
    town = await openTown();
    const port = await freePort();
    place = await openDaemonPlace({ env: { NEXO_LOG: "warning", NEXO_PORT: String(port) } });
    for (const [file, text] of Object.entries(town.files)) await place.writeConfig(file, text);
    const { agents: [agent] } = JSON.parse(town.files["agents.yaml"] ?? "") as {
      agents: Record<string, unknown>[];
    };
    await place.writeConfig(
      "agents.yaml",
      JSON.stringify({ agents: [{ ...agent, dm_policy: "pairing" }] }),
    );
    await place.writeConfig(
      "webhook_receiver.yaml",
      JSON.stringify({ enabled: true, public_url: `http://127.0.0.1:${port}` }),
    );
    daemon = await place.start();
    await town.settled;
    browser = await openChromium();
  });
  afterAll(async () => {
    await browser.close();
    provider[Symbol.dispose]();
    await place[Symbol.asyncDispose]();
    await town[Symbol.asyncDispose]();
  });

  const start = async (channel: string, instance: Tenant): Promise<string> => {
    const { challenge_id } = await daemon.call<{ challenge_id: string }>(
      "nexo/admin/pairing/start",
      { agent_id: "ana", channel, instance },
    );
    return challenge_id;
  };
  const statusOf = (id: string) =>
    daemon.call<Status>("nexo/admin/pairing/status", { challenge_id: id });

  /** What Telegram shows a person after something they sent to a bot. */
  async function sendToBot(text: string, person: number, instance: Tenant): Promise<string> {
    const chat = { channel: "telegram", instance, person, group: false } as const;
    const before = town.arrived.length;
    const post = town.say({ ...chat, text, number: ++updates });
    if (post === undefined) throw new Error("Telegram posts every update");
    expect(await provider.post(daemon.edgeUrl + post.path, post)).toBe(200);
    const { to } = addressOf(chat);
    return town.eventually(() => town.arrived.slice(before).find((one) => one.to === to)?.text);
  }

  /** Opens a `t.me` link as a browser does; the app behind it sends what the link carries. */
  async function follow(link: string, person: number, instance: Tenant): Promise<string> {
    await using opened = await openPage(browser);
    let answer = "";
    await opened.page.route("https://t.me/**", async (route) => {
      const parameter = new URL(route.request().url()).searchParams.get("start") ?? "";
      answer = await sendToBot(`/start ${parameter}`, person, instance);
      await route.fulfill({ contentType: "text/html", body: "<h1>Telegram</h1>" });
    });
    await opened.page.goto(link);
    return answer;
  }

  /** What a picture says, by a decoder that the program does not have. */
  async function decode(png: string): Promise<string | undefined> {
    await using opened = await openPage(browser);
    const { data, width, height } = await opened.page.evaluate(async (source) => {
      const image = new Image();
      image.src = source;
      await image.decode();
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [image.width, image.height];
      const context = canvas.getContext("2d");
      context?.drawImage(image, 0, 0);
      const pixels = context?.getImageData(0, 0, image.width, image.height);
      return { data: [...pixels?.data ?? []], width: image.width, height: image.height };
    }, `data:image/png;base64,${png}`);
    const { default: jsQr } = await import("jsqr");
    return jsQr.default(new Uint8ClampedArray(data), width, height)?.data;
  }

  it("G1, G5: links the person who follows Telegram's link first, and nobody after", async () => {
    const id = await start("telegram", "acme");
    const waiting = await statusOf(id);
    const link = waiting.data?.link ?? "";
    expect(waiting.state).toBe("qr_ready");
    // Once somebody has seen it, it waits for the person.
    expect((await statusOf(id)).state).toBe("awaiting_user");
    expect(link).toMatch(/^https:\/\/t\.me\/acme_bot\?start=pair-[A-Z2-9]{16}$/);
    expect(await decode(waiting.data?.qr_png_base64 ?? "")).toBe(link);

    // A stranger gets a code of their own and no turn, before and after.
    expect(await sendToBot("hello?", 1, "acme")).toContain("pass this code");
    expect(await follow(link, 1, "acme")).toBe("You are connected. Just write.");
    expect(await statusOf(id)).toEqual({
      state: "linked",
      challenge_id: id,
      data: { device_jid: "1001" },
    });
    expect(await sendToBot("hello!", 1, "acme")).toBe('You said: "hello!"');

    expect(await follow(link, 2, "acme")).toContain("was used already");
    expect(await sendToBot("hello?", 2, "acme")).toContain("pass this code");
    expect((await statusOf(id)).data?.device_jid).toBe("1001");
  });

  it("G2: takes no code of another tenant's line, nor any guessed one", async () => {
    const id = await start("telegram", "acme");
    const link = (await statusOf(id)).data?.link ?? "";
    expect(await follow(link, 3, "globex")).toBe("This code is not known here.");
    expect((await statusOf(id)).state).toBe("awaiting_user");

    const guesses = ["ABCDEFGH", "BCDEFGHJ", "CDEFGHJK", "DEFGHJKL", "EFGHJKLM"]
      .map((half) => `/start pair-${half}${half}`);
    for (const guess of guesses) {
      expect(await sendToBot(guess, 4, "acme")).toBe("This code is not known here.");
    }
    // From then on nobody listens to this person's codes, not even to the right one.
    const code = new URL(link).searchParams.get("start") ?? "";
    const chat = { channel: "telegram", instance: "acme", person: 4, group: false } as const;
    const post = town.say({ ...chat, text: `/start ${code}`, number: ++updates });
    expect(await provider.post(`${daemon.edgeUrl}${post?.path}`, post ?? { body: "", headers: {} }))
      .toBe(200);
    await vi.waitFor(async () => {
      const { turns } = await daemon.call<{ turns: { outcome: string }[] }>("turns/tail", {
        limit: 1,
      });
      expect(turns[0]?.outcome).toBe("refused");
    }, 20_000);
    expect((await statusOf(id)).state).toBe("awaiting_user");
    // Somebody else is not held up by that.
    expect(await follow(link, 5, "acme")).toBe("You are connected. Just write.");
  });

  it("G5: links the visitor who opens the web chat's link, and no second one", async () => {
    const id = await start("webchat", "globex");
    const { link = "", qr_png_base64: png = "" } = (await statusOf(id)).data ?? {};
    expect(link.startsWith(`${daemon.edgeUrl}/chat/globex#pair-`)).toBe(true);
    expect(await decode(png)).toBe(link);
    const shows = (page: Page, text: string) => page.getByText(text).first().waitFor();

    await using first = await openPage(browser);
    await first.page.goto(link);
    await shows(first.page, "You are connected. Just write.");
    const linked = await statusOf(id);
    expect(linked.state).toBe("linked");
    expect(linked.data?.device_jid).toMatch(/^visitor-/);

    await using second = await openPage(browser);
    await second.page.goto(link);
    await shows(second.page, "This code was used already. Ask for a new one.");
    expect((await statusOf(id)).data).toEqual(linked.data);
    expect([...first.problems, ...second.problems]).toEqual([]);
  });

  it("takes no code once its time is over, and says so", async () => {
    const id = await start("telegram", "acme");
    const link = (await statusOf(id)).data?.link ?? "";
    expect(await daemon.stop()).toBe(0);
    const db = createClient({ url: `file:${join(place.home, "state", "core.db")}` });
    await db.execute({
      sql: "UPDATE pairings SET expires_at_ms = ? WHERE id = ?",
      args: [Date.now() - 1_000, id],
    });
    db.close();
    daemon = await place.start();
    await vi.waitFor(async () => expect((await statusOf(id)).state).toBe("expired"), 20_000);
    expect((await statusOf(id)).data?.error).toMatch(/time to live/);
    expect(await follow(link, 6, "acme")).toContain("has expired");
    expect((await statusOf(id)).state).toBe("expired");
  });
});
