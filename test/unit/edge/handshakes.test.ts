/**
 * Challenges, pings and answers of providers, over real HTTP.
 *
 * @module
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { oracleOf, post, startWith, VERIFY_TOKEN } from "./provider_support.ts";
import { configOf, send, startEdge } from "./support.ts";

describe("Meta's subscription check", () => {
  const url = (query: Record<string, string> | [string, string][]) =>
    `/s?${new URLSearchParams(query).toString()}`;
  const right = {
    "hub.mode": "subscribe",
    "hub.challenge": "115810<b>",
    "hub.verify_token": VERIFY_TOKEN,
  };

  it("is answered with the challenge as plain text, whatever the order and even without a secret", async () => {
    await using fixture = await startWith("meta");
    const get = (query: typeof right) => send(fixture.edge.url + url(query), { method: "GET" });
    const answer = await get(right);
    expect([answer.status, answer.body, answer.headers["content-type"]]).toEqual([
      200,
      "115810<b>",
      "text/plain",
    ]);
    expect(answer.headers["x-content-type-options"]).toBe("nosniff");
    const raw = { id: "s", path: "/s", preset: "meta", secret_env: "S" };
    fixture.edge.apply(configOf([raw], {}, { S: undefined, S_VERIFY_TOKEN: VERIFY_TOKEN }));
    expect((await get(right)).body).toBe("115810<b>");
    expect(fixture.handoffs).toEqual([]);
  });

  it("is refused when anything is not exactly so", async () => {
    await using fixture = await startWith("meta");
    const { "hub.challenge": _challenge, ...silent } = right;
    const { "hub.verify_token": _token, ...tokenless } = right;
    const attempts: (Record<string, string> | [string, string][])[] = [
      { ...right, "hub.mode": "unsubscribe" },
      { ...right, "hub.mode": "SUBSCRIBE" },
      { ...right, "hub.verify_token": `${VERIFY_TOKEN} ` },
      { ...right, "hub.verify_token": VERIFY_TOKEN.slice(1) },
      { ...right, "hub.verify_token": "" },
      silent,
      tokenless,
      {},
      [...Object.entries(right), ["hub.verify_token", VERIFY_TOKEN]],
      [...Object.entries(right), ["hub.mode", "other"]],
    ];
    for (const attempt of attempts) {
      const answer = await send(fixture.edge.url + url(attempt), { method: "GET" });
      expect([attempt, answer.status]).toEqual([attempt, 403]);
      expect(answer.body).not.toContain("115810");
    }
    await fc.assert(
      fc.asyncProperty(fc.string(), async (token) => {
        fc.pre(token !== VERIFY_TOKEN);
        const query = { ...right, "hub.verify_token": token };
        expect((await send(fixture.edge.url + url(query), { method: "GET" })).status).toBe(403);
      }),
      { numRuns: 20 },
    );
    const head = await send(fixture.edge.url + url(right), { method: "HEAD" });
    expect(head.status).toBe(405);
  });

  it("is refused when no token is set, and where no handshake belongs", async () => {
    const raw = { id: "s", path: "/s", secret_env: "S" };
    await using fixture = await startEdge(
      configOf([{ ...raw, preset: "meta" }], {}, { S_VERIFY_TOKEN: "" }),
    );
    const get = () =>
      send(fixture.edge.url + url({ ...right, "hub.verify_token": "" }), { method: "GET" });
    expect((await get()).status).toBe(403);
    fixture.edge.apply(configOf([{ ...raw, preset: "github" }]));
    expect((await get()).status).toBe(405);
  });
});

describe("Slack", () => {
  it("gets its challenge back when it signed it, and nothing is kept", async () => {
    await using fixture = await startWith("slack");
    const body = { token: "t", challenge: "3eZbrw1a<script>", type: "url_verification" };
    const answer = await post(fixture, "slack", body);
    expect([answer.status, answer.body, answer.headers["content-type"]]).toEqual([
      200,
      "3eZbrw1a<script>",
      "text/plain",
    ]);
    const unsigned = await send(`${fixture.edge.url}/s`, { body: JSON.stringify(body) });
    expect(unsigned.status).toBe(401);
    expect(fixture.handoffs).toEqual([]);
  });

  it("gets no challenge back for what only looks like one", async () => {
    await using fixture = await startWith("slack");
    for (
      const body of [
        { type: "URL_VERIFICATION", challenge: "c" },
        { type: "event_callback", event: { type: "url_verification", challenge: "c" } },
        { type: "url_verification", challenge: 7 },
        { type: "url_verification" },
        { type: ["url_verification"], challenge: "c" },
      ]
    ) expect((await post(fixture, "slack", body)).body).not.toBe("c");
  });

  it("has its certificate checked without a signature, by exactly that form", async () => {
    await using fixture = await startWith("slack");
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const probe = (body: string) => send(`${fixture.edge.url}/s`, { body, headers });
    expect((await probe("ssl_check=1&token=abc")).status).toBe(200);
    for (
      const body of ["ssl_check=0", "ssl_check=1&ssl_check=1", "xssl_check=1", "a=ssl_check=1"]
    ) {
      expect((await probe(body)).status).toBe(401);
    }
    expect(fixture.handoffs).toEqual([]);
  });

  it("sends events, interactions and commands, each with a kind and a payload", async () => {
    await using fixture = await startWith("slack");
    const type = { "content-type": "application/x-www-form-urlencoded" };
    const payload = { type: "block_actions", trigger_id: "1.2.a" };
    const bodies: [unknown, Record<string, string>?][] = [
      [{ type: "event_callback", event_id: "Ev1", event: { type: "app_mention" } }],
      [`payload=${encodeURIComponent(JSON.stringify(payload))}`, type],
      ["command=%2Fdeploy&text=now&trigger_id=3.4.b", type],
    ];
    for (const [body, headers] of bodies) {
      const answer = await post(fixture, "slack", body, headers);
      expect([answer.status, answer.body]).toEqual([200, ""]);
    }
    expect(fixture.handoffs.map(({ envelope, dedupe_key: key }) => [envelope.event_kind, key]))
      .toEqual([
        ["app_mention", "id:Ev1"],
        ["block_actions", "id:1.2.a"],
        ["/deploy", "id:3.4.b"],
      ]);
    expect(fixture.handoffs[1]?.body.json?.value).toEqual(payload);
    expect(fixture.handoffs[2]?.body.json?.value).toMatchObject({ text: "now" });
  });
});

describe("Discord", () => {
  it("gets a PONG for a signed PING and 401 for any other", async () => {
    await using fixture = await startWith("discord");
    const answer = await post(fixture, "discord", { type: 1 });
    expect([answer.status, answer.body, answer.headers["content-type"]]).toEqual([
      200,
      '{"type":1}',
      "application/json",
    ]);
    expect((await send(`${fixture.edge.url}/s`, { body: '{"type":1}' })).status).toBe(401);
    expect(fixture.handoffs).toEqual([]);
  });

  it.each([
    [2, "application_command", '{"type":5}'],
    [3, "message_component", '{"type":6}'],
    [4, "application_command_autocomplete", '{"type":8,"data":{"choices":[]}}'],
    [5, "modal_submit", '{"type":5}'],
  ])("keeps an interaction of type %i as %s before it answers", async (type, kind, reply) => {
    await using fixture = await startWith("discord");
    const answer = await post(fixture, "discord", { type, id: "846" });
    expect([answer.status, answer.body]).toEqual([200, reply]);
    expect(fixture.handoffs[0]).toMatchObject({
      envelope: { event_kind: kind },
      dedupe_key: "id:846",
    });
  });

  it("hears nothing good when the interaction could not be kept", async () => {
    const { preset, secret } = oracleOf("discord");
    const raw = { id: "s", path: "/s", preset, secret_env: "S" };
    await using fixture = await startEdge(configOf([raw], {}, { S: secret }), {
      serve: (batch) =>
        Promise.resolve(
          batch.map(() => ({ kind: "refused", code: "store_full", retryable: true })),
        ),
    });
    expect((await post(fixture, "discord", { type: 2, id: "1" })).status).toBe(503);
  });
});
