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
import {
  bodyOfBytes,
  bodyOfJson,
  envelopeOf,
  type Handoff,
} from "../../../../core/contract/mod.ts";
import { accepted, handoff, plain } from "../../../suites/bus.ts";

const encoder = new TextEncoder();
const random = (bytes: Uint8Array<ArrayBuffer>) => crypto.getRandomValues(bytes);
const encode = (handoffs: readonly Handoff[]) => joinParcels(handoffs.map(encodeHandoff));
const coded = (code: string) => expect.objectContaining({ name: "CodedError", code }) as Error;

describe("the hand-off codec", () => {
  it("brings back what it was given, whatever the bodies are", () => {
    const body = fc.oneof(
      // JSON has no negative zero, and no body comes with one.
      fc.jsonValue().map((value) => bodyOfJson(JSON.parse(JSON.stringify(value)))),
      fc.json().map((text) => bodyOfBytes(encoder.encode(` ${text}\n`))),
      fc.uint8Array().map(bodyOfBytes),
    );
    fc.assert(fc.property(fc.array(body, { maxLength: 6 }), (bodies) => {
      const handoffs = bodies.map((one, n) => ({ ...handoff(n), body: one }));
      expect(decodeHandoffs(encode(handoffs)).map(plain)).toEqual(handoffs.map(plain));
    }));
  });

  it("shows a body as its JSON, or as base64 where it is none", () => {
    const [json, raw] = decodeHandoffs(encode([
      { ...handoff(1), body: bodyOfBytes(encoder.encode('\ufeff{"a": [1,\n2]}')) },
      { ...handoff(2), body: bodyOfBytes(Uint8Array.of(0xff, 0x00, 0x7b)) },
    ])) as [Handoff, Handoff];
    expect(envelopeOf(json.envelope, json.body).body_json).toEqual({ a: [1, 2] });
    expect(envelopeOf(raw.envelope, raw.body).body_json).toEqual({ raw_base64: "/wB7" });
  });

  it("reads what earlier edges left in a stream", () => {
    for (const [form, text] of [["json", '{"n":1}'], ["raw", "\xff"]] as const) {
      const body = bodyOfBytes(encoder.encode(text));
      const now = new TextDecoder().decode(encode([{ ...handoff(1), body }]));
      const earlier = now.replace('"body_bytes"', `"body_form":"${form}","body_bytes"`);
      expect(decodeHandoffs(encoder.encode(earlier)).map(plain))
        .toEqual([plain({ ...handoff(1), body })]);
    }
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
        ['"body_bytes"', '"body_form":"else","body_bytes"'],
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
