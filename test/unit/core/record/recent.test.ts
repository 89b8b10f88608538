/**
 * What is remembered of conversations is what is on disk of them.
 *
 * @module
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRecentEntries, type HistoryEntry } from "../../../../core/record/recent.ts";

const NEWEST = Number.MAX_SAFE_INTEGER;
const entry = (seq: number): HistoryEntry => ({
  seq,
  role: "user",
  body: `b${seq}`,
  messageId: `m${seq}`,
  modelMessage: { role: "user", content: `b${seq}` },
});

/** A session on disk, beside what is remembered of it. */
function open(disk: HistoryEntry[] = []) {
  const recent = createRecentEntries();
  let reads = 0;
  const stored = (limit: number, before: number) =>
    disk.filter(({ seq }) => seq < before).slice(-limit);
  return {
    recent,
    stored,
    reads: () => reads,
    append(from: number, count = 1) {
      const fresh = Array.from({ length: count }, (_, i) => entry(from + i));
      disk.push(...fresh);
      recent.appended("s", fresh);
    },
    erase() {
      disk.length = 0;
      recent.forget();
    },
    newest: (limit: number, before = NEWEST) =>
      recent.newest("s", { limit, before }, () => {
        reads++;
        return Promise.resolve(stored(limit, before));
      }),
  };
}

describe("createRecentEntries()", () => {
  it("answers as the disk would, whatever was read, appended and erased before", async () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 1, max: 7 }) },
      { weight: 3, arbitrary: fc.tuple(fc.integer({ min: 1, max: 130 }), fc.nat(150)) },
      { weight: 1, arbitrary: fc.constant("erase" as const) },
    );
    await fc.assert(fc.asyncProperty(
      fc.array(step, { maxLength: 250 }),
      fc.nat(150),
      async (steps, first) => {
        const place = open(Array.from({ length: first }, (_, seq) => entry(seq)));
        let next = first;
        for (const one of steps) {
          if (typeof one === "number") {
            place.append(next, one);
            next += one;
          } else if (one === "erase") place.erase();
          else {
            const [limit, back] = one;
            const before = back === 0 ? NEWEST : next - back;
            expect(await place.newest(limit, before)).toEqual(place.stored(limit, before));
          }
        }
      },
    ));
  });

  it("reads a session once while it goes on", async () => {
    const place = open([entry(0), entry(1)]);
    await place.newest(50);
    place.append(2);
    expect((await place.newest(50)).map(({ seq }) => seq)).toEqual([0, 1, 2]);
    expect(place.reads()).toBe(1);
    // A place before the newest that is remembered, and one beyond it.
    await place.newest(2, 2);
    expect(place.reads()).toBe(1);
  });

  it.each(["append", "erase"] as const)(
    "keeps nothing of a read that something came in between: %s",
    async (what) => {
      const place = open([entry(0)]);
      const old = place.recent.newest("s", { limit: 50, before: NEWEST }, () => {
        const found = place.stored(50, NEWEST);
        if (what === "append") place.append(1);
        else place.erase();
        return Promise.resolve(found);
      });
      await old;
      expect(await place.newest(50)).toEqual(place.stored(50, NEWEST));
      expect(place.reads()).toBe(1);
    },
  );
});
