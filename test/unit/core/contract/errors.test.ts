/**
 * The table of codes, and what any thrown value reads as.
 *
 * @module
 */
import { describe, expect, it } from "vitest";
import { CodedError, codeOf, ERROR_CODES, messageOf } from "../../../../core/contract/mod.ts";

describe("ERROR_CODES", () => {
  it("are snake_case, in order, each with a sentence without a full stop", () => {
    for (const [code, { says }] of Object.entries(ERROR_CODES)) {
      expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
      expect(says).toMatch(/^[A-Z].*[^.]$/);
    }
  });
});

describe("CodedError", () => {
  it("keeps its code, its cause and whether trying again can help", () => {
    const cause = new Error("underneath");
    const error = new CodedError("bus_timeout", "Cannot ask: no answer", { cause });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: "CodedError",
      code: "bus_timeout",
      retryable: true,
      cause,
    });
    expect(new CodedError("internal", "x").retryable).toBe(false);
  });
});

describe("codeOf() and messageOf()", () => {
  it("read any thrown value", () => {
    expect(codeOf(new CodedError("not_found", "x"))).toBe("not_found");
    for (const value of [new Error("x"), "x", null, undefined, { code: "not_found" }]) {
      expect(codeOf(value)).toBe("internal");
    }
    expect(messageOf(new Error("x"))).toBe("x");
    expect(messageOf("x")).toBe("x");
    expect(messageOf(undefined)).toBe("undefined");
  });
});
