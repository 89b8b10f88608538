/**
 * Random bytes from a pool.
 *
 * @module
 */
import { describe, expect, it } from "vitest";
import { createPooledRandom } from "../../../../core/flow/random.ts";

/** Fills with 1, 2, 3, … over 16 bits, and remembers every buffer it was given. */
function createCountingFill() {
  const filled: Uint8Array[] = [];
  let next = 0;
  return {
    filled,
    fill: (bytes: Uint8Array<ArrayBuffer>) => {
      filled.push(bytes);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      for (let i = 0; i + 1 < bytes.length; i += 2) view.setUint16(i, ++next);
      return bytes;
    },
  };
}

describe("createPooledRandom()", () => {
  it("hands no byte out twice, across refills", () => {
    const random = createPooledRandom(createCountingFill().fill);
    const seen = new Set<number>();
    for (let i = 0; i < 1000; i++) {
      const bytes = random(new Uint8Array(i % 2 === 0 ? 12 : 16));
      const view = new DataView(bytes.buffer);
      for (let at = 0; at < bytes.length; at += 2) seen.add(view.getUint16(at));
    }
    expect(seen.size).toBe(1000 * 14 / 2);
    expect(seen.has(0)).toBe(false);
  });

  it("keeps nothing of what it handed out", () => {
    const { fill, filled } = createCountingFill();
    const random = createPooledRandom(fill);
    random(new Uint8Array(100));
    expect(filled[0]?.subarray(0, 100).every((byte) => byte === 0)).toBe(true);
    expect(filled[0]?.[101]).not.toBe(0);
  });

  it("fills the buffer it was given, and gives it back", () => {
    const { fill, filled } = createCountingFill();
    const bytes = new Uint8Array(10_000);
    expect(createPooledRandom(fill)(bytes)).toBe(bytes);
    expect(filled).toEqual([bytes]);
  });
});
