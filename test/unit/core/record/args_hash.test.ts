import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { argsHash } from "../../../../core/record/args_hash.ts";
import { mac } from "./samples.ts";

const plain = (text: string): string => text;

describe("argsHash", () => {
  it("U3: is 64 hex digits that depend on the key and not on the order of members", () => {
    const hash = argsHash({ b: 1, a: [{ d: 1, c: 2 }] }, "nexo/admin/agents/get", mac);
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(argsHash({ a: [{ c: 2, d: 1 }], b: 1 }, "nexo/admin/agents/get", mac)).toBe(hash);
    expect(argsHash({ a: [{ c: 2, d: 2 }], b: 1 }, "nexo/admin/agents/get", mac)).not.toBe(hash);
  });

  it("treats absent arguments as null", () => {
    expect(argsHash(undefined, "m", plain)).toBe("null");
    expect(argsHash(null, "m", plain)).toBe("null");
  });

  it.each([
    ["secrets/write", { name: "K", value: "s3cret" }, { name: "K", value: "<redacted>" }],
    ["auth/rotate_token", { new_token: "s3cret", reason: "r" }, {
      new_token: "<redacted>",
      reason: "r",
    }],
    [
      "credentials/register",
      {
        channel: "c",
        payload: { Token: "s3cret", deep: [{ api_key: { a: "s3cret" } }] },
        metadata: { secret: 1, n: 2 },
      },
      {
        channel: "c",
        payload: { Token: "<redacted>", deep: [{ api_key: "<redacted>" }] },
        metadata: { secret: "<redacted>", n: 2 },
      },
    ],
  ])("leaves the secrets of %s out", (method, params, redacted) => {
    const text = argsHash(params, `nexo/admin/${method}`, plain);
    expect(JSON.parse(text)).toEqual(redacted);
    expect(argsHash(redacted, "other", plain)).toBe(text);
  });

  it("takes any JSON, however deep", () => {
    let deep: unknown = 1;
    for (let i = 0; i < 20_000; i++) deep = { deep };
    expect(argsHash(deep, "nexo/admin/credentials/register", mac)).toHaveLength(64);
    fc.assert(fc.property(fc.jsonValue(), (params) => {
      expect(argsHash(params, "nexo/admin/credentials/register", mac)).toHaveLength(64);
    }));
  });
});
