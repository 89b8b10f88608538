/**
 * What the edge answers beside webhooks, and how it starts and ends.
 *
 * @module
 */
import { Agent, get } from "node:http";
import { describe, expect, it } from "vitest";
import { CodedError, type Handoff, Readiness, subjects } from "../../../core/contract/mod.ts";
import { startNodeEdge } from "../../../edge/node.ts";
import { readPrometheus, valueOf } from "../../support/prometheus.ts";
import { configOf, github, keepIn, memoryLog, SECRET, send, startEdge } from "./support.ts";

const json = (answer: { body: string }) => JSON.parse(answer.body) as Record<string, unknown>;
const text = (data: Uint8Array) => new TextDecoder().decode(data);
const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

const rawToken = {
  id: "raw",
  path: "/webhooks/raw",
  preset: "raw_token",
  secret_env: "RAW_SECRET",
};

const onlyOperator = (request: Request) =>
  Promise.resolve(request.headers.get("authorization") === "Bearer operator");

describe("operations", () => {
  it("/healthz is open, and every answer carries the security headers", async () => {
    await using fixture = await startEdge(configOf([]));
    for (const path of ["/healthz", "/readyz", "/metrics", "/nothing", "/chat/web/messages"]) {
      const { headers } = await send(fixture.edge.url + path, { method: "GET" });
      expect([path, headers["x-content-type-options"], headers["x-frame-options"]])
        .toEqual([path, "nosniff", "DENY"]);
    }
    const answer = await send(`${fixture.edge.url}/healthz`, { method: "GET" });
    expect([answer.status, json(answer)]).toEqual([200, { status: "ok", version: "test" }]);
  });

  it("/readyz and /metrics are open to this machine, and to tokens through a proxy", async () => {
    await using fixture = await startEdge(configOf([github]), { authorize: onlyOperator });
    for (const path of ["/readyz", "/metrics"]) {
      const ask = (headers: Record<string, string>) =>
        send(fixture.edge.url + path, { method: "GET", headers });
      expect((await ask({})).status).toBe(200);
      const proxied = await ask({ "x-forwarded-for": "127.0.0.1" });
      expect([proxied.status, proxied.headers["www-authenticate"]]).toEqual([401, "Bearer"]);
      const operator = { "x-forwarded-for": "192.0.2.1", authorization: "Bearer operator" };
      expect((await ask(operator)).status).toBe(200);
    }
  });

  it("/readyz says what is not ready", async () => {
    await using fixture = await startEdge(configOf([]), {
      readiness: () =>
        Promise.resolve({
          ready: false,
          config_version: 1,
          parts: [
            { part: "store", state: "down", reason: "free some space" },
            { part: "bus", state: "ready", reason: null },
          ],
        }),
    });
    const answer = await send(`${fixture.edge.url}/readyz`, { method: "GET" });
    expect([answer.status, json(answer)]).toEqual([503, {
      ready: false,
      config_version: 1,
      parts: [
        { part: "config", state: "ready", reason: null },
        { part: "sources", state: "ready", reason: null },
        { part: "store", state: "down", reason: "free some space" },
        { part: "bus", state: "ready", reason: null },
      ],
    }]);
  });

  it("/readyz is 503 before the sources are known, and names the secret that is missing after", async () => {
    await using fixture = await startEdge(configOf([]), { config: undefined });
    const ask = () => send(`${fixture.edge.url}/readyz`, { method: "GET" });
    const before = await ask();
    expect([before.status, before.body]).toEqual([503, expect.stringContaining("has not told")]);
    fixture.edge.apply(configOf([github], {}, { GH_SECRET: undefined }));
    const after = await ask();
    expect(after.status).toBe(200);
    expect(Readiness.parse(json(after)).parts).toContainEqual({
      part: "sources",
      state: "degraded",
      reason: '1 of 1 sources answer 503 for want of a secret: set "GH_SECRET"',
    });
  });

  it.each([
    ["x-forwarded-for", "127.0.0.1"],
    ["x-forwarded-for", "::1, 127.0.0.1"],
    ["forwarded", "for=127.0.0.1"],
    ["x-real-ip", "127.0.0.1"],
    ["via", "1.1 proxy"],
  ])("no proxy header makes a stranger local: %s %s", async (name, value) => {
    for (const trusted_proxies of [[], ["127.0.0.0/8"]]) {
      await using fixture = await startEdge(configOf([], { trusted_proxies }));
      for (const path of ["/readyz", "/metrics"]) {
        const headers = { [name]: value };
        const answer = await send(fixture.edge.url + path, { method: "GET", headers });
        expect(answer.status).toBe(401);
      }
    }
  });

  it("/metrics counts answers by source, and names a tenant's own source only when told to", async () => {
    const config = configOf([
      github,
      { ...github, id: "acme-gh", path: "/webhooks/acme", account_id: "acme" },
    ]);
    await using fixture = await startEdge(config);
    const scrape = async () => {
      for (const path of ["gh", "acme"]) {
        await send(`${fixture.edge.url}/webhooks/${path}`, { body: "{}" });
      }
      const { body } = await send(`${fixture.edge.url}/metrics`, { method: "GET" });
      return { body, families: readPrometheus(body) };
    };
    const { body, families } = await scrape();
    const refused = { result: "unauthorized" };
    const name = "nexo_edge_webhooks_total";
    expect(valueOf(families, name, { source: "gh", ...refused })).toBe(1);
    expect(valueOf(families, name, { source: "_tenant", ...refused })).toBe(1);
    expect(valueOf(families, "nexo_edge_sources")).toBe(2);
    expect(body).not.toContain("acme");
    fixture.edge.apply({ ...config, tenant_label: true });
    expect(valueOf((await scrape()).families, name, { source: "acme-gh", ...refused })).toBe(1);
  });

  it("/metrics tells how hand-offs ended and how long they took", async () => {
    await using fixture = await startEdge(configOf([rawToken]));
    const post = (id: string) =>
      send(`${fixture.edge.url}/webhooks/raw`, {
        headers: { "x-webhook-token": SECRET, "x-event-type": "made", "x-event-id": id },
        body: "{}",
      });
    for (const id of ["1", "1", "2"]) expect((await post(id)).status).toBe(204);
    const { body } = await send(`${fixture.edge.url}/metrics`, { method: "GET" });
    const families = readPrometheus(body);
    expect(valueOf(families, "nexo_edge_handoffs_total", { result: "accepted" })).toBe(2);
    expect(valueOf(families, "nexo_edge_handoffs_total", { result: "duplicate" })).toBe(1);
    expect(valueOf(families, "nexo_edge_handoff_seconds_count")).toBe(3);
    expect(valueOf(families, "nexo_edge_webhooks_in_flight")).toBe(0);
  });

  it("another method gets 405 with Allow", async () => {
    await using fixture = await startEdge(configOf([]));
    for (const [path, allow] of [["/rpc", "POST"], ["/healthz", "GET, HEAD"]] as const) {
      const answer = await send(fixture.edge.url + path, { method: "PUT" });
      expect([answer.status, answer.headers["allow"]]).toEqual([405, allow]);
    }
  });
});

describe("/rpc", () => {
  it("hands the call and its token to core, and core's answer back", async () => {
    await using fixture = await startEdge(configOf([]));
    fixture.bus.respond(
      subjects.admin,
      {},
      ({ data, headers }) =>
        Promise.resolve(
          bytes({ token: headers["authorization"], call: JSON.parse(text(data)) as unknown }),
        ),
    );
    const answer = await send(`${fixture.edge.url}/rpc`, {
      headers: { authorization: "Bearer t" },
      body: '{"method":"nexo/echo"}',
    });
    expect([answer.status, json(answer)])
      .toEqual([200, { token: "Bearer t", call: { method: "nexo/echo" } }]);
  });

  it("asks core nothing without a bearer, and tells core's refusals apart", async () => {
    await using fixture = await startEdge(configOf([]));
    const call = (headers: Record<string, string>) =>
      send(`${fixture.edge.url}/rpc`, { headers, body: "{}" });
    const bearer = { authorization: "Bearer t" };
    expect((await call({})).status).toBe(401);
    const nobody = await call(bearer);
    expect([nobody.status, nobody.headers["retry-after"]]).toEqual([503, "5"]);
    fixture.bus.respond(
      subjects.admin,
      {},
      () =>
        Promise.reject(new CodedError("token_invalid", "Cannot verify token: key 7 is unknown")),
    );
    const refused = await call(bearer);
    expect([refused.status, refused.body.includes("key 7")]).toEqual([401, false]);
  });
});

describe("the chat", () => {
  const chat = async (options: Parameters<typeof startEdge>[1] = {}) => {
    const fixture = await startEdge(configOf([]), { authorize: onlyOperator, ...options });
    const asked: Record<string, unknown>[] = [];
    fixture.bus.respond(subjects.chat, {}, ({ data }) => {
      const request = JSON.parse(text(data)) as Record<string, unknown>;
      asked.push(request);
      if (request["instance"] === "none") return Promise.reject(new CodedError("not_found", "No"));
      return Promise.resolve(bytes({ ok: true }));
    });
    const url = `${fixture.edge.url}/chat/web/messages`;
    const say = (body: unknown, headers: Record<string, string> = {}) =>
      send(url, { body: JSON.stringify(body), headers });
    return {
      fixture,
      asked,
      url,
      say,
      [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
    };
  };
  const cookieOf = ({ headers }: Awaited<ReturnType<typeof send>>) => String(headers["set-cookie"]);

  it("knows a visitor again by a cookie that scripts cannot read", async () => {
    await using it = await chat();
    const first = await it.say({ text: "hello", client_msg_id: "m1" });
    expect([first.status, json(first)]).toEqual([202, { ok: true }]);
    expect(cookieOf(first)).toMatch(
      /^nexo_visitor=.*; Path=\/chat\/web; .*HttpOnly; SameSite=Lax$/,
    );
    const cookie = cookieOf(first).split(";")[0] ?? "";
    const second = await it.say({ text: "again" }, { cookie });
    expect(second.headers["set-cookie"]).toBeUndefined();
    const read = await send(`${it.url}?after=c1`, { method: "GET", headers: { cookie } });
    expect(read.status).toBe(200);

    const contact = it.asked[0]?.["contact"];
    expect(contact).toMatch(/^visitor-[0-9a-f]{32}$/);
    expect(it.asked).toEqual([
      { op: "say", instance: "web", contact, text: "hello", msg_id: "m1" },
      {
        op: "say",
        instance: "web",
        contact,
        text: "again",
        msg_id: second.headers["x-request-id"],
      },
      { op: "read", instance: "web", contact, after: "c1" },
    ]);
  });

  it("takes a cookie made elsewhere, for another instance or by another key, for none", async () => {
    await using it = await chat();
    await using other = await chat({ visitorSecret: "another deployment" });
    const id = "0".repeat(32);
    const foreign = cookieOf(await other.say({ text: "x" })).split(";")[0] ?? "";
    const shop = cookieOf(
      await send(it.url.replace("/web/", "/shop/"), { body: '{"text":"x"}' }),
    ).split(";")[0] ?? "";
    for (const cookie of [`nexo_visitor=${id}`, `nexo_visitor=${id}.00`, foreign, shop]) {
      expect(cookieOf(await it.say({ text: "x" }, { cookie }))).toContain("nexo_visitor=");
    }
    expect(new Set(it.asked.map(({ contact }) => contact)).size).toBe(5);
  });

  it("lets operators, and nobody else, name the contact", async () => {
    await using it = await chat();
    const said = { text: "x", contact: "customer-7" };
    expect((await it.say(said)).status).toBe(401);
    expect((await it.say(said, { authorization: "Bearer visitor" })).status).toBe(403);
    expect(it.asked).toEqual([]);
    const answer = await it.say(said, { authorization: "Bearer operator" });
    expect([answer.status, answer.headers["set-cookie"]]).toEqual([202, undefined]);
    await send(`${it.url}?contact=customer-7`, {
      method: "GET",
      headers: { authorization: "Bearer operator" },
    });
    expect(it.asked.map(({ op, contact }) => [op, contact]))
      .toEqual([["say", "customer-7"], ["read", "customer-7"]]);
  });

  it.each([
    ["", 400],
    ["[]", 400],
    ['{"text":""}', 400],
    ['{"text":"  "}', 400],
    ['{"text":"x","more":1}', 400],
    [JSON.stringify({ text: "x".repeat(8001) }), 400],
    [JSON.stringify({ text: "é".repeat(8000) }), 202],
    [" ".repeat(70_000), 413],
  ])("answers the body %j", async (body, status) => {
    await using it = await chat();
    expect((await send(it.url, { body })).status).toBe(status);
  });

  it("maps core's refusal, and a name that can be no instance, to 404", async () => {
    await using it = await chat();
    // The last is the path of a page, where nothing is posted.
    for (const [instance, status] of [["none", 404], ["a.b", 404], ["%2e", 405]] as const) {
      const answer = await send(it.url.replace("web", instance), { body: '{"text":"x"}' });
      expect([instance, answer.status]).toEqual([instance, status]);
    }
  });

  it("slows a visitor who talks faster than people do, and lets them go on when told", async () => {
    await using it = await chat();
    const cookie = cookieOf(await it.say({ text: "x" })).split(";")[0] ?? "";
    for (let i = 0; i < 10; i++) expect((await it.say({ text: "x" }, { cookie })).status).toBe(202);
    const refused = await it.say({ text: "x" }, { cookie });
    expect([refused.status, refused.headers["retry-after"]]).toEqual([429, "1"]);
    it.fixture.clock.nowMs += 1000;
    expect((await it.say({ text: "x" }, { cookie })).status).toBe(202);
  });

  it("slows an address that makes ever new visitors", async () => {
    await using it = await chat();
    const statuses = [];
    for (let i = 0; i < 52; i++) statuses.push((await it.say({ text: "x" })).status);
    expect(statuses.indexOf(429)).toBe(50);
  });
});

describe("startNodeEdge()", () => {
  it("says which port is taken and how to choose another", async () => {
    await using fixture = await startEdge(configOf([]));
    const port = Number(new URL(fixture.edge.url).port);
    const second = startNodeEdge({
      bus: fixture.bus,
      config: configOf([]),
      port,
      hostname: "127.0.0.1",
      log: memoryLog(),
      version: "test",
    });
    await expect(second).rejects.toMatchObject({ code: "port_in_use" });
    await expect(second).rejects.toThrow(`"127.0.0.1:${port}"`);
    await expect(second).rejects.toThrow("NEXO_PORT");
  });

  it("ends requests under way before it closes, and takes no new ones", async () => {
    const handoffs: Handoff[] = [];
    const keep = keepIn(handoffs);
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => release = resolve);
    let arrived = (): void => undefined;
    const arriving = new Promise<void>((resolve) => arrived = resolve);
    await using fixture = await startEdge(configOf([{ ...github, preset: "raw_token" }]), {
      serve: async (batch) => {
        arrived();
        await released;
        return keep(batch);
      },
    });
    const { url } = fixture.edge;
    const headers = { "x-webhook-token": SECRET, "x-event-type": "t" };
    const underWay = send(`${url}/webhooks/gh`, { body: "{}", headers });
    await arriving;
    const closed = fixture.edge[Symbol.asyncDispose]();
    await expect(send(`${url}/healthz`, { method: "GET" })).rejects.toThrow();
    release();
    expect((await underWay).status).toBe(204);
    await closed;
    expect(handoffs).toHaveLength(1);
  });

  it("closes at once when clients keep idle connections open, and closes twice as well as once", async () => {
    await using fixture = await startEdge(configOf([]), { drainMs: 60_000 });
    const agent = new Agent({ keepAlive: true });
    await new Promise<void>((resolve, reject) => {
      get(
        `${fixture.edge.url}/healthz`,
        { agent },
        (response) => response.resume().on("end", resolve),
      )
        .on("error", reject);
    });
    await fixture.edge[Symbol.asyncDispose]();
    await fixture.edge[Symbol.asyncDispose]();
    agent.destroy();
  });
});
