/**
 * Signatures, against implementations that nobody here wrote.
 *
 * @module
 */
import { createHmac } from "node:crypto";
import { verify as octokitVerify } from "@octokit/webhooks-methods";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeBase64, resolveSource, WebhookSource } from "../../../../core/contract/mod.ts";
import { decodeBase64, decodeHex, encodeHex, equalBytes } from "../../../../core/signing/bytes.ts";
import { sign } from "../../../../core/signing/sign.ts";
import { createVerifier, type SigningSource } from "../../../../core/signing/verifier.ts";

const SECRET = "It's a Secret to Everybody";
const nowMs = Date.parse("2026-01-01T00:00:00Z");
const bytes = (text: string) => new TextEncoder().encode(text);

function sourceOf(
  raw: Record<string, unknown>,
  previous: Partial<SigningSource> = {},
): SigningSource {
  const source = resolveSource(
    WebhookSource.parse({ id: "s", path: "/s", secret_env: "S", ...raw }),
  );
  return { ...source, secret: SECRET, previous_secret: null, ...previous };
}

async function headersOf(...args: Parameters<typeof sign>): Promise<Record<string, string>> {
  return (await sign(...args)).headers;
}

const kind = { event_kind_from: { kind: "header", name: "x-kind" } };
const schemes: Record<string, Record<string, unknown>> = {
  github: { preset: "github" },
  generic_hmac: { preset: "generic_hmac" },
  raw_token: { preset: "raw_token" },
  "sha1 in base64": {
    ...kind,
    signature: { algorithm: "hmac-sha1", header: "X-Sig", encoding: "base64" },
  },
  "slack's": {
    ...kind,
    signature: {
      algorithm: "hmac-sha256",
      header: "X-Slack-Signature",
      prefix: "v0=",
      signed: "v0:{timestamp}:{body}",
      timestamp: { header: "X-Slack-Request-Timestamp" },
    },
  },
  "stripe's": {
    ...kind,
    signature: {
      algorithm: "hmac-sha256",
      header: "Stripe-Signature",
      signed: "{timestamp}.{body}",
      parts: { signature: "v1" },
      timestamp: { part: "t" },
    },
  },
  "standard webhooks'": {
    ...kind,
    dedupe: { header: "webhook-id" },
    signature: {
      algorithm: "hmac-sha256",
      header: "webhook-signature",
      encoding: "base64",
      signed: "{id}.{timestamp}.{body}",
      parts: { separator: " ", assign: ",", signature: "v1" },
      timestamp: { header: "webhook-timestamp" },
    },
  },
  "milliseconds": {
    ...kind,
    signature: {
      algorithm: "hmac-sha256",
      header: "X-Sig",
      signed: "{timestamp}{body}",
      timestamp: { header: "X-Time", format: "unix_ms" },
    },
  },
  "RFC 3339": {
    ...kind,
    signature: {
      algorithm: "hmac-sha256",
      header: "X-Sig",
      signed: "{timestamp}{body}",
      timestamp: { header: "X-Time", format: "rfc3339" },
    },
  },
};

describe.each(Object.entries(schemes))("the scheme %s", (_, raw) => {
  const source = sourceOf(raw);
  const verify = createVerifier(source);
  const isToken = source.signature.algorithm === "raw-token";

  it("verifies what sign() signs, for any body and id", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 300 }),
        fc.uuid(),
        async (body, id) => {
          const headers = await headersOf(source, { body: Uint8Array.from(body), nowMs, id });
          const verdict = await verify({
            headers: new Headers(headers),
            body: Uint8Array.from(body),
            nowMs,
          });
          expect(verdict.ok).toBe(true);
        },
      ),
      { numRuns: 25 },
    );
  });

  it("refuses any changed bit of the body or the signature", async () => {
    const body = bytes('{"a":1,"b":"text"}');
    const signed = await headersOf(source, { body, nowMs, id: "id-1" });
    const name = source.signature.headers[0] ?? "";
    await fc.assert(
      fc.asyncProperty(
        fc.nat(body.length * 8 - 1),
        fc.nat((signed[name] ?? "").length - 1),
        async (bit, at) => {
          const flipped = Uint8Array.from(body);
          flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
          if (!isToken) {
            const verdict = await verify({ headers: new Headers(signed), body: flipped, nowMs });
            expect(verdict.ok).toBe(false);
          }
          const text = signed[name] ?? "";
          const other = text[at] === "0" ? "1" : "0";
          const headers = new Headers({
            ...signed,
            [name]: text.slice(0, at) + other + text.slice(at + 1),
          });
          expect((await verify({ headers, body, nowMs })).ok).toBe(false);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("refuses another secret, a missing header and a doubled one", async () => {
    const body = bytes("{}");
    const name = source.signature.headers[0] ?? "";
    const stranger = { ...source, secret: "somebody else's secret" };
    const foreign = new Headers(await headersOf(stranger, { body, nowMs, id: "i" }));
    expect(await verify({ headers: foreign, body, nowMs })).toEqual({
      ok: false,
      reason: "signature_mismatch",
    });
    const headers = new Headers(await headersOf(source, { body, nowMs, id: "i" }));
    headers.append(name, headers.get(name) ?? "");
    expect((await verify({ headers, body, nowMs })).ok).toBe(false);
    headers.delete(name);
    expect(await verify({ headers, body, nowMs })).toEqual({
      ok: false,
      reason: "signature_missing",
    });
  });

  const rule = source.signature.timestamp;
  if (rule !== null) {
    it("holds the window to the second on both sides", async () => {
      const body = bytes("{}");
      const headers = new Headers(await headersOf(source, { body, nowMs, id: "i" }));
      const at = async (offsetMs: number) =>
        (await verify({ headers, body, nowMs: nowMs + offsetMs })).ok;
      expect([await at(300_000), await at(-300_000)]).toEqual([true, true]);
      expect([await at(300_001), await at(-300_001)]).toEqual([false, false]);
    });
  }
});

describe("createVerifier()", () => {
  it("agrees with octokit on what GitHub's signature is", async () => {
    const source = sourceOf({ preset: "github" });
    const body = "Hello, World! é 🙂";
    const headers = await headersOf(source, { body: bytes(body), nowMs, id: "d" });
    expect(await octokitVerify(SECRET, body, headers["x-hub-signature-256"] ?? "")).toBe(true);
    expect(headers["x-github-delivery"]).toBe("d");
  });

  it("agrees with GitHub's published example", async () => {
    const source = sourceOf({ preset: "github" });
    const headers = await headersOf(source, { body: bytes("Hello, World!"), nowMs, id: "d" });
    expect(headers["x-hub-signature-256"]).toBe(
      "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    );
  });

  it("takes hex in either case", async () => {
    const source = sourceOf({ preset: "generic_hmac" });
    const mac = createHmac("sha256", SECRET).update("{}").digest("hex").toUpperCase();
    const headers = new Headers({ "x-signature": mac });
    expect((await createVerifier(source)({ headers, body: bytes("{}"), nowMs })).ok).toBe(true);
  });

  it("takes the previous secret before its end and not at it", async () => {
    const source = sourceOf({ preset: "github" }, {
      previous_secret: "the old secret",
      previous_secret_until_ms: nowMs + 1000,
    });
    const old = { ...source, secret: "the old secret" };
    const headers = new Headers(await headersOf(old, { body: bytes("{}"), nowMs, id: "i" }));
    const verify = createVerifier(source);
    expect((await verify({ headers, body: bytes("{}"), nowMs: nowMs + 999 })).ok).toBe(true);
    expect((await verify({ headers, body: bytes("{}"), nowMs: nowMs + 1000 })).ok).toBe(false);
  });

  it("accepts nothing without a secret, not even an empty token", async () => {
    for (const secret of [null, ""]) {
      const verify = createVerifier({ ...sourceOf({ preset: "raw_token" }), secret });
      for (const token of ["", "x"]) {
        const headers = new Headers({ "x-webhook-token": token });
        expect(await verify({ headers, body: bytes("{}"), nowMs })).toEqual({
          ok: false,
          reason: "secret_missing",
        });
      }
    }
  });

  it.each(["", "1e9", "-5", "0x10", "yesterday", "1767225600, 1767225600", " "])(
    "refuses the timestamp %j",
    async (stamp) => {
      const source = sourceOf(schemes["slack's"] ?? {});
      const mac = createHmac("sha256", SECRET).update(`v0:${stamp}:{}`).digest("hex");
      const headers = { get: (name: string) => name === "x-slack-signature" ? `v0=${mac}` : stamp };
      const verdict = await createVerifier(source)({ headers, body: bytes("{}"), nowMs });
      expect(verdict.ok).toBe(false);
    },
  );

  it("says the sender's timestamp only when the signature covers it", async () => {
    const signature = {
      algorithm: "hmac-sha256",
      header: "X-Sig",
      timestamp: { header: "X-Time" },
    };
    for (
      const [signed, expected] of [["{body}", null], [
        "{timestamp}{body}",
        `${nowMs / 1000}`,
      ]] as const
    ) {
      const source = sourceOf({ ...kind, signature: { ...signature, signed } });
      const headers = new Headers(await headersOf(source, { body: bytes("{}"), nowMs, id: "i" }));
      expect(await createVerifier(source)({ headers, body: bytes("{}"), nowMs }))
        .toEqual({ ok: true, timestamp: expected, previous: false });
    }
  });
});

describe("bytes", () => {
  it("come back from hex and base64 as they went", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 20_000 }), (data) => {
      expect(decodeHex(encodeHex(data))).toEqual(Uint8Array.from(data));
      expect(decodeBase64(encodeBase64(data))).toEqual(Uint8Array.from(data));
      expect(encodeBase64(data)).toBe(Buffer.from(data).toString("base64"));
    }));
  });

  it("are not read from what is no hex or base64", () => {
    for (const text of ["0", "0g", "g0", "é0", "0x12", " 12"]) {
      expect(decodeHex(text)).toBeUndefined();
    }
    for (const text of ["A", "AA", "AAA", "AA=A", "A===", "AA-_", "AAAA "]) {
      expect(decodeBase64(text)).toBeUndefined();
    }
  });

  it("are equal exactly when each is", () => {
    fc.assert(fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
      expect(equalBytes(a, b)).toBe(Buffer.from(a).equals(Buffer.from(b)));
      expect(equalBytes(a, Uint8Array.from(a))).toBe(true);
    }));
  });
});
