/**
 * Finding tools in a text: whole words, longest first, arguments behind them.
 *
 * @module
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toolMentions } from "../../../../core/models/tool_mentions.ts";
import type { ModelTool } from "../../../../core/models/model.ts";

const tool = (ownName: string, inputSchema: unknown = {}): ModelTool => ({
  name: `ext_shop_${ownName}`,
  ownName,
  description: "",
  inputSchema,
});
const strings = (...names: string[]) => ({
  type: "object",
  required: names,
  properties: Object.fromEntries(names.map((name) => [name, { type: "string" }])),
});
const found = (text: string, tools: ModelTool[]) =>
  toolMentions(text, tools).map((mention) => [mention.tool.ownName, mention.arguments]);

describe("toolMentions()", () => {
  it("finds a tool by either of its names, and only as a whole word", () => {
    const tools = [tool("quote")];
    expect(found("please quote.", tools)).toEqual([["quote", {}]]);
    expect(found("run ext_shop_quote now", tools)).toEqual([["quote", {}]]);
    for (
      const text of [
        "quotes",
        "misquote",
        "a_quote",
        "quote-x",
        "équote",
        "quoté",
        "𝐚quote",
        "Quote",
      ]
    ) {
      expect(found(text, tools)).toEqual([]);
    }
  });

  it("prefers the longer name where two begin alike", () => {
    expect(found("use a.b here", [tool("a"), tool("a.b")])).toEqual([["a.b", {}]]);
  });

  it("finds each of several tools once, in order of appearance", () => {
    const tools = [tool("one"), tool("two"), tool("three")];
    expect(found("three, then one, then three again", tools)).toEqual([["three", {}], ["one", {}]]);
  });

  it("reads the JSON object behind a name, braces in strings and nesting included", () => {
    const args = { text: 'a } "{" \\ b', deep: { list: [{ x: 1 }, "]"] } };
    expect(found(`quote ${JSON.stringify(args)} and go`, [tool("quote")])).toEqual([[
      "quote",
      args,
    ]]);
    expect(found(`quote: \`{"a":1}\``, [tool("quote")])).toEqual([["quote", { a: 1 }]]);
  });

  it("does not look for tools inside another tool's arguments", () => {
    expect(found('one {"text":"two"}', [tool("one"), tool("two")])).toEqual([["one", {
      text: "two",
    }]]);
  });

  it("takes no arguments from a broken object", () => {
    for (const text of ["quote {", 'quote {"a":', "quote {a: 1}", 'quote {"a": "}', "quote [1]"]) {
      expect(found(text, [tool("quote")])).toEqual([["quote", {}]]);
    }
  });

  it("fills required strings the object lacks with the words behind, else those before", () => {
    const tools = [tool("quote", strings("sku"))];
    expect(found("quote A-1", tools)).toEqual([["quote", { sku: "A-1" }]]);
    expect(found('quote {"n": 2}, sku A-1', tools)).toEqual([["quote", { sku: "sku A-1", n: 2 }]]);
    expect(found("for A-1 give me a quote", tools)).toEqual([["quote", {
      sku: "for A-1 give me a",
    }]]);
    expect(found("quote", tools)).toEqual([["quote", { sku: "quote" }]]);
    expect(found('quote {"sku":"B-2"} A-1', tools)).toEqual([["quote", { sku: "B-2" }]]);
  });

  it("gives several missing strings a word each and the last one the rest", () => {
    expect(found("send ana hello there", [tool("send", strings("to", "text"))])).toEqual([
      ["send", { to: "ana", text: "hello there" }],
    ]);
  });

  it("keeps to an enum, and leaves what is not a string alone", () => {
    const schema = {
      required: ["level", "count", "note"],
      properties: {
        level: { type: "string", enum: ["low", "high"] },
        count: { type: "integer" },
        note: { type: ["string", "null"] },
      },
    };
    expect(found("set to high", [tool("set", schema)])).toEqual([
      ["set", { level: "high", note: "to high" }],
    ]);
  });

  it("gives each tool the words up to the next", () => {
    const tools = [tool("one", strings("a")), tool("two", strings("b"))];
    expect(found("one apple two pears", tools)).toEqual([["one", { a: "apple" }], ["two", {
      b: "pears",
    }]]);
  });

  it("reads back any object it is given, and never throws on any text or schema", () => {
    fc.assert(fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.string(), (args, tail) => {
      const json = JSON.stringify(args);
      expect(found(`quote ${json} ${tail}`, [tool("quote")])).toEqual([[
        "quote",
        JSON.parse(json),
      ]]);
    }));
    fc.assert(fc.property(fc.string({ unit: "binary" }), fc.jsonValue(), (text, schema) => {
      toolMentions(`quote ${text}`, [tool("quote", schema)]);
    }));
  });
});
