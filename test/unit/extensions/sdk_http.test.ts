import fc from "fast-check";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { addressOf } from "../../../core/microapps/http/address.ts";
import { hopHeaders } from "../../../core/microapps/http/hop.ts";
import { createEventLog, type HttpKit, serveHttp } from "../../../extensions/sdk/http/mod.ts";
import { AdminError, defineMicroapp } from "../../../extensions/sdk/mod.ts";
import { openTestHost, type TestHost } from "../../../extensions/sdk/testing/mod.ts";

const TOKEN = "a-bearer-of-thirty-two-characters";
const HOP_KEY = "a key of this microapp";
const ADDRESS = addressOf({ bind: "127.0.0.1", port: 1 });
const bearer = { authorization: `Bearer ${TOKEN}` };

interface Served extends AsyncDisposable {
  readonly url: string;
  readonly host: TestHost;
  readonly dir: string;
}

const events = createEventLog({ capacity: 5 });
let watcherLeft: () => void = () => undefined;

async function serve(more: (kit: HttpKit, dir: string) => void = () => undefined): Promise<Served> {
  const dir = await mkdtemp(join(tmpdir(), "sdk-http-"));
  const app = defineMicroapp({
    http: serveHttp((routes, kit) => {
      more(kit, dir);
      routes.get("/open", (c) => c.json({ caller: kit.callerOf(c) ?? null }));
      routes.get("/hop", (c) => c.json(kit.hopOf(c) ?? null));
      routes.post("/api/session", kit.signedIn(), (c) => {
        kit.openSession(c, { subject: "ana" });
        return c.body(null, 204);
      });
      routes.get("/api/me", kit.signedIn(), (c) => c.json(c.get("caller")));
      routes.post("/api/me", kit.signedIn(), (c) => c.json(c.get("caller")));
      routes.post(
        "/api/admin",
        kit.signedIn(),
        ...kit.adminProxy({ allow: ["agents/list", "agents/get", "tenants/list", "echo"] }),
      );
      routes.get(
        "/api/events",
        (c) => kit.events(c, events, { filter: ({ account }) => account !== "globex" }),
      );
      routes.get("/api/watched", (c) => kit.events(c, events, { onEnd: () => watcherLeft() }));
      routes.get("/fails", () => {
        throw new Error("a secret detail");
      });
      routes.get("/framed", (c) => c.text("ok", 200, { "x-frame-options": "SAMEORIGIN" }));
      routes.get("/*", kit.files({ root: join(dir, "ui") }));
    }),
  });
  const host = await openTestHost(app, {
    handshake: {
      extension_id: "web",
      http: {
        bind: "127.0.0.1",
        port: 0,
        health_path: "/healthz",
        base_path: "/apps/web",
        token: TOKEN,
        hop_key: HOP_KEY,
      },
    },
    admin: {
      "agents/list": () => ({ agents: [] }),
      "agents/get": () => {
        throw new AdminError("not_found", "internal: not_found: agent `x` not in yaml", -32603);
      },
    },
  });
  const port = /"port":(\d+)/.exec(host.logged())?.[1];
  return {
    url: `http://127.0.0.1:${port}`,
    host,
    dir,
    async [Symbol.asyncDispose]() {
      await host[Symbol.asyncDispose]();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

let served: Served;
beforeEach(async () => {
  served = await serve();
});
afterEach(async () => {
  await served[Symbol.asyncDispose]();
});
const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(served.url + path, { headers, redirect: "manual" });
const post = (path: string, headers: Record<string, string>, body?: unknown) =>
  fetch(served.url + path, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: body === undefined ? null : JSON.stringify(body),
  });

async function signIn(): Promise<{ cookie: string }> {
  const [cookie = ""] = (await post("/api/session", bearer)).headers.getSetCookie();
  return { cookie: cookie.split(";", 1)[0] ?? "" };
}

describe("a microapp's server", () => {
  it("answers its health path, and headers that browsers keep to on everything else", async () => {
    expect((await get("/healthz")).status).toBe(200);
    const { headers } = await get("/open");
    expect(headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("cache-control")).toBe("no-store");
    expect((await get("/framed")).headers.get("x-frame-options")).toBe("SAMEORIGIN");
  });

  it("tells nobody why a route failed", async () => {
    const response = await get("/fails");
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain("secret");
    expect(served.host.logged()).toContain("a secret detail");
  });

  it("does not start without a declared server, and says so", async () => {
    const app = defineMicroapp({ http: serveHttp(() => undefined) });
    await expect(openTestHost(app)).rejects.toThrow("declare [capabilities.http_server]");
  });
});

describe("signedIn()", () => {
  it("K7: lets the bearer in, and no other, nowhere in an address", async () => {
    expect(await (await get("/api/me", bearer)).json()).toEqual({ kind: "bearer" });
    for (
      const headers of [{}, { authorization: "Bearer wrong" }, { authorization: TOKEN }, {
        authorization: "Bearer ",
      }]
    ) {
      const response = await get("/api/me", headers);
      expect(response.status).toBe(401);
      expect(response.headers.get("www-authenticate")).toContain("Bearer");
    }
    expect((await get(`/api/me?token=${encodeURIComponent(TOKEN)}`)).status).toBe(401);
  });

  it("follows a rotation that names the bearer in force, and no other", async () => {
    served.host.rotateToken({ from: "another", to: "stolen" });
    served.host.rotateToken({ from: TOKEN, to: "a-newer-bearer" });
    await served.host.until(() => served.host.logged().includes("rotated"));
    expect((await get("/api/me", bearer)).status).toBe(401);
    expect((await get("/api/me", { authorization: "Bearer a-newer-bearer" })).status).toBe(200);
    expect((await get("/api/me", { authorization: "Bearer stolen" })).status).toBe(401);
  });

  it("lets a signed session in, for this microapp, until the bearer changes", async () => {
    const response = await post("/api/session", { ...bearer, "x-forwarded-proto": "https" });
    const [setCookie = ""] = response.headers.getSetCookie();
    expect(setCookie).toMatch(
      /^web_session=.*; Path=\/; Max-Age=28800; HttpOnly; SameSite=Lax; Secure$/,
    );
    const { cookie } = await signIn();
    expect(await (await get("/api/me", { cookie })).json()).toEqual({
      kind: "session",
      subject: "ana",
    });
    for (
      const forged of [`${cookie}x`, cookie.replace("=", "=x"), "web_session=", "web_session=a.b"]
    ) {
      expect((await get("/api/me", { cookie: forged })).status).toBe(401);
    }
    served.host.rotateToken({ from: TOKEN, to: "a-newer-bearer" });
    await served.host.until(() => served.host.logged().includes("rotated"));
    expect((await get("/api/me", { cookie })).status).toBe(401);
  });

  it("takes no changing request with a cookie from another site's page", async () => {
    const { cookie } = await signIn();
    const status = async (headers: Record<string, string>) =>
      (await post("/api/me", { cookie, ...headers })).status;
    expect(await status({ "sec-fetch-site": "same-origin" })).toBe(200);
    expect(await status({ "sec-fetch-site": "cross-site" })).toBe(401);
    expect(await status({ "sec-fetch-site": "same-site" })).toBe(401);
    expect(await status({ origin: "https://edge.example", "x-forwarded-host": "edge.example" }))
      .toBe(200);
    expect(await status({ origin: "https://evil.example", "x-forwarded-host": "edge.example" }))
      .toBe(401);
    expect(await status({ origin: "null" })).toBe(401);
    expect(await status({})).toBe(401);
    expect((await get("/api/me", { cookie, "sec-fetch-site": "cross-site" })).status).toBe(200);
  });

  it("knows whom nexo let in, by core's own proof and by nothing else", async () => {
    const hop = (change: Partial<Parameters<typeof hopHeaders>[0]>, nowMs = Date.now()) =>
      Object.fromEntries(
        hopHeaders({
          microappId: "web",
          address: ADDRESS,
          request: {
            kind: "http",
            method: "GET",
            target: "/api/me",
            headers: [],
            has_body: false,
            client: { ip: "192.0.2.7", proto: "https", host: "edge.example" },
            request_id: "r-1",
          },
          caller: { subject: "ana", scope: ["tenant"], account: "acme" },
          key: HOP_KEY,
          ...change,
        }, () => nowMs).filter(([name]) => name !== "host"),
      );
    expect(await (await get("/api/me", hop({}))).json()).toEqual({
      kind: "nexo",
      subject: "ana",
      accountId: "acme",
    });
    expect((await get("/api/me", hop({ key: "another" }))).status).toBe(401);
    expect((await get("/api/me", hop({ microappId: "other" }))).status).toBe(401);
    expect((await get("/api/me", hop({ caller: null }))).status).toBe(401);
    expect((await get("/api/me", hop({}, Date.now() - 120_000))).status).toBe(401);
    expect((await post("/api/me", hop({}))).status).toBe(401);
    expect((await get("/api/me", { "x-nexo-subject": "ana" })).status).toBe(401);
    const none = `${Buffer.from('{"alg":"none"}').toString("base64url")}.e30.`;
    expect((await get("/api/me", { "x-nexo-hop": none })).status).toBe(401);
  });
});

describe("adminProxy()", () => {
  const call = async (body: unknown) => {
    const response = await post("/api/admin", bearer, body);
    return [response.status, await response.json()] as const;
  };

  it("calls what is on the list, by either name, and answers as nexo's own does", async () => {
    const ok = [200, { ok: true, result: { agents: [] } }];
    expect(await call({ method: "agents/list" })).toEqual(ok);
    expect(await call({ method: "nexo/admin/agents/list", params: {} })).toEqual(ok);
    expect(await call({ method: "agents/get", params: { agent_id: "x" } })).toMatchObject([404, {
      ok: false,
      error: { code: "not_found" },
    }]);
  });

  it("calls nothing else, and nothing for strangers", async () => {
    const before = served.host.adminCalls().length;
    for (const method of ["secrets/write", "nexo/admin/secrets/write", "agents/../secrets/write"]) {
      expect(await call({ method })).toMatchObject([403, {
        error: { code: "method_not_allowed" },
      }]);
    }
    for (const body of [undefined, [], "x", { params: {} }]) {
      expect(await call(body)).toMatchObject([400, { error: { code: "invalid_params" } }]);
    }
    expect((await post("/api/admin", {}, { method: "agents/list" })).status).toBe(401);
    expect((await post("/api/admin", bearer, { method: "x".repeat(2_000_000) })).status).toBe(413);
    expect(served.host.adminCalls()).toHaveLength(before);
  });
});

describe("events", () => {
  async function hear(until: string, headers: Record<string, string> = {}): Promise<string> {
    const stop = new AbortController();
    const { body } = await fetch(`${served.url}/api/events`, { headers, signal: stop.signal });
    const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes(until)) text += (await reader?.read())?.value ?? "";
    stop.abort();
    await reader?.cancel().catch(() => undefined);
    return text;
  }

  it("come with ids, only those a caller may hear, and go on where a browser left", async () => {
    const stop = new AbortController();
    const { body } = await fetch(`${served.url}/api/events`, { signal: stop.signal });
    const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = (await reader?.read())?.value ?? "";
    expect(text).toBe("retry: 2000\n\n");
    const first = events.publish({ data: { n: 1 } });
    events.publish({ data: { n: 2 }, account: "globex" });
    events.publish({ data: { n: 3 }, event: "sold" });
    while (!text.includes('{"n":3}')) text += (await reader?.read())?.value ?? "";
    stop.abort();
    expect(text).toContain(`id: ${first}\ndata: {"n":1}\n\n`);
    expect(text).toContain('event: sold\ndata: {"n":3}\n\n');
    expect(text).not.toContain('"n":2');

    const rest = await hear('{"n":3}', { "last-event-id": first });
    expect(rest).not.toContain('{"n":1}');
    expect(rest).not.toContain("gap");
  });

  it("tell when a browser is gone", async () => {
    const left = new Promise<void>((resolve) => void (watcherLeft = resolve));
    const stop = new AbortController();
    const { body } = await fetch(`${served.url}/api/watched`, { signal: stop.signal });
    await body?.getReader().read();
    stop.abort();
    await left;
  });

  it("say when some are gone", async () => {
    const first = events.publish({ data: "old" });
    for (let i = 0; i < 6; i++) events.publish({ data: i });
    expect(await hear("data: 5", { "last-event-id": first })).toMatch(/event: gap[^]*data: 1\n/);
    expect(await hear("gap", { "last-event-id": "other-3" })).toContain("event: gap");
  });
});

describe("files", () => {
  beforeEach(async () => {
    const ui = join(served.dir, "ui");
    await mkdir(join(ui, "assets"), { recursive: true });
    await writeFile(join(ui, "index.html"), "<html><head><title>t</title></head></html>");
    await writeFile(join(ui, "assets/index-BjK3x_9a.js"), "1");
    await writeFile(join(ui, "assets/app-component.js"), "2");
    await writeFile(join(ui, "ü 1%.txt"), "umlaut");
    await writeFile(join(ui, ".env"), "hidden");
    await writeFile(join(served.dir, "secret.txt"), "outside");
    await symlink(join(served.dir, "secret.txt"), join(ui, "link.txt"));
  });

  it("are sent with their type, for ever when their name says so, and not again when known", async () => {
    const hashed = await get("/assets/index-BjK3x_9a.js");
    expect(hashed.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect(hashed.headers.get("content-type")).toMatch(/javascript/);
    expect(await hashed.text()).toBe("1");
    const plain = await get("/assets/app-component.js");
    expect(plain.headers.get("cache-control")).toBe("no-cache");
    const etag = plain.headers.get("etag") ?? "";
    expect((await get("/assets/app-component.js", { "if-none-match": etag })).status).toBe(304);
    expect(await (await get("/%C3%BC%201%25.txt")).text()).toBe("umlaut");
    const head = await fetch(`${served.url}/assets/index-BjK3x_9a.js`, { method: "HEAD" });
    expect(head.headers.get("content-length")).toBe("1");
  });

  it("fall back to the page where a browser goes, with the place its links start from", async () => {
    const page = await get("/customers/5", { "x-forwarded-prefix": "/apps/web" });
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('<head><base href="/apps/web/"><title>');
    expect(await (await get("/")).text()).not.toContain("<base");
    const other = await get("/", { "x-forwarded-prefix": '/"><script>' });
    expect(await other.text()).not.toContain("script");
    expect((await get("/api/nothing")).status).toBe(404);
    expect((await get("/assets/gone.js")).status).toBe(404);
  });

  it("are only those below their directory, however they are asked for", async () => {
    const part = fc.constantFrom(
      "..",
      "%2e%2e",
      ".",
      "/",
      "%2f",
      "%5c",
      "secret.txt",
      "ui",
      "%00",
      "link.txt",
      ".env",
      "%2eenv",
      "assets",
      "..%2f",
    );
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 6 }), async (parts) => {
        const text = await (await get(`/${parts.join("/")}`)).text();
        expect(text).not.toMatch(/outside|hidden/);
      }),
      { numRuns: 150 },
    );
  });
});
