/**
 * `_meta` that is put in words once says what it would say each time.
 *
 * @module
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { metaJson, shareMeta } from "../../../../core/microapps/meta_json.ts";
import { toolCallParams } from "../../../../core/microapps/tools.ts";

const common = {
  agent_id: "ana",
  session_id: null,
  nexo: { binding: { agent_id: "ana", channel: "web\u2028chat" } },
};

describe("metaJson()", () => {
  it("gives each call of a turn what all say alike, and its own id", () => {
    const shared = shareMeta(common);
    for (const callId of ["one", 't"wo', undefined, "three"]) {
      const meta = shared.forCall(callId);
      const plain = { ...common, nexo: { ...common.nexo, ...(callId && { call_id: callId }) } };
      expect(JSON.parse(metaJson(meta))).toEqual(plain);
      expect(JSON.parse(JSON.stringify(meta))).toEqual(plain);
      expect(metaJson(meta)).not.toContain("\u2028");
    }
  });

  it("takes what was made out of a call's for what it says", () => {
    const changed = { ...shareMeta(common).forCall("one"), agent_id: "bob", more: true };
    expect(JSON.parse(metaJson(changed))).toEqual({
      ...common,
      agent_id: "bob",
      more: true,
      nexo: { ...common.nexo, call_id: "one" },
    });
  });
});

describe("toolCallParams()", () => {
  const meta = shareMeta(common).forCall("one");

  it("are JSON on one line, whatever the arguments, with our _meta and no other", () => {
    const given = fc.oneof(
      fc.dictionary(fc.oneof(fc.string(), fc.constant("_meta")), fc.jsonValue()),
      fc.jsonValue(),
      fc.constant(undefined),
    );
    fc.assert(fc.property(given, fc.boolean(), fc.boolean(), (args, withMeta, withAliases) => {
      const json = toolCallParams("a\u2029b", args, meta, { withMeta, withAliases });
      expect(json).not.toMatch(/[\n\r\u2028\u2029]/);
      const read = JSON.parse(json) as Record<string, unknown>;
      const value = args ?? {};
      const isObject = typeof value === "object" && !Array.isArray(value);
      const { _meta, ...own } = isObject ? value as Record<string, unknown> : {};
      const plain = JSON.parse(JSON.stringify(isObject ? own : value)) as unknown;
      const passed = isObject && withMeta
        ? { ...plain as object, _meta: JSON.parse(metaJson(meta)) as unknown }
        : plain;
      expect(read).toEqual({
        name: "a\u2029b",
        arguments: passed,
        ...(withAliases
          ? { tool: "a\u2029b", args: plain, binding_context: common.nexo.binding }
          : {}),
      });
    }));
  });
});
