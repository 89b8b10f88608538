/**
 * Lines out of bytes.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { createLineSplitter } from "../../../../core/microapps/framing.ts";

function split(chunks: readonly Uint8Array[], maxBytes = 1024) {
  const lines: string[] = [];
  let tooLong = 0;
  const splitter = createLineSplitter({
    maxBytes,
    onLine: (line) => lines.push(line),
    onTooLong: () => (tooLong += 1),
  });
  for (const chunk of chunks) splitter.push(Buffer.from(chunk));
  splitter.end();
  return { lines, tooLong };
}

/** `bytes` cut at the given places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) =>
    a - b
  );
  return [0, ...sorted].map((start, i) => bytes.subarray(start, sorted[i] ?? bytes.length));
}

describe("a line splitter", () => {
  it("gives the same lines wherever the chunks are cut", () => {
    const line = fc.string({ unit: "binary", maxLength: 40 }).map((text) =>
      text.replaceAll(/[\n\r]/g, "ñ")
    );
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat()), fc.boolean(), (lines, places, ends) => {
        const text = lines.join("\n") + (ends ? "\n" : "");
        const expected = text.split("\n").filter((each) => each.trim() !== "")
          .map((each) => Buffer.from(each).toString());
        expect(split(cut(Buffer.from(text), places)).lines).toEqual(expected);
      }),
    );
  });

  it("drops exactly the lines over the limit wherever the chunks are cut", () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 30 }));
    fc.assert(fc.property(lengths, fc.array(fc.nat()), (all, places) => {
      const bytes = Buffer.from(all.map((length) => `${"x".repeat(length)}\n`).join(""));
      const { lines, tooLong } = split(cut(bytes, places), 16);
      expect(lines.map((line) => line.length)).toEqual(all.filter((length) => length <= 16));
      expect(tooLong).toBe(all.filter((length) => length > 16).length);
    }));
  });

  it("says at once that a line is too long, and holds nothing of one that never ends", () => {
    const lines: string[] = [];
    const onTooLong = vi.fn();
    const splitter = createLineSplitter({
      maxBytes: 1024 * 1024,
      onLine: (line) => lines.push(line),
      onTooLong,
    });
    const chunk = Buffer.alloc(64 * 1024, "x");
    const before = process.memoryUsage().arrayBuffers;
    for (let n = 0; n < 4096; n++) splitter.push(chunk);
    expect(onTooLong).toHaveBeenCalledTimes(1);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024);
    splitter.push(Buffer.from("\nnext\n"));
    expect(lines).toEqual(["next"]);
  });

  it("strips one carriage return, skips blank lines and keeps a last line without newline", () => {
    expect(split([Buffer.from("a\r\n\n  \n\r\nb\r\r\nlast")]).lines).toEqual(["a", "b\r", "last"]);
  });

  it("splits on 0x0A only", () => {
    expect(split([Buffer.from("a\u2028b\u0085c\vd\n")]).lines).toEqual(["a\u2028b\u0085c\vd"]);
  });

  it("accepts a line of 16 MiB that comes in single bytes and chunks", () => {
    const chunk = Buffer.alloc(64 * 1024, "x");
    const chunks = [
      ...Array.from({ length: 1000 }, () => Buffer.from("y")),
      ...Array(255).fill(chunk),
    ];
    expect(split(chunks, 16 * 1024 * 1024).lines[0]?.length).toBe(1000 + 255 * 64 * 1024);
  });
});
