import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  CodedError,
  decodeFrame,
  decodeRoll,
  encodeFrame,
  encodeRoll,
  ERROR_CODES,
  type ErrorCode,
  type ExchangeFrame,
} from "../../../../core/contract/mod.ts";

const pairs = fc.array(fc.tuple(fc.string(), fc.string({ unit: "binary" })), { maxLength: 8 });
const frames: fc.Arbitrary<ExchangeFrame> = fc.oneof(
  fc.record({
    kind: fc.constant("head" as const),
    head: fc.record(
      {
        status: fc.integer({ min: 101, max: 599 }),
        headers: pairs,
        protocol: fc.string(),
      },
      { requiredKeys: ["status", "headers"] },
    ),
  }),
  fc.record({
    kind: fc.constant("data" as const),
    form: fc.constantFrom("bytes" as const, "text" as const, "binary" as const),
    hasMore: fc.boolean(),
    bytes: fc.uint8Array({ maxLength: 300 }),
  }),
  fc.record({
    kind: fc.constant("end" as const),
    close: fc.option(
      fc.record({ code: fc.option(fc.integer({ min: 1000, max: 4999 })), reason: fc.string() }),
    ),
  }),
  fc.record({
    kind: fc.constant("cancel" as const),
    code: fc.constantFrom(...Object.keys(ERROR_CODES) as ErrorCode[]),
  }),
  fc.record({ kind: fc.constant("credit" as const), bytes: fc.nat(0xffff_ffff) }),
);
const name = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) =>
  Buffer.from(bytes).toString("hex")
);

/** At an odd place of a larger buffer, as a message may come. */
function amid(bytes: Uint8Array): Uint8Array {
  const around = new Uint8Array(bytes.length + 7);
  around.set(bytes, 3);
  return around.subarray(3, 3 + bytes.length);
}

describe("frames of an exchange", () => {
  it("read as they were written, wherever they lie in memory", () => {
    fc.assert(fc.property(frames, fc.nat(0xffff_ffff), (frame, number) => {
      expect(decodeFrame(amid(encodeFrame(frame, number)))).toEqual({ frame, number });
    }));
  });

  it("are refused when they are none, and never read as something else", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        const { frame, number } = decodeFrame(bytes);
        expect(decodeFrame(encodeFrame(frame, number))).toEqual({ frame, number });
      } catch (error) {
        expect(error).toBeInstanceOf(CodedError);
        expect(error).toMatchObject({ code: "exchange_invalid" });
      }
    }));
  });
});

describe("a roll", () => {
  it("reads as it was written, and is refused when it is none", () => {
    const entries = fc.uniqueArray(fc.record({ exchange: name, sent: fc.nat(0xffff_ffff) }), {
      selector: ({ exchange }) => exchange,
      maxLength: 20,
    });
    fc.assert(fc.property(name, entries, (from, all) => {
      const bytes = encodeRoll(from, all);
      expect(decodeRoll(amid(bytes))).toEqual({
        from,
        sent: new Map(all.map(({ exchange, sent }) => [exchange, sent])),
      });
      expect(() => decodeRoll(bytes.subarray(0, bytes.length - 1))).toThrow(CodedError);
    }));
  });
});
