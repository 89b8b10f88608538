/**
 * Markers around values nobody vouches for.
 *
 * @module
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { plainOf, untrusted } from "../../../../core/models/untrusted.ts";

const hostile = fc.array(
  fc.oneof(
    fc.constantFrom("<untrusted>", "</untrusted>", "&lt;", "&amp;", "&", "<", "&amp;lt;", "/"),
    fc.string({ unit: "binary" }),
  ),
).map((parts) => parts.join(""));

describe("untrusted()", () => {
  it("is undone by plainOf(), whatever the value holds", () => {
    fc.assert(fc.property(hostile, (value) => {
      expect(plainOf(untrusted(value))).toBe(value);
    }));
  });

  it("never lets a value close its marker or open another", () => {
    fc.assert(fc.property(hostile, (value) => {
      const inside = untrusted(value).slice("<untrusted>".length, -"</untrusted>".length);
      expect(inside).not.toContain("<");
    }));
  });
});

describe("plainOf()", () => {
  it("leaves text without markers as it is, entities and all", () => {
    for (
      const text of [
        "",
        "a &lt; b",
        "<untrusted>open",
        "shut</untrusted>",
        "</untrusted><untrusted>",
      ]
    ) {
      expect(plainOf(text)).toBe(text);
    }
  });

  it("reads several values in one text", () => {
    const text = `From ${untrusted("<a>")} to ${untrusted("b & c")}.`;
    expect(plainOf(text)).toBe("From <a> to b & c.");
  });
});
