/**
 * What may stand in `webhook_receiver.yaml`, and what it comes to.
 *
 * @module
 */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  EdgeConfig,
  resolveSource,
  WebhookReceiver,
  WebhookSource,
} from "../../../../core/contract/mod.ts";
import { edgeConfigOf } from "../../../../core/settings/edge_config.ts";

const long = {
  id: "gh",
  path: "/webhooks/gh",
  signature: {
    algorithm: "hmac-sha256",
    header: "X-Hub-Signature-256",
    prefix: "sha256=",
    secret_env: "GH",
  },
  publish_to: "webhook.gh.${event_kind}",
  event_kind_from: { kind: "header", name: "X-GitHub-Event" },
};
const short = { id: "gh", path: "/webhooks/gh", preset: "github", secret_env: "GH" };

const problemsOf = (raw: Record<string, unknown>) =>
  WebhookSource.safeParse(raw).error?.issues.map(({ path, message }) =>
    `${path.join(".")}: ${message}`
  ) ?? [];

describe("WebhookReceiver", () => {
  it("has a default for everything", () => {
    expect(WebhookReceiver.parse({})).toEqual({
      enabled: false,
      body_cap_bytes: 1_048_576,
      request_timeout_ms: 15_000,
      default_rate_limit: null,
      default_concurrency_cap: 512,
      trusted_proxies: [],
      allow_realip_fallback: false,
      sources: [],
    });
  });

  it.each([
    { body_cap_bytes: 0 },
    { request_timeout_ms: 0 },
    { default_rate_limit: { rps: 1001, burst: 1 } },
    { default_rate_limit: { rps: -1, burst: 1 } },
    { default_rate_limit: { rps: 1, burst: 1.5 } },
    { default_concurrency_cap: -1 },
    { trusted_proxies: ["10.0.0.0/33"] },
    { trusted_proxies: ["proxy.local"] },
    { unknown: 1 },
    { sources: [short, { ...short, path: "/other" }] },
    { sources: [short, { ...short, id: "other" }] },
  ])("refuses %j", (raw) => {
    expect(WebhookReceiver.safeParse(raw).success).toBe(false);
  });

  it("takes 0 as no limit everywhere, and addresses as well as ranges", () => {
    const parsed = WebhookReceiver.parse({
      default_rate_limit: { rps: 0, burst: 0 },
      default_concurrency_cap: 0,
      trusted_proxies: ["10.0.0.0/8", "2001:db8::/32", "192.0.2.1", "::1"],
      sources: [{ ...short, concurrency_cap: 0, rate_limit: { rps: 0, burst: 9 } }],
    });
    expect(parsed.sources[0]?.concurrency_cap).toBe(0);
  });

  it("says who has an id or path already", () => {
    const { error } = WebhookReceiver.safeParse({ sources: [short, { ...short, path: "/b" }] });
    expect(error?.issues).toMatchObject([{
      path: ["sources", 1, "id"],
      message: '"gh" is taken by source "gh"',
    }]);
  });

  it("can be published as a JSON Schema", () => {
    expect(JSON.stringify(z.toJSONSchema(WebhookReceiver, { io: "input" }))).toContain(
      "hmac-sha256",
    );
  });
});

describe("resolveSource()", () => {
  const resolve = (raw: Record<string, unknown>) => resolveSource(WebhookSource.parse(raw));

  it("makes the same of a preset as of what it stands for", () => {
    expect({ ...resolve(short), preset: null }).toEqual({
      ...resolve({
        ...long,
        publish_to: undefined,
        dedupe: { header: "X-GitHub-Delivery" },
        response: { status: 204, within_ms: 9000 },
        form: { json: "payload" },
      }),
    });
  });

  it("lets any field override its preset", () => {
    const resolved = resolve({
      ...short,
      signature: { prefix: "", encoding: "base64" },
      event_kind_from: { kind: "body", path: "a.b" },
      dedupe: { body_hash: true },
      response: { status: 200, body: "ok" },
    });
    expect(resolved).toMatchObject({
      signature: { headers: ["x-hub-signature-256"], prefix: "", encoding: "base64" },
      event_kind_from: { kind: "body", paths: ["a.b"] },
      dedupe: { by: "body_hash", window_ms: 300_000 },
      response: { status: 200, body: "ok", content_type: null },
    });
  });

  it("knows deliveries by customary id headers when nothing is said", () => {
    expect(resolve(long).dedupe).toMatchObject({
      by: "header",
      names: expect.arrayContaining(["x-github-delivery", "idempotency-key"]) as string[],
      window_ms: 72 * 3600 * 1000,
    });
  });

  it("writes both placeholder forms as one", () => {
    expect(resolve(long).publish_to).toBe("webhook.gh.{event_kind}");
  });

  it("trims names and lower-cases headers", () => {
    expect(resolve({ ...long, id: " gh ", path: " /p " })).toMatchObject({
      id: "gh",
      path: "/p",
      signature: { headers: ["x-hub-signature-256"] },
      event_kind_from: { name: "x-github-event" },
    });
  });
});

describe("a source", () => {
  it("says what is missing without a preset", () => {
    expect(problemsOf({ id: "a", path: "/a" })).toEqual([
      "signature.algorithm: is required without a preset that gives it",
      "signature.header: is required without a preset that gives it",
      "event_kind_from: is required without a preset that gives it",
      "secret_env: is required",
    ]);
  });

  it.each([
    [{ publish_to: "plugin.inbound.{event_kind}" }, "publish_to"],
    [{ publish_to: "{event_kind}.x" }, "publish_to"],
    [{ publish_to: "nexo.rpc.admin" }, "publish_to"],
    [{ publish_to: "a..b" }, "publish_to"],
    [{ publish_to: "a.>" }, "publish_to"],
    [{ publish_to: "a.{kind}" }, "publish_to"],
    [{ publish_to: "a b" }, "publish_to"],
    [{ path: "no-slash" }, "path"],
    [{ path: "/a?b" }, "path"],
    [{ path: "/rpc" }, "path"],
    [{ path: "/apps/x" }, "path"],
    [{ id: "a.b" }, "id"],
    [{ id: " " }, "id"],
    [{ body_cap_bytes: 0 }, "body_cap_bytes"],
    [{ response: { status: 302 } }, "response.status"],
    [{ response: { status: 204, body: "x" } }, "response.status"],
    [{ dedupe: {} }, "dedupe"],
    [{ dedupe: { header: "X-A", body_hash: true } }, "dedupe"],
    [{ dedupe: { json_pointer: "id" } }, "dedupe.json_pointer"],
    [{ previous_secret_env: "OLD" }, "previous_secret_until"],
    [{ previous_secret_until: "2026-01-01T00:00:00Z" }, "previous_secret_env"],
    [{ previous_secret_env: "OLD", previous_secret_until: "soon" }, "previous_secret_until"],
    [{ secret_env: "A", signature: { secret_env: "B" } }, "secret_env"],
    [{ signature: { signed: "{timestamp}.{body}" } }, "signature.timestamp"],
    [{ signature: { signed: "{time}{body}" } }, "signature.signed"],
    [{ signature: { signed: "{timestamp}", timestamp: { header: "T" } } }, "signature.signed"],
    [{ signature: { timestamp: { part: "t" } } }, "signature.parts"],
    [{ signature: { timestamp: {} } }, "signature.timestamp"],
    [{ signature: { signed: "{id}{body}" }, dedupe: { body_hash: true } }, "dedupe"],
    [{ signature: { header: "X Y" } }, "signature.header"],
    [{ event_kind_from: { kind: "header", name: " " } }, "event_kind_from.name"],
    [{ preset: "tin_can" }, "preset"],
    [{ verify_token_env: "V" }, "verify_token_env"],
    [{ signature: { signed: "{url}{form}" } }, "signature.signed"],
    [{ signature: { timestamp: { body: "t", header: "T" } } }, "signature.timestamp"],
    [
      { signature: { signed: "{timestamp}{body}", timestamp: { body: "t" } } },
      "signature.timestamp",
    ],
    [{ answers: [{ when: {} }] }, "answers.0.when"],
    [{ answers: [{ when: { a: 1 }, signed: false, echo: "b" }] }, "answers.0.signed"],
    [{ answers: [{ when: { a: 1 }, body: "x", echo: "b" }] }, "answers.0"],
    [{ public_url: "https://a.example/?x" }, "public_url"],
    [{ rate_limit: { rps: 1 } }, "rate_limit.burst"],
    [{ more: 1 }, ""],
  ])("with %j is refused at %s", (change, where) => {
    expect(problemsOf({ ...short, ...change }).map((problem) => problem.split(": ")[0])).toContain(
      where,
    );
  });
});

describe("edgeConfigOf()", () => {
  const receiver = (raw: Record<string, unknown> = {}) =>
    WebhookReceiver.parse({ enabled: true, sources: [short], ...raw });

  it("gives what an edge can parse, secrets included", () => {
    const config = edgeConfigOf(receiver({ trusted_proxies: ["::1"] }), () => "12345678", 7);
    expect(EdgeConfig.parse(JSON.parse(JSON.stringify(config)))).toEqual(config);
    expect(config).toMatchObject({
      version: 7,
      sources: [{ secret: "12345678", disabled_reason: null }],
    });
  });

  it.each([[undefined, "missing or empty"], ["", "missing or empty"], [
    "1234567",
    "shorter than 8",
  ]])(
    "switches a source off whose secret is %j",
    (secret, reason) => {
      const [source] = edgeConfigOf(receiver(), () => secret, 1).sources;
      expect(source?.secret).toBeNull();
      expect(source?.disabled_reason).toContain(reason);
    },
  );

  it("counts the bytes of a secret, not its characters", () => {
    expect(edgeConfigOf(receiver(), () => "éééé", 1).sources[0]?.secret).toBe("éééé");
  });

  it("leaves out a previous secret that is too short, and keeps the source", () => {
    const sources = [{
      ...short,
      previous_secret_env: "OLD",
      previous_secret_until: "2030-01-01T00:00:00Z",
    }];
    const secretOf = (name: string) => name === "OLD" ? "x" : "12345678";
    expect(edgeConfigOf(receiver({ sources }), secretOf, 1).sources[0])
      .toMatchObject({ secret: "12345678", previous_secret: null });
  });

  it("has no sources when the receiver is off", () => {
    expect(edgeConfigOf(receiver({ enabled: false }), () => "12345678", 1).sources).toEqual([]);
  });
});
