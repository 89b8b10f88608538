/**
 * Every preset against the provider's own library: they sign and we accept, we sign and they accept,
 * and nothing that was tampered with passes.
 *
 * @module
 */
import fc from "fast-check";
import { getExpectedTwilioSignature } from "twilio/lib/webhooks/webhooks.js";
import { describe, expect, it } from "vitest";
import { PRESET_NAMES, resolveSource, WebhookSource } from "../../../../core/contract/mod.ts";
import { formObject, parseForm } from "../../../../core/signing/form.ts";
import { sign } from "../../../../core/signing/sign.ts";
import { createVerifier, type SigningSource } from "../../../../core/signing/verifier.ts";
import type { Oracle, Sent } from "../../../support/oracles/oracle.ts";
import { DISCORD_PUBLIC_KEY, ORACLES } from "../../../support/oracles/providers.ts";
import { bodiesOf, sourceOf } from "../../../support/oracles/source.ts";

/** The libraries of Standard Webhooks look at the clock themselves. */
const nowMs = Math.floor(Date.now() / 1000) * 1000;
const bytes = (text: string) => new TextEncoder().encode(text);

const verdictOf = (source: SigningSource, { headers, query, body }: Sent, atMs = nowMs) =>
  createVerifier(source)({ headers: new Headers(headers), query, body, nowMs: atMs });

const typeOf = ({ bodies }: Oracle) =>
  bodies === "form" ? "application/x-www-form-urlencoded" : "application/json";

function sampleOf({ bodies }: Oracle): Uint8Array<ArrayBuffer> {
  return bodies === "form"
    ? bytes("From=%2B14155550100&Body=Ol%C3%A1+you&MessageSid=SM1")
    : bytes(JSON.stringify({ webhookTimestamp: nowMs, type: "a.b", text: "é" }));
}

/** The header whose value is the proof. */
const proofOf = (source: SigningSource, { headers }: Sent): string =>
  source.signature.headers.find((name) => name in headers) ?? "";

it("covers every preset", () => {
  expect(new Set(ORACLES.map(({ preset }) => preset))).toEqual(new Set(PRESET_NAMES));
});

describe.each(ORACLES.map((oracle) => [oracle.name, oracle] as const))("%s", (_, oracle) => {
  const source = sourceOf(oracle);

  it("is accepted as its provider signs it, whatever the body", async () => {
    await fc.assert(
      fc.asyncProperty(bodiesOf(oracle, nowMs), fc.uuid(), async (body, id) => {
        const verdict = await verdictOf(source, await oracle.send(body, nowMs, id));
        expect(verdict).toMatchObject({ ok: true, previous: false });
      }),
      { numRuns: 40 },
    );
  });

  it("is signed by us as its provider's library wants it", async () => {
    await fc.assert(
      fc.asyncProperty(bodiesOf(oracle, nowMs), fc.uuid(), async (body, id) => {
        const contentType = typeOf(oracle);
        const { headers, query } = await sign(source, { body, nowMs, id, contentType });
        const sent = { headers: { ...headers, "content-type": contentType }, query, body };
        expect((await verdictOf(source, sent)).ok).toBe(true);
        const isText = Buffer.from(Buffer.from(body).toString("utf8")).equals(body);
        // Svix reads its own headers only, and no library but Discord's and LINE's takes any bytes.
        if (oracle.accepts === undefined || oracle.name.endsWith("svix")) return;
        if (isText) expect(await oracle.accepts(sent, nowMs)).toBe(true);
      }),
      { numRuns: 25 },
    );
  });

  it("is refused with any bit of the body changed", async () => {
    const sent = await oracle.send(sampleOf(oracle), nowMs, "id-1");
    for (let bit = 0; bit < sent.body.length * 8; bit++) {
      const body = Uint8Array.from(sent.body);
      body[bit >> 3] = (body[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const verdict = await verdictOf(source, { ...sent, body });
      // A signature over fields does not tell %2b from %2B, nor does anyone who reads them.
      const isSame = oracle.bodies === "form" && sameFields(sent.body, body);
      expect([bit, verdict.ok]).toEqual([bit, !oracle.coversBody || isSame]);
    }
  });

  it("is refused with the proof tampered with in any other way", async () => {
    const sent = await oracle.send(sampleOf(oracle), nowMs, "id-1");
    const name = proofOf(source, sent);
    const proof = sent.headers[name] ?? "";
    const proofs: Record<string, string> = {
      "another character at the end": replaceAt(proof, proof.length - 5),
      "another character before": replaceAt(proof, proof.length - 20),
      "cut": proof.slice(0, -2),
      "longer": `${proof}00`,
      "twice": `${proof}, ${proof}`,
      "empty": "",
      "of zeros": proof.replace(/[0-9a-zA-Z+/]{20,}=*$/, (it) => "0".repeat(it.length)),
      "without what stands before it": proof.slice(3),
      "of another scheme": proof.replace(/v[01]/, "v9"),
    };
    for (const [what, value] of Object.entries(proofs)) {
      if (value === proof) continue;
      const headers = { get: (key: string) => key === name ? value : sent.headers[key] ?? null };
      const verdict = await createVerifier(source)({ ...sent, headers, nowMs });
      expect([what, verdict.ok]).toEqual([what, false]);
    }
    const { [name]: _proof, ...headers } = sent.headers;
    expect(await verdictOf(source, { ...sent, headers })).toEqual({
      ok: false,
      reason: "signature_missing",
    });
  });

  it("is refused with another secret, another header's value, another address", async () => {
    const sent = await oracle.send(sampleOf(oracle), nowMs, "id-1");
    expect((await verdictOf({ ...source, secret: oracle.otherSecret }, sent)).ok).toBe(false);
    expect((await verdictOf({ ...source, secret: null }, sent)).ok).toBe(false);
    const { signature, dedupe } = source;
    const covered = [
      ...(signature.timestamp?.from === "header" ? signature.timestamp.names : []),
      ...(signature.signed.includes("{id}") && dedupe.by === "header" ? dedupe.names : []),
    ].filter((name) => name in sent.headers);
    for (const name of covered) {
      const headers = { ...sent.headers, [name]: replaceAt(sent.headers[name] ?? "", 3) };
      expect([name, (await verdictOf(source, { ...sent, headers })).ok]).toEqual([name, false]);
    }
    if (signature.signed.includes("{url}")) {
      const query = `${sent.query}&c=3`;
      expect((await verdictOf(source, { ...sent, query })).ok).toBe(false);
      const elsewhere = { ...source, public_url: "https://other.example/s" };
      expect((await verdictOf(elsewhere, sent)).ok).toBe(false);
      const json = { ...sent.headers, "content-type": "text/plain" };
      if (oracle.bodies === "form") {
        expect(await verdictOf(source, { ...sent, headers: json })).toEqual({
          ok: false,
          reason: "body_not_covered",
        });
      }
    }
  });

  it("is accepted under the previous secret, until its end", async () => {
    const sent = await oracle.send(sampleOf(oracle), nowMs, "id-1");
    const rotated = {
      ...source,
      secret: oracle.otherSecret,
      previous_secret: oracle.secret,
      previous_secret_until_ms: nowMs + 1,
    };
    expect(await verdictOf(rotated, sent)).toMatchObject({ ok: true, previous: true });
    expect((await verdictOf({ ...rotated, previous_secret_until_ms: nowMs }, sent)).ok).toBe(false);
  });

  const rule = source.signature.timestamp;
  if (rule === null) return;
  it("is refused when it is stale or from the future", async () => {
    const sent = await oracle.send(sampleOf(oracle), nowMs, "id-1");
    const { tolerance_ms: toleranceMs } = rule;
    const at = (offsetMs: number) => verdictOf(source, sent, nowMs + offsetMs);
    expect((await at(toleranceMs)).ok).toBe(true);
    expect((await at(-toleranceMs)).ok).toBe(true);
    const late = { ok: false, reason: "timestamp_outside_window" };
    expect([await at(toleranceMs + 1), await at(-toleranceMs - 1)]).toEqual([late, late]);
  });
});

describe("what providers publish", () => {
  const source = (
    preset: string,
    secret: string,
    more: Record<string, unknown> = {},
  ): SigningSource => {
    const raw = { id: "s", path: "/myapp.php", preset, secret_env: "S", ...more };
    return { ...resolveSource(WebhookSource.parse(raw)), secret, previous_secret: null };
  };

  it("agrees with Slack's documentation", async () => {
    const body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow" +
      "&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner" +
      "&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands" +
      "%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN" +
      "&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const { headers } = await sign(source("slack", "8f742231b10e8888abcd99yyyzzz85a5"), {
      body: bytes(body),
      nowMs: 1531420618_000,
      id: "",
    });
    expect(headers["x-slack-signature"]).toBe(
      "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    );
  });

  it("agrees with the specification of Standard Webhooks", async () => {
    const { headers } = await sign(
      source("standard_webhooks", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
      {
        body: bytes('{"test": 2432232314}'),
        nowMs: 1614265330_000,
        id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
      },
    );
    expect(headers["webhook-signature"]).toBe("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  });

  it("agrees with Twilio's documentation", async () => {
    const twilio = source("twilio", "12345", { public_url: "https://mycompany.com/myapp.php" });
    const headers = new Headers({
      "content-type": "application/x-www-form-urlencoded",
      "x-twilio-signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
    });
    const body = bytes(
      "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212",
    );
    const verdict = await createVerifier(twilio)({ headers, body, query: "?foo=1&bar=2", nowMs });
    expect(verdict.ok).toBe(true);
  });

  it("takes Discord's public key alone, and says why it cannot sign with it", async () => {
    const oracle = ORACLES.find(({ preset }) => preset === "discord")!;
    const sent = await oracle.send(bytes('{"type":1}'), nowMs, "");
    const discord = sourceOf(oracle, { secret: DISCORD_PUBLIC_KEY });
    expect((await verdictOf(discord, sent)).ok).toBe(true);
    await expect(sign(discord, { body: sent.body, nowMs, id: "" })).rejects.toThrow(/public key/);
  });

  it("takes any of several signatures in one header, and ignores those of other schemes", async () => {
    for (const preset of ["stripe", "standard_webhooks"] as const) {
      const oracle = ORACLES.find((one) => one.preset === preset)!;
      const sent = await oracle.send(sampleOf(oracle), nowMs, "id-1");
      const name = proofOf(sourceOf(oracle), sent);
      const proof = sent.headers[name] ?? "";
      const [before, after] = preset === "stripe"
        ? [`v0=00,v1=${"0".repeat(64)},`, `,v1=${"f".repeat(64)}`]
        : [`v1a,AAAA v1,${"A".repeat(43)}= `, " v2,AAAA"];
      const headers = { ...sent.headers, [name]: before + proof + after };
      expect((await verdictOf(sourceOf(oracle), { ...sent, headers })).ok).toBe(true);
      const others = { ...sent.headers, [name]: (before + proof).replaceAll("v1", "v9") };
      expect((await verdictOf(sourceOf(oracle), { ...sent, headers: others })).ok).toBe(false);
    }
  });

  it("takes asymmetric Standard Webhooks with whpk_ and whsk_ keys", async () => {
    const oracle = ORACLES.find(({ preset }) => preset === "discord")!;
    const both = Buffer.from(oracle.secret, "hex");
    const more = {
      signature: {
        algorithm: "ed25519",
        parts: { separator: " ", assign: ",", signature: "v1a" },
      },
    };
    const signing = source("standard_webhooks", `whsk_${both.toString("base64")}`, more);
    const body = bytes('{"type":"a"}');
    const { headers } = await sign(signing, { body, nowMs, id: "msg_1" });
    const key = `whpk_${both.subarray(32).toString("base64")}`;
    const verdict = await verdictOf({ ...signing, secret: key }, { headers, query: "", body });
    expect(verdict.ok).toBe(true);
  });

  it("takes the query as Twilio sent it, or as a URL parser escapes it", async () => {
    const url = "https://hooks.example.com/s";
    const twilio = source("twilio", "a token of Twilio", { public_url: url });
    for (const signed of ["?a=it's", "?a=it%27s"]) {
      const headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-twilio-signature": getExpectedTwilioSignature("a token of Twilio", url + signed, {
          b: "c",
        }),
      };
      const sent = { headers, query: "?a=it's", body: bytes("b=c") };
      expect((await verdictOf(twilio, sent)).ok).toBe(true);
      expect((await verdictOf(twilio, { ...sent, query: "?a=its" })).ok).toBe(false);
    }
  });

  it("lets Twilio sign the address with or without its port, configured or told by the host", async () => {
    const oracle = ORACLES.find(({ name }) => name === "twilio, form")!;
    const { body, headers, query } = await oracle.send(sampleOf(oracle), nowMs, "");
    for (const url of ["https://hooks.example.com/s", "https://hooks.example.com:443/s"]) {
      const configured = sourceOf(oracle, { public_url: url });
      expect((await verdictOf(configured, { body, headers, query })).ok).toBe(true);
    }
    const unset = sourceOf(oracle, { public_url: null });
    const withHost = { ...headers, host: "hooks.example.com" };
    expect((await verdictOf(unset, { body, headers: withHost, query })).ok).toBe(true);
    expect((await verdictOf(unset, { body, headers, query })).ok).toBe(false);
  });
});

function replaceAt(text: string, at: number): string {
  const index = Math.max(0, at);
  return text.slice(0, index) + (text[index] === "0" ? "1" : "0") + text.slice(index + 1);
}

function sameFields(a: Uint8Array<ArrayBuffer>, b: Uint8Array<ArrayBuffer>): boolean {
  const [one, other] = [parseForm(a), parseForm(b)];
  if (one === undefined || other === undefined) return false;
  return JSON.stringify(formObject(one)) === JSON.stringify(formObject(other));
}
