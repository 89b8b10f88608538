import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { redactJson } from "../../../../core/redact/redact_json.ts";
import { createRedactor } from "../../../../core/redact/redactor.ts";

const redact = createRedactor();
const clean = (value: unknown): unknown => redactJson(redact, value);

describe("redactJson", () => {
  it("redacts strings at any place and leaves the given value as it was", () => {
    const value = {
      to: ["ana@x.co", { note: "call +573115728852" }],
      count: 3,
      ok: true,
      none: null,
    };
    const before = structuredClone(value);
    expect(clean(value)).toEqual({
      to: ["[REDACTED:email]", { note: "call [REDACTED:phone]" }],
      count: 3,
      ok: true,
      none: null,
    });
    expect(value).toEqual(before);
  });

  it.each([
    "password",
    "API_KEY",
    "apiKey",
    "accessToken",
    "Authorization",
    "client-secret",
    "token",
    "pin",
  ])(
    "replaces whatever %s names",
    (name) => {
      for (const value of ["hunter2", 1234, { a: "b" }, ["c"]]) {
        expect(clean({ deep: [{ [name]: value }] })).toEqual({
          deep: [{ [name]: "[REDACTED:secret]" }],
        });
      }
    },
  );

  it("keeps counts of tokens, and flags", () => {
    const value = {
      tokens_in: 12,
      max_tokens: 4096,
      token_count: 3,
      has_token: true,
      password: null,
    };
    expect(clean(value)).toEqual(value);
  });

  it("redacts names, and keeps members whose names become one", () => {
    const redacted = clean({ "a@b.co": 1, "c@d.co": 2 });
    expect(Object.values(redacted as object)).toEqual([1, 2]);
    expect(JSON.stringify(redacted)).not.toContain("@");
  });

  it("redacts numbers that are cards, and no others", () => {
    expect(clean({ n: 4111111111111111, ms: 1777896000000 })).toEqual({
      n: "[REDACTED:card]",
      ms: 1777896000000,
    });
  });

  it("looks into strings that hold JSON, where escapes would hide what they mean", () => {
    const inner = JSON.stringify({ password: "hunter2", mail: "a@b.co" }).replace("@", "\\u0040");
    const redacted = JSON.stringify(clean({ result: inner }));
    expect(redacted).not.toContain("hunter2");
    expect(redacted).not.toContain("0040");
  });

  it("replaces what nests too deeply, in values and in JSON inside strings", () => {
    let deep: unknown = "a@b.co";
    for (let i = 0; i < 5000; i++) deep = [deep];
    expect(JSON.stringify(clean(deep))).toContain("too_deep");
    expect(String(clean("[".repeat(5000) + "]".repeat(5000)))).toContain("too_deep");
  });

  it("keeps a member called __proto__ a plain member", () => {
    const redacted = clean(JSON.parse('{"__proto__":{"polluted":"a@b.co"}}'));
    expect(JSON.stringify(redacted)).toBe('{"__proto__":{"polluted":"[REDACTED:email]"}}');
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });

  it("leaves no planted secret in any JSON", () => {
    const secrets = ["ana@tienda.co", "+573115728852", `sk-${"a1B2".repeat(6)}`];
    fc.assert(fc.property(fc.jsonValue(), fc.constantFrom(...secrets), (value, secret) => {
      const planted = JSON.parse(
        JSON.stringify({
          value,
          list: [value, { text: `is ${secret} it` }],
          nested: JSON.stringify([secret]),
        }),
      ) as unknown;
      expect(JSON.stringify(clean(planted))).not.toContain(secret);
    }));
  });
});
