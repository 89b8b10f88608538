/**
 * Ids: their shapes, their order, and the same from the same.
 *
 * @module
 */
import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  AccountId,
  AgentId,
  createUuids,
  Slug,
  Uuid,
  uuidOf,
} from "../../../../core/contract/mod.ts";

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const shape = (version: number) =>
  new RegExp(`^[0-9a-f]{8}-[0-9a-f]{4}-${version}[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`);
const bytesOf = (byte: number) => (bytes: Uint8Array<ArrayBuffer>) => bytes.fill(byte);

describe("createUuids()", () => {
  it("makes version 7 ids with the clock in front", () => {
    const uuid = createUuids({ now: () => 0x0123456789ab, random: bytesOf(0xff) });
    expect(uuid()).toMatch(shape(7));
    expect(uuid().slice(0, 13)).toBe("01234567-89ab");
  });

  it("makes them rise, within a millisecond, with the clock set back, and past 4096 of them", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 2, maxLength: 50 }),
        fc.infiniteStream(fc.nat(255)),
        (steps, random) => {
          let nowMs = 1_700_000_000_000;
          const uuid = createUuids({
            now: () => nowMs,
            random: (bytes) => bytes.map(() => random.next().value ?? 0),
          });
          const ids = steps.map((step) => {
            nowMs += step;
            return uuid();
          });
          expect(new Set(ids).size).toBe(ids.length);
          expect([...ids].sort()).toEqual(ids);
          for (const id of ids) expect(id).toMatch(shape(7));
        },
      ),
    );
    const uuid = createUuids({ now: () => 1, random: bytesOf(0xff) });
    const ids = Array.from({ length: 10_000 }, uuid);
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe("uuidOf()", () => {
  it("gives the same id for the same parts, and another for any others", () => {
    expect(uuidOf(sha256, "a", "b")).toMatch(shape(8));
    expect(uuidOf(sha256, "a", "b")).toBe(uuidOf(sha256, "a", "b"));
    const parts = fc.array(fc.string({ unit: fc.constantFrom("a", "\n", "\\", "n") }), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(fc.property(parts, parts, (left, right) => {
      const same = JSON.stringify(left) === JSON.stringify(right);
      expect(uuidOf(sha256, ...left) === uuidOf(sha256, ...right)).toBe(same);
    }));
  });

  it("never changes: what is stored was made by it", () => {
    expect(uuidOf(sha256, "conversation", "acme", "ana")).toBe(
      "91c02719-340f-84a5-b457-bcf0796458d0",
    );
  });
});

describe("names", () => {
  it("take what they promise and nothing that could leave its place", () => {
    const bad = ["", "a.b", "a/b", "..", "a b", "a\n", "*", ">", "é", "-a", "_a", "a".repeat(65)];
    for (const name of [AccountId, AgentId, Slug]) {
      for (const text of bad) expect([text, name.safeParse(text).success]).toEqual([text, false]);
      for (const text of ["a", "0", "a-b", "a".repeat(64)]) expect(name.parse(text)).toBe(text);
    }
    expect(AccountId.safeParse("a_b").success).toBe(false);
    expect(AccountId.safeParse("Acme").success).toBe(false);
    expect(AgentId.parse("a_b")).toBe("a_b");
    expect(Slug.parse("A_b")).toBe("A_b");
  });

  it("read a UUID in any case and hand it on in lower case", () => {
    expect(Uuid.parse("00000000-0000-0000-0000-00000000000A")).toBe(
      "00000000-0000-0000-0000-00000000000a",
    );
    expect(Uuid.safeParse("0000000000000000000000000000000a").success).toBe(false);
  });
});
