/**
 * Form bodies, against the runtime's own reading of them.
 *
 * @module
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formObject, isForm, parseForm, sortedForm } from "../../../../core/signing/form.ts";
import { sign } from "../../../../core/signing/sign.ts";
import { createVerifier } from "../../../../core/signing/verifier.ts";
import { ORACLES } from "../../../support/oracles/providers.ts";
import { sourceOf } from "../../../support/oracles/source.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

describe("parseForm()", () => {
  it("reads what URLSearchParams writes", () => {
    const pair = fc.tuple(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }));
    fc.assert(fc.property(fc.array(pair), (pairs) => {
      const written = new URLSearchParams(pairs);
      expect(parseForm(bytes(written.toString()))).toEqual([...written]);
    }));
  });

  it("reads any text as URLSearchParams does, unless it is no UTF-8", () => {
    const odd = fc.string({ unit: fc.constantFrom("%", "4", "1", "=", "&", "+", "z") });
    fc.assert(fc.property(odd, (text) => {
      expect(parseForm(bytes(text))).toEqual([...new URLSearchParams(text)]);
    }));
    for (const body of [Uint8Array.of(97, 61, 255), bytes("a=%FF"), bytes("a=%C3%28")]) {
      expect(parseForm(body)).toBeUndefined();
    }
  });

  it("gives lists for repeated names, and signs each value once", () => {
    const fields = parseForm(bytes("b=2&a=1&b=1&b=2&__proto__=x")) ?? [];
    expect(formObject(fields)["b"]).toEqual(["2", "1", "2"]);
    expect(sortedForm(fields)).toBe("__proto__xa1b1b2");
  });

  it("knows a form by its type alone", () => {
    const type = "application/x-www-form-urlencoded";
    for (const yes of [type, `${type}; charset=utf-8`, type.toUpperCase()]) {
      expect(isForm(yes)).toBe(true);
    }
    for (const no of [null, "", "application/json", `${type}x`, `text/plain; ${type}`]) {
      expect(isForm(no)).toBe(false);
    }
  });
});

it("does not let bytes that are no text pass for the signed replacement character", async () => {
  const source = sourceOf(ORACLES.find(({ name }) => name === "twilio, form")!);
  const contentType = "application/x-www-form-urlencoded";
  const body = bytes("a=%EF%BF%BD");
  const { headers } = await sign(source, { body, nowMs: 0, id: "", contentType });
  const verdictOf = (sent: Uint8Array<ArrayBuffer>) =>
    createVerifier(source)({
      headers: new Headers({ ...headers, "content-type": contentType }),
      body: sent,
      nowMs: 0,
    });
  expect((await verdictOf(body)).ok).toBe(true);
  expect(await verdictOf(Uint8Array.of(97, 61, 255))).toEqual({
    ok: false,
    reason: "body_not_covered",
  });
});
