/**
 * Tool names as models see them.
 *
 * @module
 */
import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fitName, toolName } from "../../../../core/microapps/naming.ts";

const digest = (id: string, tool: string) =>
  createHash("sha256").update(id).update(new Uint8Array([0])).update(tool).digest("hex").slice(
    0,
    6,
  );

describe("fitName()", () => {
  it("leaves a name of up to 64 bytes as it is", () => {
    expect(fitName("ext_", "shop", "quote")).toBe("ext_shop_quote");
    const tool = "t".repeat(64 - "ext_shop_".length);
    expect(fitName("ext_", "shop", tool)).toBe(`ext_shop_${tool}`);
  });

  it("cuts a longer tool and appends a digest of both names", () => {
    const tool = "t".repeat(80);
    const name = fitName("ext_", "shop", tool);
    expect(name).toBe(`ext_shop_${"t".repeat(64 - 16)}_${digest("shop", tool)}`);
    expect(name.length).toBe(64);
  });

  it("leaves two underscores when there is no room for the tool, and cuts the id beyond that", () => {
    const full = "i".repeat(64 - 4 - 8);
    expect(fitName("ext_", full, "toolname1")).toBe(`ext_${full}__${digest(full, "toolname1")}`);
    const long = "i".repeat(64);
    expect(fitName("ext_", long, "tool")).toBe(`ext_${"i".repeat(53)}_${digest(long, "tool")}`);
  });

  it("never passes 64 bytes, and keeps different tools apart", () => {
    const id = fc.stringMatching(/^[a-z][a-z0-9_-]{0,63}$/);
    const tool = fc.string({ unit: "grapheme", minLength: 1, maxLength: 100 });
    fc.assert(fc.property(id, tool, (microapp, name) => {
      expect(Buffer.byteLength(fitName("ext_", microapp, name))).toBeLessThanOrEqual(64);
      expect(toolName(microapp, name)).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
    }));
    expect(toolName("shop", `${"t".repeat(80)}a`)).not.toBe(toolName("shop", `${"t".repeat(80)}b`));
  });
});
