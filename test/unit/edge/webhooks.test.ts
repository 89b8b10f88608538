/**
 * The gates of a webhook, over real HTTP.
 *
 * @module
 */
import { createHmac } from "node:crypto";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { sign as octokitSign } from "@octokit/webhooks-methods";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  CodedError,
  envelopeOf,
  type Handoff,
  HandoffHead,
  type Outcome,
} from "../../../core/contract/mod.ts";
import { configOf, github, keepIn, SECRET, send, startEdge } from "./support.ts";

const examples = createRequire(import.meta.url)("@octokit/webhooks-examples") as {
  name: string;
  examples: unknown[];
}[];

const hmac = (body: string | Uint8Array, secret = SECRET): string =>
  `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;

const push = (body: string | Uint8Array, more: Record<string, string | string[]> = {}) => ({
  body,
  headers: {
    "x-hub-signature-256": hmac(body),
    "x-github-event": "push",
    "x-github-delivery": crypto.randomUUID(),
    ...more,
  },
});

describe("a source with the github preset", () => {
  it("accepts every example GitHub publishes, and hands each over as it is", async () => {
    await using fixture = await startEdge(configOf([github]));
    const url = `${fixture.edge.url}/webhooks/gh`;
    let sent = 0;
    for (const { name, examples: payloads } of examples) {
      for (const payload of payloads) {
        const body = JSON.stringify(payload);
        const answer = await send(url, {
          body,
          headers: {
            "x-hub-signature-256": await octokitSign(SECRET, body),
            "x-github-event": name,
            "x-github-delivery": `d-${sent++}`,
          },
        });
        expect([answer.status, answer.body]).toEqual([204, ""]);
        const { body: kept, ...head } = fixture.handoffs.at(-1) as Handoff;
        const { envelope } = HandoffHead.parse(head);
        expect(envelopeOf(envelope, kept).body_json).toEqual(payload);
        expect(new TextDecoder().decode(kept.bytes)).toBe(body);
        expect(envelope.event_kind).toBe(name);
      }
    }
    expect(sent).toBe(329);
    expect(fixture.handoffs).toHaveLength(329);
  });

  it("says what an envelope must carry", async () => {
    await using fixture = await startEdge(configOf([{ ...github, account_id: "acme" }]));
    const { status, headers } = await send(
      `${fixture.edge.url}/webhooks/gh`,
      push('{"a":1}', {
        "x-github-delivery": "d-1",
        "user-agent": "GitHub-Hookshot",
        "x-other": "no",
      }),
    );
    expect(status).toBe(204);
    expect(headers["x-content-type-options"]).toBe("nosniff");
    const handoffs = fixture.handoffs.map(({ body, ...head }) => ({ ...head, body: body.json }));
    expect(handoffs).toEqual([{
      envelope: {
        schema: 1,
        source_id: "gh",
        event_kind: "push",
        headers_subset: { "x-github-delivery": "d-1", "user-agent": "GitHub-Hookshot" },
        received_at_ms: fixture.clock.nowMs,
        envelope_id: headers["x-request-id"],
        client_ip: "127.0.0.1",
      },
      body: { value: { a: 1 } },
      subject: "webhook.gh.push",
      dedupe_key: "id:d-1",
      dedupe_window_ms: 72 * 3600 * 1000,
      account_id: "acme",
      delivery_id: "d-1",
      hops: 0,
    }]);
  });

  it("refuses every tampering with 401 and says nothing of why", async () => {
    await using fixture = await startEdge(configOf([github]));
    const url = `${fixture.edge.url}/webhooks/gh`;
    const body = '{"zen":"Design for failure."}';
    const good = hmac(body);
    const flipped = `sha256=${good[7] === "0" ? "1" : "0"}${good.slice(8)}`;
    const bitOff = Buffer.from(body);
    bitOff.writeUInt8(bitOff.readUInt8(3) ^ 1, 3);
    const attempts: Record<string, Parameters<typeof send>[1]> = {
      "a bit of the body": { ...push(body), body: bitOff },
      "a bit of the signature": push(body, { "x-hub-signature-256": flipped }),
      "another secret": push(body, { "x-hub-signature-256": hmac(body, "another secret") }),
      "no header": push(body, { "x-hub-signature-256": "" }),
      "the header twice": push(body, { "x-hub-signature-256": [good, good] }),
      "no prefix": push(body, { "x-hub-signature-256": good.slice(7) }),
      "another prefix": push(body, { "x-hub-signature-256": good.replace("256", "1") }),
      "a cut signature": push(body, { "x-hub-signature-256": good.slice(0, -2) }),
      "no hex": push(body, { "x-hub-signature-256": "sha256=zz" }),
      "a cut body": { ...push(body), body: body.slice(0, -1) },
    };
    for (const [what, attempt] of Object.entries(attempts)) {
      const answer = await send(url, attempt);
      expect([what, answer.status]).toEqual([what, 401]);
      const { error } = JSON.parse(answer.body) as { error: Record<string, string> };
      expect(error).toEqual({
        code: "unauthorized",
        message: "The request could not be verified",
        request_id: answer.headers["x-request-id"],
      });
    }
    expect(fixture.handoffs).toEqual([]);
    const reasons = fixture.log.lines.filter(({ level }) => level === "warn")
      .map(({ fields }) => fields["reason"]);
    expect(new Set(reasons)).toEqual(
      new Set([
        "signature_mismatch",
        "signature_missing",
        "signature_doubled",
        "prefix_missing",
        "signature_malformed",
      ]),
    );
  });

  it("answers a repeated delivery as it answered the first", async () => {
    await using fixture = await startEdge(configOf([github]));
    const delivery = push("{}", { "x-github-delivery": "same" });
    const url = `${fixture.edge.url}/webhooks/gh`;
    expect([(await send(url, delivery)).status, (await send(url, delivery)).status]).toEqual([
      204,
      204,
    ]);
    expect(fixture.handoffs).toHaveLength(1);
  });

  it("falls back to the hash of the body when the delivery has no id", async () => {
    await using fixture = await startEdge(configOf([github]));
    const url = `${fixture.edge.url}/webhooks/gh`;
    const { "x-github-delivery": _, ...headers } = push("{}").headers;
    await send(url, { body: "{}", headers });
    expect(fixture.handoffs[0]?.dedupe_key).toMatch(/^body:[0-9a-f]{64}$/);
    expect(fixture.handoffs[0]?.dedupe_window_ms).toBe(300_000);
    expect(fixture.handoffs[0]?.delivery_id).toBeNull();
  });

  it("keeps a body that is no JSON as base64", async () => {
    await using fixture = await startEdge(configOf([github]));
    const body = Uint8Array.of(0xff, 0x00, 0x7b);
    expect((await send(`${fixture.edge.url}/webhooks/gh`, push(body))).status).toBe(204);
    const [handoff] = fixture.handoffs as [Handoff];
    expect(handoff.body.json).toBeUndefined();
    expect(envelopeOf(handoff.envelope, handoff.body).body_json).toEqual({ raw_base64: "/wB7" });
  });
});

describe("a source that reads its kind from the body", () => {
  const stripe = {
    id: "pay",
    path: "/pay",
    signature: {
      algorithm: "hmac-sha256",
      header: "Stripe-Signature",
      signed: "{timestamp}.{body}",
      parts: { signature: "v1" },
      timestamp: { part: "t" },
      secret_env: "S",
    },
    event_kind_from: { kind: "body", path: "type" },
    dedupe: { json_pointer: "/id" },
    response: { status: 200, body: "ok", content_type: "text/plain" },
  };
  const signed = (body: string, atMs: number) => {
    const t = Math.floor(atMs / 1000);
    const mac = createHmac("sha256", SECRET).update(`${t}.${body}`).digest("hex");
    return { body, headers: { "stripe-signature": `t=${t},v1=${"0".repeat(64)},v1=${mac}` } };
  };

  it("takes a dotted kind as one token, one of several signatures, an id in the body, and answers as told", async () => {
    await using fixture = await startEdge(configOf([stripe]));
    const body = '{"id":"evt_1","type":"checkout.session.completed"}';
    const answer = await send(`${fixture.edge.url}/pay`, signed(body, fixture.clock.nowMs));
    expect([answer.status, answer.body, answer.headers["content-type"]]).toEqual([
      200,
      "ok",
      "text/plain",
    ]);
    expect(fixture.handoffs[0]).toMatchObject({
      subject: "webhook.pay.checkout=2esession=2ecompleted",
      dedupe_key: "id:evt_1",
      envelope: { event_kind: "checkout.session.completed" },
    });
  });

  it("refuses a delivery older or newer than the window", async () => {
    await using fixture = await startEdge(configOf([stripe]));
    const sendOff = (offsetMs: number) =>
      send(
        `${fixture.edge.url}/pay`,
        signed('{"id":"e","type":"t"}', fixture.clock.nowMs + offsetMs),
      );
    expect((await sendOff(-301_000)).status).toBe(401);
    expect((await sendOff(301_000)).status).toBe(401);
    expect((await sendOff(-300_000)).status).toBe(200);
  });

  it("answers 422 when the kind is missing, empty or no text, and when the body is no JSON", async () => {
    await using fixture = await startEdge(configOf([stripe]));
    for (
      const body of [
        "{}",
        '{"type":""}',
        '{"type":3}',
        "no json",
        '[{"type":"a"}]',
        '"type"',
        "null",
      ]
    ) {
      const answer = await send(`${fixture.edge.url}/pay`, signed(body, fixture.clock.nowMs));
      expect([body, answer.status]).toEqual([body, 422]);
    }
  });
});

describe("the gates before the body", () => {
  it("answer 404 for no source and 405 with Allow for another method, as JSON", async () => {
    await using fixture = await startEdge(configOf([github]));
    const unknown = await send(`${fixture.edge.url}/webhooks/other`);
    expect([unknown.status, unknown.headers["content-type"]]).toEqual([404, "application/json"]);
    for (const method of ["GET", "PUT", "DELETE", "OPTIONS"]) {
      const answer = await send(`${fixture.edge.url}/webhooks/gh`, { method });
      expect([method, answer.status, answer.headers["allow"]]).toEqual([method, 405, "POST"]);
    }
  });

  it("answer 503 when the secret is missing, empty or short, or the source is off", async () => {
    const sources = ["NONE", "EMPTY", "SHORT", "GOOD"].map((name) => ({
      ...github,
      id: name,
      path: `/${name}`,
      secret_env: name,
      enabled: name !== "GOOD",
    }));
    const secrets = { NONE: undefined, EMPTY: "", SHORT: "7 bytes" };
    await using fixture = await startEdge(configOf(sources, {}, secrets));
    for (const { path, secret_env } of sources) {
      const secret = secret_env === "SHORT" ? "7 bytes" : SECRET;
      const headers = { "x-hub-signature-256": hmac("{}", secret), "x-github-event": "push" };
      const answer = await send(fixture.edge.url + path, { body: "{}", headers });
      expect([path, answer.status]).toEqual([path, 503]);
      expect(answer.body).not.toContain(secret_env);
    }
  });

  it("answer 429 with a Retry-After that is true, per client", async () => {
    const source = { ...github, rate_limit: { rps: 0.5, burst: 2 } };
    await using fixture = await startEdge(configOf([source], { trusted_proxies: ["127.0.0.1"] }));
    const url = `${fixture.edge.url}/webhooks/gh`;
    const from = (ip: string) => send(url, push("{}", { "x-forwarded-for": ip }));
    expect([(await from("192.0.2.1")).status, (await from("192.0.2.1")).status]).toEqual([
      204,
      204,
    ]);
    const refused = await from("192.0.2.1");
    expect([refused.status, refused.headers["retry-after"]]).toEqual([429, "2"]);
    expect((await from("192.0.2.2")).status).toBe(204);

    fixture.clock.nowMs += 1999;
    expect((await from("192.0.2.1")).status).toBe(429);
    fixture.clock.nowMs += 1;
    expect((await from("192.0.2.1")).status).toBe(204);
  });

  it("count IPv6 by /64 and a mapped address as IPv4", async () => {
    const source = { ...github, rate_limit: { rps: 0.1, burst: 1 } };
    await using fixture = await startEdge(configOf([source], { trusted_proxies: ["127.0.0.0/8"] }));
    const from = async (ip: string) =>
      (await send(`${fixture.edge.url}/webhooks/gh`, push("{}", { "x-forwarded-for": ip }))).status;
    expect(await from("2001:db8:1:2::1")).toBe(204);
    expect(await from("[2001:db8:1:2:ffff::9]:443")).toBe(429);
    expect(await from("2001:db8:1:3::1")).toBe(204);
    expect(await from("192.0.2.9")).toBe(204);
    expect(await from("::ffff:192.0.2.9")).toBe(429);
  });

  it("take X-Forwarded-For from nobody who is not trusted", async () => {
    await using fixture = await startEdge(configOf([github]));
    await send(`${fixture.edge.url}/webhooks/gh`, push("{}", { "x-forwarded-for": "192.0.2.1" }));
    expect(fixture.handoffs[0]?.envelope.client_ip).toBe("127.0.0.1");
  });
});

describe("the body", () => {
  it("is taken up to the cap and refused one byte over it, with and without a length", async () => {
    const capped = { ...github, body_cap_bytes: 300 };
    const wide = { ...github, id: "wide", path: "/wide" };
    await using fixture = await startEdge(configOf([capped, wide], { body_cap_bytes: 5_000 }));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(["/webhooks/gh", 300] as const, ["/wide", 5_000] as const),
        fc.integer({ min: -2, max: 2 }),
        fc.boolean(),
        async ([path, cap], over, chunked) => {
          const body = Buffer.alloc(cap + over, 32);
          const more = chunked
            ? { "transfer-encoding": "chunked" }
            : { "content-length": String(body.length) };
          const answer = await send(fixture.edge.url + path, push(body, more));
          expect(answer.status).toBe(over > 0 ? 413 : 204);
        },
      ),
      { numRuns: 40 },
    );
  });

  it("is not waited for when its length says too much", async () => {
    await using fixture = await startEdge(configOf([github]));
    const { socket, answer } = raw(fixture.edge.url, "POST /webhooks/gh", [
      "Content-Length: 99999999",
    ]);
    expect(await answer).toMatch(/^HTTP\/1.1 413 /);
    socket.destroy();
  });

  it("must arrive before the deadline, however steadily it drips", async () => {
    await using fixture = await startEdge(configOf([github], { request_timeout_ms: 150 }));
    const { socket, answer, connected } = raw(fixture.edge.url, "POST /webhooks/gh", [
      "Content-Length: 1000",
    ]);
    await connected;
    const drip = setInterval(() => socket.write("x"), 10);
    expect(await answer).toMatch(/^HTTP\/1.1 408 /);
    clearInterval(drip);
    socket.destroy();
    expect(fixture.handoffs).toEqual([]);
  });

  it("counts as under way from its first byte, and the place is given back", async () => {
    const source = { ...github, concurrency_cap: 2 };
    await using fixture = await startEdge(configOf([source]));
    const url = `${fixture.edge.url}/webhooks/gh`;
    const slow = [1, 2].map(() =>
      raw(fixture.edge.url, "POST /webhooks/gh", ["Content-Length: 10"])
    );
    await Promise.all(slow.map(({ connected }) => connected));
    await expect.poll(async () => (await send(url, push("{}"))).status).toBe(503);
    const busy = await send(url, push("{}"));
    expect([busy.status, busy.headers["retry-after"]]).toEqual([503, "1"]);

    for (const { socket } of slow) socket.destroy();
    await expect.poll(async () => (await send(url, push("{}"))).status).toBe(204);
  });

  it("cut short by the client leaves nothing behind", async () => {
    await using fixture = await startEdge(configOf([github]));
    const { socket, connected } = raw(fixture.edge.url, "POST /webhooks/gh", [
      "Content-Length: 10",
    ]);
    await connected;
    socket.write("12345", () => socket.destroy());
    await expect.poll(() => fixture.log.lines.some(({ fields }) => fields["reason"] === "aborted"))
      .toBe(true);
    expect(fixture.handoffs).toEqual([]);
  });
});

describe("handing over", () => {
  const down: Record<string, ((batch: readonly Handoff[]) => Promise<Outcome[]>) | null> = {
    "nobody takes envelopes": null,
    "core fails": () =>
      Promise.reject(new CodedError("store_full", "Cannot commit: the disk is full")),
    "core refuses": (batch) =>
      Promise.resolve(
        batch.map(() => ({ kind: "refused", code: "store_full", retryable: true }) as const),
      ),
    "core never answers": () => new Promise(() => undefined),
  };
  it.each(Object.entries(down))("answers 503 with Retry-After when %s", async (_, serve) => {
    await using fixture = await startEdge(configOf([github], { request_timeout_ms: 1_000 }), {
      serve,
    });
    const answer = await send(`${fixture.edge.url}/webhooks/gh`, push("{}"));
    expect([answer.status, answer.headers["retry-after"]]).toEqual([503, "5"]);
  });

  it("answers only after core has committed", async () => {
    const order: string[] = [];
    let commit = (): void => undefined;
    const committed = new Promise<void>((resolve) => commit = resolve);
    const handoffs: Handoff[] = [];
    const keep = keepIn(handoffs);
    await using fixture = await startEdge(configOf([github]), {
      serve: async (batch) => {
        await committed;
        order.push("committed");
        return keep(batch);
      },
    });
    const answered = send(`${fixture.edge.url}/webhooks/gh`, push("{}")).then(({ status }) =>
      order.push(`${status}`)
    );
    await send(`${fixture.edge.url}/healthz`, { method: "GET" });
    commit();
    await answered;
    expect(order).toEqual(["committed", "204"]);
  });
});

describe("a new configuration", () => {
  it("adds, changes and removes sources at once, and keeps the buckets of those it leaves alone", async () => {
    const limited = { ...github, rate_limit: { rps: 0.01, burst: 1 } };
    await using fixture = await startEdge(configOf([limited, { ...github, id: "b", path: "/b" }]));
    const { url, apply } = fixture.edge;
    expect((await send(`${url}/webhooks/gh`, push("{}"))).status).toBe(204);
    expect((await send(`${url}/webhooks/gh`, push("{}"))).status).toBe(429);

    const changes = apply(configOf([limited, { ...github, id: "c", path: "/c" }]));
    expect(changes).toEqual({ added: ["c"], changed: [], removed: ["b"], kept: ["gh"] });
    expect((await send(`${url}/webhooks/gh`, push("{}"))).status).toBe(429);
    expect((await send(`${url}/b`, push("{}"))).status).toBe(404);
    expect((await send(`${url}/c`, push("{}"))).status).toBe(204);

    expect(apply(configOf([{ ...limited, publish_to: "other.{event_kind}" }])).changed).toEqual([
      "gh",
    ]);
    expect((await send(`${url}/webhooks/gh`, push("{}"))).status).toBe(429);
    expect(apply(configOf([github])).changed).toEqual(["gh"]);
    expect((await send(`${url}/webhooks/gh`, push("{}"))).status).toBe(204);
  });

  it("takes a new secret, and the previous one until its end", async () => {
    const rotated = {
      ...github,
      previous_secret_env: "OLD",
      previous_secret_until: "2026-01-01T00:01:00+00:00",
    };
    await using fixture = await startEdge(configOf([rotated], {}, { OLD: "the older secret" }));
    const url = `${fixture.edge.url}/webhooks/gh`;
    const old = () =>
      send(url, push("{}", { "x-hub-signature-256": hmac("{}", "the older secret") }));
    expect((await old()).status).toBe(204);
    expect((await send(url, push("{}"))).status).toBe(204);
    fixture.clock.nowMs += 60_000;
    expect((await old()).status).toBe(401);
  });
});

function raw(url: string, start: string, headers: string[]) {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const connected = new Promise<void>((resolve) => {
    socket.once(
      "connect",
      () =>
        socket.write(
          [`${start} HTTP/1.1`, "Host: x", ...headers, "", ""].join("\r\n"),
          () => resolve(),
        ),
    );
  });
  const answer = new Promise<string>((resolve) => {
    let text = "";
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      if (text.includes("\r\n\r\n")) resolve(text);
    }).on("error", () => resolve(text)).on("close", () => resolve(text));
  });
  return { socket, connected, answer };
}
