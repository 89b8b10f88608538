/**
 * The match table finds exactly what matching one pattern after another finds.
 *
 * @module
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMatchTable } from "../../../../core/bus/match_table.ts";
import { matchSubject } from "../../../../core/contract/mod.ts";

const token = fc.constantFrom("a", "b", "c");
const subject = fc.array(token, { minLength: 1, maxLength: 4 }).map((tokens) => tokens.join("."));
const pattern = fc.tuple(
  fc.array(fc.oneof(token, fc.constant("*")), { minLength: 1, maxLength: 4 }),
  fc.boolean(),
).map(([tokens, open]) => [...tokens, ...(open ? [">"] : [])].join("."));

describe("createMatchTable()", () => {
  it("finds what matchSubject() finds, also after some patterns were taken out", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ pattern, removed: fc.boolean() }), { maxLength: 30 }),
        fc.array(subject, { minLength: 1, maxLength: 10 }),
        (entries, subjects) => {
          const table = createMatchTable<number>();
          const remove = entries.map((entry, i) => table.add(entry.pattern, i));
          entries.forEach((entry, i) => entry.removed && remove[i]?.());
          for (const wanted of subjects) {
            const expected = entries.flatMap((entry, i) =>
              !entry.removed && matchSubject(entry.pattern, wanted) ? [i] : []
            );
            expect(table.match(wanted).sort((a, b) => a - b)).toEqual(expected);
          }
        },
      ),
    );
  });

  it("keeps a pattern's other values when one is taken out twice", () => {
    const table = createMatchTable<string>();
    const removeFirst = table.add("a.*", "first");
    table.add("a.*", "second");
    removeFirst();
    table.add("a.*", "third");
    removeFirst();
    expect(table.match("a.b").sort()).toEqual(["second", "third"]);
  });

  it("matches bare wildcards", () => {
    const table = createMatchTable<string>();
    table.add(">", "all");
    table.add("*", "one");
    expect(table.match("a").sort()).toEqual(["all", "one"]);
    expect(table.match("a.b")).toEqual(["all"]);
  });
});
