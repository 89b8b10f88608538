/**
 * Hand-offs as messages: nothing is lost on the way, and nonsense is refused.
 *
 * @module
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeHandoffs,
  decodeOutcomes,
  encodeHandoff,
  encodeOutcomes,
  joinParcels,
} from "../../../../core/bus/handoff_codec.ts";
import { openHandoffSeal } from "../../../../core/bus/handoff_seal.ts";
import type { Handoff } from "../../../../core/contract/mod.ts";
import { accepted, handoff } from "../../../suites/bus.ts";

const random = (bytes: Uint8Array<ArrayBuffer>) => crypto.getRandomValues(bytes);
const encode = (handoffs: readonly Handoff[]) => joinParcels(handoffs.map(encodeHandoff));
const coded = (code: string) => expect.objectContaining({ name: "CodedError", code }) as Error;

describe("the hand-off codec", () => {
  it("brings back what it was given, whatever the bodies are", () => {
    const body = fc.oneof(
      fc.jsonValue(),
      fc.base64String().map((raw_base64) => ({ raw_base64 })),
      fc.string().map((raw_base64) => ({ raw_base64 })),
      fc.record({ raw_base64: fc.base64String(), more: fc.string() }),
    );
    fc.assert(fc.property(fc.array(body, { maxLength: 6 }), (bodies) => {
      // JSON has no negative zero, and no body comes with one.
      const plain = bodies.map((one) => JSON.parse(JSON.stringify(one)) as unknown);
      const handoffs = plain.map((one, n) => handoff(n, one));
      expect(decodeHandoffs(encode(handoffs))).toEqual(handoffs);
    }));
  });

  it("keeps the bytes of a body that is not JSON as they are", () => {
    const raw = Buffer.alloc(3000, 200);
    const text = raw.toString("base64");
    const { bytes } = encodeHandoff(handoff(1, { raw_base64: text }));
    expect(bytes.length).toBeLessThan(3700);
    expect(Buffer.from(bytes).includes(raw)).toBe(true);
  });

  it("refuses messages that are cut, padded or changed in their heads", () => {
    const whole = encode([handoff(1), handoff(2)]);
    const first = encodeHandoff(handoff(1)).bytes.length;
    for (let length = 1; length < whole.length; length++) {
      if (length === first) continue;
      expect(() => decodeHandoffs(whole.subarray(0, length))).toThrow(coded("envelope_invalid"));
    }
    expect(() => decodeHandoffs(Uint8Array.from([...whole, 65]))).toThrow(
      coded("envelope_invalid"),
    );
    const text = new TextDecoder().decode(encode([handoff(1)]));
    for (
      const [from, to] of [
        ['"hops":0', '"hops":-1'],
        ['"schema":1', '"schema":2'],
        ['"source_id"', '"__proto__"'],
        ['"body_form":"json"', '"body_form":"else"'],
        ['"hops":0', '"hops":0,"more":1'],
      ] as const
    ) {
      const changed = new TextEncoder().encode(text.replace(from, to));
      expect(() => decodeHandoffs(changed), to).toThrow(coded("envelope_invalid"));
    }
  });

  it("reads any bytes, or says envelope_invalid", () => {
    fc.assert(fc.property(fc.uint8Array({ minLength: 1 }), (bytes) => {
      expect(() => decodeHandoffs(bytes)).toThrow(coded("envelope_invalid"));
    }));
    expect(decodeHandoffs(new Uint8Array())).toEqual([]);
  });

  it("takes an answer only when it has one outcome for each hand-off", () => {
    const outcomes = [accepted(handoff(1)), {
      kind: "refused",
      code: "x",
      retryable: true,
    }] as const;
    expect(decodeOutcomes(encodeOutcomes(outcomes), 2)).toEqual(outcomes);
    expect(() => decodeOutcomes(encodeOutcomes(outcomes), 3)).toThrow("is not 3 outcomes");
    for (const text of ["", "{}", "[1]", "null"]) {
      expect(() => decodeOutcomes(new TextEncoder().encode(text), 1)).toThrow("is not 1 outcomes");
    }
  });
});

describe("openHandoffSeal()", () => {
  const key = new Uint8Array(32).fill(3);
  const message = new TextEncoder().encode("a secret body");

  it("hides a message, never twice in the same way, and opens it again", async () => {
    const seal = await openHandoffSeal({ key, subject: "a", random });
    const [first, second] = [await seal.wrap(message), await seal.wrap(message)];
    expect(Buffer.from(first).includes("secret")).toBe(false);
    expect(first).not.toEqual(second);
    expect(await seal.unwrap(first)).toEqual(message);
    expect(await seal.unwrap(second)).toEqual(message);
  });

  it("opens nothing that was changed, moved to another subject or sealed with another key", async () => {
    const seal = await openHandoffSeal({ key, subject: "a", random });
    const elsewhere = await openHandoffSeal({ key, subject: "b", random });
    const other = await openHandoffSeal({ key: new Uint8Array(32), subject: "a", random });
    const wrapped = await seal.wrap(message);
    for (let at = 0; at < wrapped.length; at++) {
      const changed = Uint8Array.from(wrapped);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await expect(seal.unwrap(changed)).rejects.toThrow(coded("sealed_unreadable"));
    }
    await expect(elsewhere.unwrap(wrapped)).rejects.toThrow(coded("sealed_unreadable"));
    await expect(other.unwrap(wrapped)).rejects.toThrow(coded("sealed_unreadable"));
    for (const cut of [0, 1, 12, 20]) {
      await expect(seal.unwrap(wrapped.subarray(0, cut))).rejects.toThrow(
        coded("sealed_unreadable"),
      );
    }
  });

  it("refuses a key that is too short to be one", async () => {
    await expect(openHandoffSeal({ key: new Uint8Array(16), subject: "a", random })).rejects
      .toThrow(RangeError);
  });
});
