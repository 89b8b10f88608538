/**
 * The SDK as an author sees it, and as core does.
 *
 * @module
 */
import { PassThrough } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import {
  AdminError,
  allow,
  block,
  createMicroapp,
  openTestSession,
  override,
  TestCallError,
  ToolError,
  transform,
  z,
} from "./mod.ts";

const stateDir = "/nonexistent";
const app = () => createMicroapp({ name: "shop", version: "1.2.3" });

describe("createMicroapp()", () => {
  it("announces its tools with schemas and its hooks", async () => {
    const shop = app()
      .tool("b", { description: "B", input: { type: "object", properties: {} } }, () => null)
      .tool("a", { description: "A", input: z.object({ n: z.number().default(1) }) }, () => null)
      .hook("before_message", () => {})
      .hook("after_message", () => {});
    await using session = await openTestSession(shop, { stateDir });
    expect(session.handshake).toEqual({
      server_info: { name: "shop", version: "1.2.3" },
      tools: [
        {
          name: "a",
          description: "A",
          input_schema: { type: "object", properties: { n: { type: "number", default: 1 } } },
        },
        { name: "b", description: "B", input_schema: { type: "object", properties: {} } },
      ],
      hooks: ["after_message", "before_message"],
    });
    expect(() => shop.tool("a", { description: "", input: {} }, () => null)).toThrow(RangeError);
    expect(() => shop.hook("before_message", () => {})).toThrow(RangeError);
  });

  it("tells a handler for whom it works, and hides _meta from its arguments", async () => {
    const seen: unknown[] = [];
    const shop = app().tool(
      "who",
      { description: "", input: { type: "object" } },
      (args, context) => {
        const { accountId, agentId, callId, sessionId, config, binding } = context;
        seen.push(args, {
          accountId,
          agentId,
          callId,
          sessionId,
          config,
          channel: binding?.channel,
        });
      },
    );
    await using session = await openTestSession(shop, { stateDir, config: { a: 1 } });
    expect(await session.callTool("who", { x: 1 }, { accountId: "acme", callId: "c" })).toBe(null);
    expect(seen).toEqual([
      { x: 1 },
      { accountId: "acme", agentId: "test-agent", callId: "c", sessionId: null, config: { a: 1 } },
    ]);
  });

  it("answers errors with their code, message and symbol", async () => {
    const throwing = (error: unknown) => () => {
      throw error;
    };
    const options = { description: "", input: z.object({ n: z.number() }).partial() };
    const shop = app()
      .tool("bad", options, throwing(new ToolError("invalid_arguments", "no such sku")))
      .tool("later", options, throwing(new ToolError("not_implemented")))
      .tool("secret", options, throwing(new ToolError("unauthorized", "not yours")))
      .tool("broken", options, throwing(new Error("boom")));
    await using session = await openTestSession(shop, { stateDir });
    const replyOf = async (name: string, args: unknown = {}) => {
      const error: unknown = await session.callTool(name, args).catch((reason: unknown) => reason);
      return error instanceof TestCallError ? error.reply : error;
    };
    expect(await replyOf("bad")).toEqual({
      code: -32602,
      message: "invalid arguments: no such sku",
      data: { code: "invalid_arguments" },
    });
    expect(await replyOf("later")).toEqual({
      code: -32601,
      message: "not implemented",
      data: { code: "not_implemented" },
    });
    expect(await replyOf("secret")).toMatchObject({ code: -32000, data: { code: "unauthorized" } });
    expect(await replyOf("broken")).toEqual({
      code: -32000,
      message: "internal: boom",
      data: { code: "internal", unhandled: true },
    });
    expect(await replyOf("bad", { n: "seven" })).toMatchObject({
      code: -32602,
      message: expect.stringMatching(/^invalid arguments: n: /),
    });
    expect(await replyOf("ghost")).toMatchObject({ message: "tool 'ghost' not registered" });
  });

  it("answers other calls while one handler waits for core", async () => {
    let release: () => void = () => {};
    const shop = app()
      .tool(
        "slow",
        { description: "", input: {} },
        async (_args, { admin }) => admin.call("agents/list"),
      )
      .tool("fast", { description: "", input: {} }, () => "fast");
    await using session = await openTestSession(shop, {
      stateDir,
      admin: (method, params) =>
        new Promise((resolve) => {
          release = () => resolve({ method, params });
        }),
    });
    const slow = session.callTool("slow", {});
    expect(await session.callTool("fast", {})).toBe("fast");
    release();
    expect(await slow).toEqual({ method: "nexo/admin/agents/list", params: {} });
  });

  it("tells why core refused", async () => {
    const shop = app();
    await expect(shop.admin.call("echo")).rejects.toMatchObject({ kind: "transport" });
    {
      await using _session = await openTestSession(shop, { stateDir });
      await expect(shop.admin.call("echo")).rejects.toMatchObject({
        kind: "capability_not_granted",
        code: -32004,
      });
    }
    await expect(shop.admin.call("echo")).rejects.toBeInstanceOf(AdminError);
  });

  it("hears notifications, also when a listener fails", async () => {
    const heard: unknown[] = [];
    const shop = app()
      .on("nexo/notify/agent_event", () => {
        throw new Error("boom");
      })
      .on("nexo/notify/agent_event", (params) => void heard.push(params));
    await using session = await openTestSession(shop, { stateDir });
    session.notify("nexo/notify/agent_event", { kind: "x" });
    session.notify("nobody/listens", {});
    await setImmediate();
    await setImmediate();
    expect(heard).toEqual([{ kind: "x" }]);
    expect(session.logged()).toContain("[ERROR] a listener failed");
  });

  it("finishes what runs before it answers shutdown, and stops its signal", async () => {
    const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
    let finish: () => void = () => {};
    let signal: AbortSignal | undefined;
    const shop = app().tool("slow", { description: "", input: {} }, async (_args, context) => {
      signal = context.signal;
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      return "done";
    });
    const ended = shop.run({ stdin, stdout, stderr, env: {} });
    stdin.write('{"id":1,"method":"tools/call","params":{"name":"slow","arguments":{}}}\n');
    stdin.write('{"id":0,"method":"shutdown","params":{}}\n');
    await setImmediate();
    expect(stdout.read()).toBe(null);
    finish();
    await ended;
    expect(String(stdout.read())).toBe(
      '{"jsonrpc":"2.0","id":1,"result":"done"}\n{"jsonrpc":"2.0","id":0,"result":{"ok":true}}\n',
    );
    expect(signal?.aborted).toBe(true);
  });

  it("ends with its signal", async () => {
    const stop = new AbortController();
    const streams = {
      stdin: new PassThrough(),
      stdout: new PassThrough(),
      stderr: new PassThrough(),
    };
    const ended = app().run({ ...streams, env: {}, signal: stop.signal });
    stop.abort();
    await ended;
    await app().run({ ...streams, stdin: new PassThrough(), env: {}, signal: AbortSignal.abort() });
  });
});

describe("hook answers", () => {
  it("have the bytes core expects", () => {
    expect(JSON.stringify(allow())).toBe('{"abort":false,"decision":"allow"}');
    expect(JSON.stringify(block("r"))).toBe('{"abort":true,"decision":"block","reason":"r"}');
    expect(JSON.stringify(block("r", { mute: true }))).toBe(
      '{"abort":true,"decision":"block","reason":"r","do_not_reply_again":true}',
    );
    expect(JSON.stringify(transform("t"))).toBe(
      '{"abort":false,"decision":"transform","transformed_body":"t"}',
    );
    expect(JSON.stringify(override({ text: "t" }))).toBe('{"abort":false,"override":{"text":"t"}}');
  });
});
