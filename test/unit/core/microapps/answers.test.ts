/**
 * Handshakes, tool results and hook outcomes in every shape children give them.
 *
 * @module
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CodedError, RpcFault } from "../../../../core/contract/mod.ts";
import { readHandshake } from "../../../../core/microapps/handshake.ts";
import { applyVote, readVote } from "../../../../core/microapps/hooks.ts";
import { isFault, readToolFault, readToolResult } from "../../../../core/microapps/results.ts";

describe("readHandshake()", () => {
  it("reads names and descriptors with each spelling of the schema", () => {
    const schema = { type: "object", properties: {} };
    const { tools, hooks, warnings } = readHandshake({
      tools: [
        "a",
        { name: "b", description: "B", input_schema: schema },
        { name: "c", inputSchema: schema },
        { name: "d", parameters: schema, extra: 1 },
        { name: "e", input_schema: {} },
        { name: "a", description: "again" },
        { description: "nameless" },
        7,
      ],
      hooks: ["before_message", "made_up", 7, "before_message"],
    });
    expect(tools).toEqual([
      { name: "a", description: "", inputSchema: null },
      { name: "b", description: "B", inputSchema: schema },
      { name: "c", description: "", inputSchema: schema },
      { name: "d", description: "", inputSchema: schema },
      { name: "e", description: "", inputSchema: null },
    ]);
    expect(hooks).toEqual(["before_message"]);
    expect(warnings.length).toBe(4);
  });

  it.each([
    [{ server_info: { name: "x", version: "1.0.0" } }, "1.0.0", true],
    [{ server_version: "2.0.0" }, "2.0.0", false],
    [{ version: "3.0.0" }, "3.0.0", false],
    [{}, null, false],
  ])("finds the version of %j", (result, version, stripsMeta) => {
    expect(readHandshake(result)).toMatchObject({ version, stripsMeta });
  });

  it.each([
    [{}, true],
    [{ aliases: true }, true],
    [{ aliases: null }, true],
    [{ aliases: false }, false],
  ])("takes from %j whether calls say everything twice", (result, wantsAliases) => {
    expect(readHandshake(result)).toMatchObject({ wantsAliases });
  });

  it("leaves out a tool whose schema is too long to send to models", () => {
    const input_schema = { description: "x".repeat(70_000) };
    expect(
      readHandshake({ tools: [{ name: "a", input_schema }, "b"] }).tools.map(({ name }) => name),
    )
      .toEqual(["b"]);
  });

  it.each([
    [{ type: "array" }, 'arguments are an object, not of type "array"'],
    [{ type: "object", properties: 5 }, "/properties must be a map of schemas"],
    [
      { properties: { a: { type: "objekt" } } },
      '/properties/a/type names "objekt", which is no type',
    ],
    [{ properties: { a: { type: "array", items: "text" } } }, "/properties/a/items must be a"],
    [{ properties: { a: { anyOf: {} } } }, "/properties/a/anyOf must be a list of schemas"],
    [{ required: "a" }, "/required must be a list of names"],
    [{ $defs: { x: { enum: "a" } } }, "/$defs/x/enum must be a list"],
    [{ additionalProperties: 7 }, "/additionalProperties must be a schema, not 7"],
  ])(
    "leaves out a tool whose schema is %j: providers refuse all that comes with it",
    (wrong, why) => {
      const { tools, warnings } = readHandshake({
        tools: [{ name: "a", input_schema: wrong }, "b"],
      });
      expect(tools.map(({ name }) => name)).toEqual(["b"]);
      expect(warnings).toEqual([
        expect.stringContaining(`tool "a" was left out: its schema is wrong: ${why}`),
      ]);
    },
  );

  it("takes every schema that is one, and says of each that arguments are an object", () => {
    const properties = {
      a: { type: ["string", "null"], enum: ["x", null] },
      b: { type: "array", items: [{ type: "string" }, true], prefixItems: [{}] },
      c: { anyOf: [{ $ref: "#/$defs/d" }, false], not: {} },
    };
    const whole = { properties, required: ["a"], $defs: { d: { type: "integer" } } };
    expect(readHandshake({ tools: [{ name: "a", input_schema: whole }] })).toMatchObject({
      tools: [{ inputSchema: { type: "object", ...whole } }],
      warnings: [],
    });
  });

  it("refuses only what is no object", () => {
    for (const result of [null, "x", 7, []]) {
      expect(() => readHandshake(result)).toThrow(CodedError);
    }
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom("tools", "hooks", "server_info"), fc.anything()),
        (result) => {
          readHandshake(result);
        },
      ),
    );
  });
});

describe("tool results", () => {
  const place = { microappId: "shop", ownName: "quote" };

  it.each([
    ["text", "text"],
    [{ ok: true, text: "saved" }, '{"ok":true,"text":"saved"}'],
    [null, "null"],
    [7, "7"],
    [{ output: { a: 1 } }, '{"a":1}'],
    [{ output: "x" }, "x"],
    [{ output: "x", more: 1 }, '{"output":"x","more":1}'],
    [{ error: "x", more: 1 }, '{"error":"x","more":1}'],
  ])("%j reads %s", (result, text) => {
    expect(readToolResult(place, result)).toMatchObject({ ok: true, text });
  });

  it("reads a lone error member as an error", () => {
    expect(readToolResult(place, { error: "sold out" })).toEqual({
      ok: false,
      message: "sold out",
      text: "error: extension `shop` tool `quote` failed: sold out",
    });
  });

  it("cuts what no model could read", () => {
    const long = "x".repeat(10_000_000);
    const cut = /^.{1048576}\n\[\d+ more characters were left out\]$/;
    for (const result of [long, { output: long }, { text: long }, { error: long }]) {
      expect(readToolResult(place, result).text).toMatch(cut);
    }
  });

  it("tells faults of the microapp from refusals", () => {
    expect(readToolFault(place, new RpcFault(-32000, "unauthorized: no", { code: "unauthorized" })))
      .toMatchObject({ rpcCode: -32000, symbol: "unauthorized" });
    expect(isFault(new RpcFault(-32000, "internal: x", { code: "internal" }))).toBe(true);
    expect(isFault(new RpcFault(-32603, "x"))).toBe(true);
    expect(isFault(new RpcFault(-32000, "unauthorized: x", { code: "unauthorized" }))).toBe(false);
    expect(isFault(new RpcFault(-32602, "x", { code: "invalid_arguments" }))).toBe(false);
    expect(isFault(new CodedError("microapp_timeout", "x"))).toBe(true);
    expect(isFault(new CodedError("microapp_busy", "x"))).toBe(false);
  });
});

describe("readVote()", () => {
  const vote = (kind: string, more: object = {}) => ({ kind, mute: false, reason: "", ...more });
  it.each([
    [null, vote("continue")],
    [{ abort: false, decision: "allow" }, vote("continue")],
    [{ abort: false }, vote("continue")],
    [{ vote: "abstain" }, vote("continue")],
    [{ do_not_reply_again: true, reason: "r" }, vote("continue", { mute: true, reason: "r" })],
    [{ abort: true, decision: "block", reason: "r" }, vote("block", { reason: "r" })],
    [
      { abort: true, reason: "r", do_not_reply_again: true },
      vote("block", { reason: "r", mute: true }),
    ],
    [{ decision: "block" }, vote("block")],
    [{ vote: "deny", reason: "r" }, vote("block", { reason: "r" })],
    [{ decision: "transform", transformed_body: "t" }, vote("transform", { text: "t" })],
    [
      { decision: "transform", transformed_body: "t", override: { a: 1 } },
      vote("transform", { text: "t" }),
    ],
    [{ abort: true, decision: "transform", transformed_body: "t" }, vote("block")],
    [{ override: { text: "t" } }, vote("override", { members: { text: "t" } })],
    [{ vote: "allow", metadata: { a: 1 } }, vote("override", { members: { a: 1 } })],
    [{ decision: "transform" }, null],
    [{ abort: "yes" }, null],
    ["allow", null],
    [[], null],
  ])("reads %j", (answer, read) => expect(readVote(answer)).toEqual(read));

  it("replaces what belongs to the point and leaves alone for whom it is", () => {
    const params = { agent_id: "ana", text: "a", body: "a" };
    const transform = { kind: "transform" as const, text: "b", mute: false, reason: "" };
    expect(applyVote("before_message", params, transform)).toEqual({
      agent_id: "ana",
      text: "b",
      body: "b",
    });
    expect(applyVote("before_tool_call", params, transform)).toEqual(params);
    expect(applyVote("after_message", { text_out: "a" }, transform)).toEqual({ text_out: "b" });
    const members = {
      arguments: { a: 1 },
      agent_id: "eve",
      session_id: "x",
      tool_name: "y",
      _meta: {},
    };
    const override = { kind: "override" as const, members, mute: false, reason: "" };
    expect(applyVote("before_tool_call", { agent_id: "ana" }, override)).toEqual({
      agent_id: "ana",
      arguments: { a: 1 },
    });
    const body = { ...override, members: { body: "c" } };
    expect(applyVote("before_message", params, body)).toEqual({
      agent_id: "ana",
      text: "c",
      body: "c",
    });
    const nothing = { ...override, members: { agent_id: "eve" } };
    expect(applyVote("before_message", params, nothing)).toBe(params);
  });
});
