/**
 * The web chat from a browser's end: a real edge, a real core behind the bus, hostile and clumsy visitors.
 *
 * @module
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import type { ChatMessage, EdgeConfig } from "../../../core/contract/mod.ts";
import { chatConfigOf, openChatNews } from "../../../core/daemon/chat.ts";
import { type NodeEdge, startNodeEdge } from "../../../edge/node.ts";
import type { ChatFrame } from "../../../edge/chat/frames.ts";
import { settingsOf } from "../../support/settings.ts";
import { migrationsDir, silentLog } from "../../support/store.ts";
import { messageFrom, VISITOR } from "../../support/turns.ts";
import { openCoreWork, type OpenedWork } from "../../support/work.ts";
import { configOf, send } from "./support.ts";

const SHOP = "https://www.shop.example";
const settings = await settingsOf({
  "agents.yaml": `
agents:
  - id: ana
    model: { provider: offline, model: rules }
    inbound_bindings: [{ plugin: webchat, instance: acme }, { plugin: webchat, instance: globex }]
    config: { debounce_ms: 1 }
`,
  "tenants.yaml": "tenants: { acme: { display_name: A }, globex: { display_name: G } }\n",
  "plugins/webchat.yaml": `
webchat:
  instances:
    - { instance: acme, account_id: acme, allowed_origins: ["${SHOP}"], max_file_bytes: 500000 }
    - { instance: globex, account_id: globex }
`,
});

let dir: string;
let core: OpenedWork;
let edge: NodeEdge;
let news: Disposable;
let config: EdgeConfig;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "chat-"));
  core = await openCoreWork({ dir, migrationsDir, settings, tools: [], log: silentLog });
  core.work.serve(core.bus, (deliver) => deliver);
  news = openChatNews({ bus: core.bus, store: core.store, log: silentLog });
  config = { ...configOf([]), chat: chatConfigOf(settings) };
  edge = await startNodeEdge({
    bus: core.bus,
    config,
    port: 0,
    hostname: "127.0.0.1",
    log: silentLog,
    version: "test",
    visitorSecret: "secret",
  });
});
afterAll(async () => {
  await edge?.[Symbol.asyncDispose]();
  news?.[Symbol.dispose]();
  await core?.[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});

/** A new visitor's cookie. */
async function visit(instance = "acme"): Promise<string> {
  const { headers } = await send(`${edge.url}/chat/${instance}`, { method: "GET" });
  return String(headers["set-cookie"]).split(";")[0] ?? "";
}

interface Tab extends Disposable {
  readonly frames: ChatFrame[];
  readonly say: (text: string, id: string, files?: string[]) => void;
  readonly until: <T>(found: (frames: ChatFrame[]) => T | undefined) => Promise<T>;
  readonly messages: () => ChatMessage[];
  readonly cursor: () => string | null;
}

/** Opens a tab's WebSocket; resolves with how it was refused, too. */
function openTab(
  { instance = "acme", cookie = "", after = "", headers = {} }: {
    instance?: string;
    cookie?: string;
    after?: string;
    headers?: Record<string, string>;
  },
): Promise<Tab | { refused: number }> {
  return new Promise((resolve) => {
    const query = after === "" ? "" : `?after=${after}`;
    const url = `${edge.url.replace("http", "ws")}/chat/${instance}/ws${query}`;
    const socket = new WebSocket(url, { headers: { cookie, ...headers } });
    const frames: ChatFrame[] = [];
    let wake = (): void => undefined;
    socket.on("unexpected-response", (_request, { statusCode = 0 }) => {
      resolve({ refused: statusCode });
    });
    socket.on("error", () => undefined);
    socket.on("close", (code) => resolve({ refused: code }));
    socket.on("message", (data: Buffer) => {
      frames.push(JSON.parse(data.toString()) as ChatFrame);
      resolve(tab);
      wake();
    });
    const pages = () => frames.filter((one) => one.type === "page");
    const tab: Tab = {
      frames,
      say: (text, client_msg_id, files = []) =>
        socket.send(JSON.stringify({ type: "say", text, client_msg_id, files })),
      async until(found) {
        for (;;) {
          const value = found(frames);
          if (value !== undefined) return value;
          await new Promise<void>((done) => (wake = done));
        }
      },
      messages: () => pages().flatMap(({ messages }) => messages),
      cursor: () => pages().at(-1)?.cursor ?? null,
      [Symbol.dispose]: () => socket.terminate(),
    };
  });
}

async function opened(options: Parameters<typeof openTab>[0]): Promise<Tab> {
  const tab = await openTab(options);
  if ("refused" in tab) throw new Error(`refused with ${tab.refused}`);
  return tab;
}

const answersTo = (tab: Tab, text: string) =>
  tab.messages().filter((one) => one.from === "agent" && one.text.includes(`"${text}"`));

describe("a conversation in a browser", () => {
  it("goes on after its cursor without a gap or a repetition, wherever it was cut", async () => {
    const cookie = await visit();
    using tab = await opened({ cookie });
    for (const n of [1, 2, 3]) {
      tab.say(`word ${n}`, `m${n}`);
      await tab.until(() => answersTo(tab, `word ${n}`)[0]);
    }
    const all = tab.messages();
    expect(all.map(({ from }) => from)).toEqual([
      "visitor",
      "agent",
      "visitor",
      "agent",
      "visitor",
      "agent",
    ]);
    using whole = await opened({ cookie });
    expect(whole.messages().map(({ id }) => id)).toEqual(all.map(({ id }) => id));
    // Cut after each page that was told.
    const pages = tab.frames.filter((one) => one.type === "page");
    for (const [i, { cursor }] of pages.entries()) {
      const rest = pages.slice(i + 1).flatMap(({ messages }) => messages.map(({ id }) => id));
      using again = await opened({ cookie, after: cursor ?? "" });
      const told = again.messages().map(({ id }) => id);
      expect(told).toEqual(cursor === null ? all.map(({ id }) => id) : rest);
    }
  });

  it("is read by programs answer by answer, until a page is empty", async () => {
    const cookie = await visit();
    using tab = await opened({ cookie });
    tab.say("one", "a");
    await tab.until(() => answersTo(tab, "one")[0]);
    const read = async (after: string | null) => {
      const query = after === null ? "" : `?after=${after}`;
      const url = `${edge.url}/chat/acme/messages${query}`;
      const { body } = await send(url, { method: "GET", headers: { cookie } });
      return JSON.parse(body) as { messages: ChatMessage[]; cursor: string | null };
    };
    const first = await read(null);
    expect(first.messages.map(({ text }) => text)).toEqual(['You said: "one"']);
    // More of the visitor's own than a page holds, without an answer between them.
    const key = { account: "acme", sessionId: "none" };
    await core.store.commit(
      Array.from({ length: 60 }, (_, n) =>
        core.parts.chatLog.rowsForHeard(
          { ...messageFrom(VISITOR, `#${n}`), id: crypto.randomUUID() },
          key.sessionId,
        )).flat(),
    );
    const reply = { id: crypto.randomUUID(), turn_id: null, expires_at_ms: 0 };
    const place = { account_id: "acme", agent_id: "ana", session_id: key.sessionId };
    const to = { channel: "webchat", instance: "acme", contact: "c" };
    const said = { kind: "text" as const, text: "at last", to: null, reply_to_msg_id: null };
    await core.store.commit(
      core.parts.chatLog.rowsForSent({ ...reply, ...place, ...to, body: said }, 1),
    );
    const page = await core.parts.chatLog.read({
      ...key,
      after: undefined,
      own: false,
      newest: false,
    });
    expect(page.messages.map(({ text }) => text)).toEqual(["at last"]);
    expect((await read(first.cursor)).messages).toEqual([]);
  });

  it("takes a message once, however often it is sent", async () => {
    const cookie = await visit();
    using tab = await opened({ cookie });
    tab.say("only once", "same");
    tab.say("only once", "same");
    await tab.until(() => answersTo(tab, "only once")[0]);
    using again = await opened({ cookie });
    again.say("only once", "same");
    await again.until((frames) => frames.find(({ type }) => type === "said"));
    expect(again.messages().filter(({ from }) => from === "visitor")).toHaveLength(1);
  });

  it("starts anew for a cursor that is not of this conversation", async () => {
    const [mine, theirs] = [await visit(), await visit()];
    using tab = await opened({ cookie: mine });
    tab.say("mine", "m");
    await tab.until(() => answersTo(tab, "mine")[0]);
    const cursor = tab.cursor() ?? "";
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.constant(cursor), fc.string({ maxLength: 70 })),
        async (after) => {
          using other = await opened({ cookie: theirs, after: encodeURIComponent(after) });
          expect(other.messages()).toEqual([]);
        },
      ),
      { numRuns: 8 },
    );
  });

  it("is opened by our own page with a cookie of ours only", async () => {
    const cookie = await visit();
    const own = edge.url;
    expect(await openTab({ cookie, headers: { origin: SHOP } })).toEqual({ refused: 403 });
    expect(await openTab({ cookie, headers: { origin: "null" } })).toEqual({ refused: 403 });
    expect(await openTab({})).toEqual({ refused: 4401 });
    expect(await openTab({ cookie, instance: "globex" })).toEqual({ refused: 4401 });
    const forged = cookie.replace(/.$/, (last) => last === "0" ? "1" : "0");
    expect(await openTab({ cookie: forged })).toEqual({ refused: 4401 });
    using tab = await opened({ cookie, headers: { origin: own } });
    expect(tab.messages()).toEqual([]);
  });

  it("says who may embed it: the origins that are named, and nobody where none is", async () => {
    const policyOf = async (instance: string) =>
      String(
        (await send(`${edge.url}/chat/${instance}`, { method: "GET" }))
          .headers["content-security-policy"],
      );
    expect(await policyOf("acme")).toContain(`frame-ancestors 'self' ${SHOP};`);
    expect(await policyOf("globex")).toContain("frame-ancestors 'self';");
    const asks = (instance: string, origin: string) =>
      send(`${edge.url}/chat/${instance}/embed`, { method: "GET", headers: { origin } });
    expect((await asks("acme", SHOP)).status).toBe(200);
    for (const origin of [`${SHOP}.evil.example`, "http://www.shop.example", "null"]) {
      expect((await asks("acme", origin)).status).toBe(403);
    }
    expect((await asks("globex", SHOP)).status).toBe(403);
    expect((await asks("none", SHOP)).status).toBe(404);
  });

  it("gives a visitor of another site's frame a cookie of that site's own", async () => {
    const https = { "x-forwarded-proto": "https" };
    const cookieOf = async (instance: string, headers: Record<string, string>) =>
      String(
        (await send(`${edge.url}/chat/${instance}`, { method: "GET", headers }))
          .headers["set-cookie"],
      );
    expect(await cookieOf("acme", https)).toMatch(/HttpOnly; SameSite=None; Partitioned; Secure$/);
    expect(await cookieOf("acme", {})).toMatch(/HttpOnly; SameSite=Lax$/);
    expect(await cookieOf("globex", https)).toMatch(/HttpOnly; SameSite=Lax; Secure$/);
  });

  it("takes files by what they are, up to its cap, and shows them to this conversation only", async () => {
    const [mine, theirs] = [await visit(), await visit()];
    const globex = await visit("globex");
    const up = (body: Uint8Array, name: string, cookie: string) =>
      send(`${edge.url}/chat/acme/files?name=${encodeURIComponent(name)}`, {
        body,
        headers: { cookie },
      });
    const png = new Uint8Array(300_000).fill(9);
    png.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
    const { status, body } = await up(png, "../../cat\u202e.png", mine);
    expect(status).toBe(201);
    const { file } = JSON.parse(body) as { file: { id: string } };
    expect(file).toMatchObject({ name: "cat.png", mime: "image/png", size: png.length });
    const html = await up(new TextEncoder().encode("<script>alert(1)</script>"), "x.png", mine);
    const page = (JSON.parse(html.body) as { file: { id: string; mime: string } }).file;
    expect(page.mime).toBe("text/html");
    expect((await up(new Uint8Array(500_001), "big", mine)).status).toBe(413);
    expect((await up(new Uint8Array(0), "empty", mine)).status).toBe(400);
    expect((await up(png, "nobody", "")).status).toBe(401);

    const down = (id: string, cookie: string, instance = "acme") =>
      fetch(`${edge.url}/chat/${instance}/files/${id}`, { headers: { cookie } });
    const got = await down(file.id, mine);
    expect(got.headers.get("content-type")).toBe("image/png");
    expect(Buffer.from(await got.arrayBuffer()).equals(png)).toBe(true);
    const shown = await down(page.id, mine);
    expect(shown.headers.get("content-type")).toBe("application/octet-stream");
    expect(shown.headers.get("content-disposition")).toMatch(/^attachment;/);
    expect(shown.headers.get("content-security-policy")).toContain("sandbox");
    await shown.body?.cancel();
    for (const [cookie, instance] of [[theirs, "acme"], [globex, "globex"], [mine, "globex"]]) {
      const refused = await down(file.id, cookie ?? "", instance);
      expect(refused.status).toBeGreaterThanOrEqual(400);
      await refused.body?.cancel();
    }

    using tab = await opened({ cookie: mine });
    tab.say("", "with", [file.id]);
    const told = await tab.until(() => tab.messages().find(({ from }) => from === "visitor"));
    expect(told).toMatchObject({ text: "", files: [{ id: file.id, name: "cat.png" }] });
    using other = await opened({ cookie: theirs });
    other.say("look", "stolen", [file.id]);
    const refused = await other.until((frames) => frames.find(({ type }) => type === "refused"));
    expect(refused).toMatchObject({ client_msg_id: "stolen", retry: false });
  });
});
