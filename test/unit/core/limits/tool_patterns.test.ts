/**
 * Globs over tool names agree with the regular expression they stand for.
 *
 * @module
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { globMatches } from "../../../../core/limits/tool_patterns.ts";

it("globMatches() agrees with the regular expression the glob stands for", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 8 });
  const glob = fc.string({ unit: fc.constantFrom("a", "b", "*"), maxLength: 6 });
  fc.assert(
    fc.property(glob, text, (pattern, name) => {
      const expected = new RegExp(`^${pattern.replaceAll("*", ".*")}$`).test(name);
      expect(globMatches(pattern.split("*"), name)).toBe(expected);
    }),
    { numRuns: 2000 },
  );
});
