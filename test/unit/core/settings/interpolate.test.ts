/**
 * Placeholders in config values.
 *
 * @module
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fill, type Result, scan } from "../../../../core/settings/interpolate.ts";

const noSecrets = (path: string): Result<string> => ({
  ok: false,
  flaw: { offset: 0, message: `no ${path}`, fix: "" },
});

function expand(text: string, env: Record<string, string> = {}) {
  const pieces = scan(text);
  return pieces.ok ? fill(pieces.value, { env, readSecret: noSecrets }) : pieces;
}

describe("placeholders", () => {
  it.each([
    ["${A}", "1"],
    ["a${A}b${A}", "a1b1"],
    ["${EMPTY}", ""],
    ["${EMPTY:-d}", "d"],
    ["${EMPTY-d}", ""],
    ["${NONE-d}", "d"],
    ["${NONE:-}", ""],
    ["${NONE:-a-b:c}", "a-b:c"],
    ["${NONE:-${A}}", "1"],
    ['${NONE:-{"a": {}}}', '{"a": {}}'],
    ["$${A}", "${A}"],
    ["$A and $", "$A and $"],
    ["}{", "}{"],
  ])("%s becomes %s", (text, expected) => {
    expect(expand(text, { A: "1", EMPTY: "" })).toEqual({ ok: true, value: expected });
  });

  it("names a variable that is not set, and how to set it", () => {
    expect(expand("key ${API_KEY}")).toEqual({
      ok: false,
      flaw: {
        offset: 4,
        message: 'environment variable "API_KEY" is not set',
        fix: "Set API_KEY, or give a default: ${API_KEY:-default}",
      },
    });
  });

  it.each(["x ${A", "x ${", "x ${A:-b", "x ${file:a", "x ${A:-{}", "x ${A:-${B}"])(
    "C2: %s is told to close its brace",
    (text) => {
      const result = expand(text, { A: "1" });
      expect(result).toMatchObject({ ok: false, flaw: { message: '"${" is never closed' } });
    },
  );

  it.each(["${}", "${a.b}", "${1}", "${A B}", "${-x}"])("%s names no variable", (text) => {
    expect(expand(text)).toMatchObject({ ok: false, flaw: { offset: 0 } });
  });

  it("refuses defaults nested without end", () => {
    const result = scan("${A:-".repeat(50_000));
    expect(result).toMatchObject({ ok: false, flaw: { message: expect.stringMatching(/deep/) } });
  });

  it("does not take names from the prototype of the environment", () => {
    expect(expand("${constructor}")).toMatchObject({ ok: false });
  });

  it("reads any text without throwing, and text without placeholders as it is", () => {
    const marks = fc.constantFrom("${", "$${", "}", "{", "$", ":-", "-", "file:", "A", "é", "\n");
    fc.assert(fc.property(fc.array(fc.oneof(marks, fc.string())), (parts) => {
      const text = parts.join("");
      const result = expand(text, { A: "1" });
      if (!text.includes("${")) expect(result).toEqual({ ok: true, value: text });
      else if (!result.ok) expect(text.startsWith("${", result.flaw.offset)).toBe(true);
    }));
  });

  it("puts any value in as it is, never reading it again", () => {
    fc.assert(fc.property(fc.string(), fc.string(), (value, around) => {
      const plain = around.replaceAll("$", "");
      expect(expand(`${plain}\${A}${plain}`, { A: value })).toEqual({
        ok: true,
        value: plain + value + plain,
      });
    }));
  });

  it("does work in proportion to the length of the text", () => {
    // Counted, not timed: every read of the environment is one visit of a placeholder.
    const count = 20_000;
    let reads = 0;
    const env = new Proxy<Record<string, string>>({}, {
      getOwnPropertyDescriptor: () => (reads += 1, {
        value: "1",
        configurable: true,
        enumerable: true,
        writable: true,
      }),
      get: () => "1",
    });
    const pieces = scan("${A}".repeat(count));
    expect(pieces.ok && fill(pieces.value, { env, readSecret: noSecrets })).toEqual({
      ok: true,
      value: "1".repeat(count),
    });
    expect(reads).toBe(count);
  });
});
