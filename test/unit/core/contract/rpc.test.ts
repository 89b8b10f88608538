/**
 * JSON-RPC frames: told apart as the wire asks, and written so that they read back.
 *
 * @module
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readFrame, type RpcFrame, writeFrame } from "../../../../core/contract/mod.ts";

const id = fc.oneof(fc.string(), fc.integer());
const method = fc.string({ minLength: 1 });
const json = fc.jsonValue({ noUnicodeString: false }).map((value) =>
  JSON.parse(JSON.stringify(value)) as unknown
);
const frame: fc.Arbitrary<RpcFrame> = fc.oneof(
  fc.record({ type: fc.constant("request" as const), id, method, params: json }),
  fc.record({ type: fc.constant("notification" as const), method, params: json }),
  fc.record({ type: fc.constant("result" as const), id, result: json }),
  fc.record({
    type: fc.constant("error" as const),
    id: fc.oneof(id, fc.constant(null)),
    error: fc.record({ code: fc.integer(), message: fc.string() }),
  }),
);

describe("writeFrame()", () => {
  it("writes one line that readFrame() reads back", () => {
    fc.assert(fc.property(frame, (written) => {
      const line = writeFrame(written);
      expect(line.indexOf("\n")).toBe(line.length - 1);
      expect(readFrame(JSON.parse(line))).toEqual(written);
    }));
  });

  it("says null for a result that is nothing, so that the frame stays a response", () => {
    expect(JSON.parse(writeFrame({ type: "result", id: 1, result: undefined }))).toEqual({
      jsonrpc: "2.0",
      id: 1,
      result: null,
    });
  });

  it("leaves id out of notifications", () => {
    expect(JSON.parse(writeFrame({ type: "notification", method: "n", params: {} }))).not
      .toHaveProperty("id");
  });
});

describe("readFrame()", () => {
  it("asks for neither jsonrpc nor params, and passes members it does not know", () => {
    expect(readFrame({ id: 1, method: "m", extra: true })).toEqual({
      type: "request",
      id: 1,
      method: "m",
      params: null,
    });
  });

  it("takes a null id with a method for a notification", () => {
    expect(readFrame({ id: null, method: "m" })).toMatchObject({ type: "notification" });
  });

  it("lets result win over error, and reads neither as a null result", () => {
    expect(readFrame({ id: 1, result: 0, error: { code: 1, message: "x" } })).toEqual({
      type: "result",
      id: 1,
      result: 0,
    });
    expect(readFrame({ id: 1 })).toEqual({ type: "result", id: 1, result: null });
    expect(readFrame({ id: 1, error: null })).toEqual({ type: "result", id: 1, result: null });
  });

  it("keeps an error's data", () => {
    const error = { code: -32602, message: "no", data: { code: "invalid_arguments" } };
    expect(readFrame({ id: "a", error })).toEqual({ type: "error", id: "a", error });
  });

  it("refuses what is no frame with frame_invalid, and never throws anything else", () => {
    const bad = [
      null,
      1,
      "x",
      [],
      {},
      { id: {} },
      { method: 1 },
      { id: 1, error: "x" },
      {
        id: 1,
        error: { code: 1.5, message: "x" },
      },
      { result: 1 },
      { method: "" },
    ];
    for (const value of bad) {
      expect(() => readFrame(value)).toThrow(
        expect.objectContaining({ code: "frame_invalid" }) as Error,
      );
    }
    fc.assert(fc.property(fc.jsonValue(), (value) => {
      try {
        readFrame(value);
      } catch (error) {
        expect(error).toMatchObject({ code: "frame_invalid" });
      }
    }));
  });
});
