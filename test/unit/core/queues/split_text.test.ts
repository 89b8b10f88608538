import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { splitText } from "../../../../core/queues/split_text.ts";

const withoutSpace = (text: string): string => text.replaceAll(/\s/g, "");

describe("splitText()", () => {
  it.each([
    ["short text as it is", "hi\n\nthere", 40, ["hi\n\nthere"]],
    ["between paragraphs", "one two\nthree\n\nfour five", 17, ["one two\nthree", "four five"]],
    ["between sentences", "It is so. It is not. Maybe.", 21, ["It is so. It is not.", "Maybe."]],
    ["between words", "aaaa bbbb cccc", 9, ["aaaa bbbb", "cccc"]],
    ["in a word that is too long", "abcdefghij", 4, ["abcd", "efgh", "ij"]],
    ["nothing of an empty text", "", 4, [""]],
  ])("cuts %s", (_what, text, limit, pieces) => {
    expect(splitText(text, limit)).toEqual(pieces);
  });

  it("keeps families of emoji and letters with marks whole", () => {
    const family = "👨‍👩‍👧‍👦";
    expect(splitText(family.repeat(4), 24)).toEqual([family.repeat(2), family.repeat(2)]);
    expect(splitText("e\u0301".repeat(5), 4)).toEqual(["é", "é", "é", "é", "é"].reduce<string[]>(
      (pieces, _, i) => i % 2 === 0 ? [...pieces, "e\u0301".repeat(Math.min(2, 5 - i))] : pieces,
      [],
    ));
  });

  it("loses nothing, keeps the order and fits, whatever the text", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 300 });
    const spaced = fc.array(fc.oneof(text, fc.constantFrom(" ", "\n", "\n\n", ". ")))
      .map((parts) => parts.join(""));
    fc.assert(fc.property(spaced, fc.integer({ min: 1, max: 60 }), (whole, limit) => {
      const pieces = splitText(whole, limit);
      expect(withoutSpace(pieces.join(""))).toBe(withoutSpace(whole));
      for (const piece of pieces) {
        // A pair of surrogates cannot be cut, even when only one unit would fit.
        expect(piece.length).toBeLessThanOrEqual(Math.max(2, limit));
        expect(piece).not.toMatch(/\p{Cs}/u);
      }
    }));
  });
});
