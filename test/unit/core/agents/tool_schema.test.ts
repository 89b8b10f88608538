import fc from "fast-check";
import { Ajv } from "ajv";
import { describe, expect, it } from "vitest";
import { createSchemaCheck } from "../../../../core/agents/tool_schema.ts";

const definitions = (levels: number, of: (next: object) => object) =>
  Object.fromEntries(
    Array.from({ length: levels }, (_, n) => [`d${n}`, of({ $ref: `#/$defs/d${n + 1}` })]),
  );

/** Every one of two to the fortieth paths ends in a failure, so a checker walks them all. */
const exploding = {
  $ref: "#/$defs/d0",
  $defs: { ...definitions(40, (next) => ({ anyOf: [next, next] })), d40: { type: "string" } },
};

describe("createSchemaCheck()", () => {
  it("sets no limit to what is short, however slow the machine is", () => {
    const check = createSchemaCheck({ compileMs: 1, checkMs: 1 });
    const properties = Object.fromEntries(
      Array.from({ length: 100 }, (_, i) => [`p${i}`, { type: "string" }]),
    );
    expect(check({ type: "object", properties }, { p1: "a" })).toBeUndefined();
  });

  it("says what is wrong, with its place", () => {
    const check = createSchemaCheck();
    const schema = {
      type: "object",
      properties: { sku: { type: "string" }, list: { type: "array", items: { type: "integer" } } },
      required: ["sku"],
      additionalProperties: false,
    };
    expect(check(schema, { sku: "a" })).toBeUndefined();
    expect(check(schema, { list: [1, "x"], other: 1 })).toBe(
      "arguments must have required property 'sku'; " +
        'arguments must NOT have additional properties: "other" is not known; /list/1 must be integer',
    );
    expect(check({ type: "nonsense" }, {})).toMatch(/^the tool's schema is not valid/);
    expect(check({ description: "x".repeat(70_000) }, {})).toMatch(/over 65536 characters/);
  });

  it.each([
    "http://json-schema.org/draft-04/schema#",
    "http://json-schema.org/draft-07/schema#",
    "https://json-schema.org/draft/2019-09/schema",
    "https://json-schema.org/draft/2020-12/schema",
    "https://example.com/of-our-own",
    7,
  ])("checks by a schema of dialect %s", ($schema) => {
    const check = createSchemaCheck();
    const schema = { $schema, type: "object", properties: { a: { type: "string" } } };
    expect(check(schema, { a: "x" })).toBeUndefined();
    expect(check(schema, { a: 7 })).toBe("/a must be string");
  });

  it("reads a keyword as its dialect does", () => {
    const check = createSchemaCheck();
    const $schema = "https://json-schema.org/draft/2020-12/schema";
    const schema = { $schema, properties: { a: { prefixItems: [{ type: "string" }] } } };
    expect(check(schema, { a: [7] })).toBe("/a/0 must be string");
  });

  it("follows references and patterns like any other", () => {
    const check = createSchemaCheck();
    const tree = {
      $ref: "#/$defs/node",
      $defs: {
        node: {
          type: "object",
          properties: { name: { pattern: "^[a-z]+$" }, kids: { items: { $ref: "#/$defs/node" } } },
        },
      },
    };
    expect(check(tree, { name: "a", kids: [{ name: "b" }] })).toBeUndefined();
    expect(check(tree, { name: "a", kids: [{ name: "B" }] })).toMatch(
      /^\/kids\/0\/name must match/,
    );
  });

  it.each([
    ["paths that multiply", exploding, {}],
    ["a pattern that backtracks", { properties: { a: { pattern: "^(a+)+$" } } }, {
      a: `${"a".repeat(64)}!`,
    }],
  ])("is not held up by %s, and gives the schema up", (_name, schema, args) => {
    const check = createSchemaCheck();
    for (let n = 0; n < 3; n++) {
      expect(check(schema, args)).toBe("they take too long to check against the tool's schema");
    }
    expect(check(schema, args)).toBe("the tool's schema takes too long to check");
  });

  it("is not held up by a schema that refers to itself, nor by one that is dear to compile", () => {
    const check = createSchemaCheck({ compileMs: 20_000, checkMs: 20_000 });
    expect(check({ anyOf: [{ $ref: "#" }] }, {})).toMatch(/cannot be checked: Maximum call stack/);
    const wide = Object.fromEntries(
      Array.from({ length: 300 }, (_, n) => [`q${n}`, { type: "string", minLength: 1 }]),
    );
    const places = Object.fromEntries(
      Array.from({ length: 200 }, (_, n) => [`p${n}`, { $ref: "#/$defs/x" }]),
    );
    const schema = { properties: places, $defs: { x: { properties: wide } } };
    expect(check(schema, { p1: { q1: "" } })).toMatch(/^\/p1\/q1 must NOT have fewer than 1/);
    let deep: Record<string, unknown> = { type: "string" };
    for (let n = 0; n < 3_000; n++) deep = { items: deep };
    expect(check(deep, {})).toBeTypeOf("string");
  });

  it("judges as the library does by itself", () => {
    const leaf = fc.constantFrom(
      { type: "string" },
      { type: "integer", minimum: 1 },
      { enum: ["a", 1] },
      { pattern: "^a" },
      { type: "array", items: { type: "string" }, uniqueItems: true },
      {},
    );
    const schemas = fc.dictionary(fc.constantFrom("a", "b", "c"), leaf).map((properties) => ({
      type: "object",
      properties,
      required: Object.keys(properties).slice(0, 1),
    }));
    const values = fc.oneof(
      fc.dictionary(fc.constantFrom("a", "b", "c"), fc.oneof(fc.jsonValue(), fc.constant("a"))),
      fc.jsonValue(),
    );
    const check = createSchemaCheck({ compileMs: 20_000, checkMs: 20_000 });
    const judged = fc.property(schemas, values, (schema, value) => {
      const expected = new Ajv({ strict: false }).compile(schema)(value);
      expect(check(schema, value) === undefined).toBe(expected);
    });
    fc.assert(judged, { numRuns: 50 });
  });
});
