import { jwtVerify } from "jose";
import { once } from "node:events";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { type ExchangeClient, openExchangeClient } from "../../../../core/bus/exchanges/client.ts";
import type { ExchangeRequest } from "../../../../core/contract/mod.ts";
import { type AppsFixture, HOP_KEY, openApps } from "../../../support/apps.ts";

interface Echo {
  readonly headers: readonly string[];
}

const headersOf = ({ headers }: Echo): Record<string, string> =>
  Object.fromEntries(
    headers.flatMap((name, i) =>
      i % 2 === 0 ? [[name.toLowerCase(), headers[i + 1] ?? ""] as const] : []
    ),
  );
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

let place: AppsFixture;
beforeAll(async () => {
  place = await openApps({ maxExchanges: 6 });
});
afterAll(async () => {
  await place[Symbol.asyncDispose]();
});
beforeEach(async () => {
  Object.assign(place.access, { access: "public", maxExchanges: 1_024, account: null });
  await idle(place);
});
async function idle({ open }: AppsFixture): Promise<void> {
  while (open().edge > 0 || open().core > 0) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
const at = (path: string, init?: RequestInit) => fetch(`${place.url}/apps/web${path}`, init);
const codeOf = async (response: Response) =>
  (await response.json() as { error: { code: string; request_id: string } }).error.code;

describe("a microapp that anybody may use", () => {
  it("is told by whom a request came, in a way that can be proven", async () => {
    const headers = headersOf(await (await at("/echo?x=1", { method: "POST" })).json() as Echo);
    const { payload } = await jwtVerify(
      headers["x-nexo-hop"] ?? "",
      new TextEncoder().encode(HOP_KEY),
      { issuer: "nexo", audience: "web", algorithms: ["HS256"], requiredClaims: ["exp", "jti"] },
    );
    expect(payload).toMatchObject({
      method: "POST",
      target: "/echo?x=1",
      ip: "127.0.0.1",
      request_id: headers["x-nexo-request-id"],
    });
    expect(payload.sub).toBeUndefined();
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(60);
  });
});

describe("a microapp behind our tokens", () => {
  beforeEach(() => {
    Object.assign(place.access, { access: "token", account: "acme" });
  });

  it("is closed without one, with a wrong one, and with one of another tenant", async () => {
    for (const init of [{}, bearer("bad"), bearer("good-eve-globex")]) {
      const response = await at("/echo", init);
      expect([response.status, response.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
      expect(await codeOf(response)).toBe("token_invalid");
    }
    expect((await at("/echo?token=good-ana-acme")).status).toBe(401);
  });

  it("opens with one, is told whose it is, and never gets the token itself", async () => {
    for (
      const [token, account] of [["good-ana-acme", "acme"], ["good-root-", undefined]] as const
    ) {
      const headers = headersOf(await (await at("/echo", bearer(token))).json() as Echo);
      expect(headers["authorization"]).toBeUndefined();
      expect(headers["x-nexo-subject"]).toBe(token.split("-")[1]);
      expect(headers["x-nexo-account"]).toBe(account);
      expect(JSON.stringify(headers)).not.toContain(token);
    }
  });

  it("opens a WebSocket with one as a subprotocol, which the microapp does not see", async () => {
    const url = `${place.url.replace("http", "ws")}/apps/web/socket`;
    const ws = new WebSocket(url, ["bearer.good-ana-acme", "chat"]);
    await once(ws, "open");
    expect(ws.protocol).toBe("chat");
    ws.send("headers");
    const [data] = await once(ws, "message");
    expect(String(data)).not.toContain("good-ana-acme");
    expect(String(data)).toContain("X-Nexo-Subject".toLowerCase());
    ws.close();
    const closed = new WebSocket(url, ["chat"]);
    closed.on("error", () => undefined);
    const [, response] = await once(closed, "unexpected-response");
    expect(response.statusCode).toBe(401);
    closed.terminate();
  });
});

describe("more than a microapp or an edge takes at once", () => {
  it("is told to come back", async () => {
    place.access.maxExchanges = 1;
    const stop = new AbortController();
    const { body } = await at("/events", { signal: stop.signal });
    const refused = await at("/echo");
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(await codeOf(refused)).toBe("microapp_busy");
    stop.abort();
    await body?.cancel().catch(() => undefined);
    while ((await at("/echo")).status !== 200);
  });

  it("is told so by the edge itself, and places are given back", async () => {
    const stop = new AbortController();
    const open = await Promise.all(
      Array.from({ length: 6 }, () => at("/events", { signal: stop.signal })),
    );
    expect(open.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
    const refused = await at("/echo");
    expect([refused.status, await codeOf(refused)]).toEqual([503, "microapp_busy"]);
    stop.abort();
    while ((await at("/echo")).status !== 200);
    await idle(place);
  });
});

describe("a microapp that takes its time", () => {
  it("is given up on before and within its answer, and nothing stays open", async () => {
    await using brief = await openApps({ times: { headMs: 1_000, idleMs: 300 } });
    const late = await fetch(`${brief.url}/apps/web/never`);
    expect([late.status, await codeOf(late)]).toEqual([504, "microapp_timeout"]);
    const stuck = await fetch(`${brief.url}/apps/web/stuck`);
    expect(stuck.status).toBe(200);
    await expect(stuck.text()).rejects.toThrow();
    await idle(brief);
  });
});

describe("an edge that forwards what it should have refused", () => {
  const request: ExchangeRequest = {
    kind: "http",
    method: "POST",
    target: "/echo",
    headers: [],
    has_body: true,
    client: { ip: "127.0.0.1", proto: "http", host: null },
    request_id: "r",
  };
  let edge: ExchangeClient & AsyncDisposable;
  beforeAll(async () => {
    edge = await openExchangeClient({
      bus: place.bus,
      key: undefined,
      now: Date.now,
      random: (bytes) => crypto.getRandomValues(bytes),
      log: place.log,
    });
  });
  afterAll(async () => {
    await edge[Symbol.asyncDispose]();
  });

  it.each<Partial<ExchangeRequest>>([
    { target: "/../secret" },
    { target: "/%2e%2e/secret" },
    { target: "/a b" },
    { target: "/a HTTP/1.1\r\nx: y" },
    { target: "http://169.254.169.254/" },
    { method: "CONNECT" },
    { method: "GET /x HTTP/1.1\r\n" },
    { headers: [["content-length", "1"], ["Content-Length", "2"]] },
    { headers: [["content-length", "1, 1"]] },
    { kind: "socket" },
  ])("is refused by core: %j", async (part) => {
    await expect(edge.open("web", { ...request, ...part })).rejects.toMatchObject({
      code: "invalid_params",
    });
  });

  it("cannot say more or less than its length, so that no second request hides in the first", async () => {
    const headers: ExchangeRequest["headers"] = [["content-length", "5"]];
    for (const body of ["123456", "1234"]) {
      const end = await edge.open("web", { ...request, headers });
      await end.write(new TextEncoder().encode(body));
      end.end();
      await expect(end.next()).rejects.toMatchObject({ code: "invalid_params" });
    }
    const bodyless = await edge.open("web", { ...request, headers, has_body: false });
    bodyless.end();
    const head = await bodyless.next();
    expect(head).toMatchObject({ kind: "head", head: { status: 200 } });
    bodyless.cancel("exchange_lost");
  });

  it("cannot put words into core's mouth", async () => {
    const end = await edge.open("web", {
      ...request,
      has_body: false,
      headers: [["X-Nexo-Subject", "root"], ["x_nexo_hop", "forged"], ["x-mine", "1"]],
    });
    end.end();
    await end.next();
    const body = await end.next();
    const said = body.kind === "data" ? new TextDecoder().decode(body.bytes) : "";
    expect(said).toContain("x-mine");
    expect(said).not.toMatch(/root|forged/);
    end.cancel("exchange_lost");
  });
});

describe("a microapp whose server is not well", () => {
  it("answers 503 until it is, and 404 is for what is not there", async () => {
    await (await at("/sick")).text();
    for (;;) {
      const response = await at("/echo");
      if (response.status === 200) continue;
      expect([response.status, await codeOf(response)]).toEqual([503, "microapp_not_ready"]);
      break;
    }
    const { url } = place.host.host.status()[0]?.http ?? { url: "" };
    await (await fetch(`${url}/well`)).text();
    while ((await at("/echo")).status !== 200);
    expect((await fetch(`${place.url}/apps/nobody/`)).status).toBe(404);
  });
});

describe("an edge that closes", () => {
  it("ends streams of events well, so that their clients go elsewhere", async () => {
    const own = await openApps();
    const { body } = await fetch(`${own.url}/apps/web/events`);
    const reader = body?.getReader();
    await reader?.read();
    const closing = own[Symbol.asyncDispose]();
    let isDone = false;
    while (!isDone) isDone = (await reader?.read())?.done !== false;
    await closing;
  });
});
