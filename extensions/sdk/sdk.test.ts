/**
 * The SDK as an author sees it, and as core does.
 *
 * @module
 */
import { PassThrough } from "node:stream";
import { setImmediate } from "node:timers/promises";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import * as v from "valibot";
import { describe, expect, it } from "vitest";
import {
  AdminError,
  allow,
  type AnySchema,
  type AppContext,
  block,
  defineMicroapp,
  override,
  tool,
  ToolError,
  transform,
  z,
} from "./mod.ts";
import { openTestHost, RpcFault, TestCallError } from "./testing/mod.ts";

const errorOf = async (work: Promise<unknown>) => {
  const error: unknown = await work.catch((reason: unknown) => reason);
  return error instanceof TestCallError ? error.reply : error;
};

/** Whatever keeps to the standard is a schema to us. */
const fits: (schema: StandardSchemaV1) => AnySchema = (schema) => schema;

describe("tools", () => {
  it("take the schemas of every library that keeps to Standard Schema", () => {
    for (const schema of [z.string(), v.string()]) expect(fits(schema)).toBe(schema);
  });

  it("are announced with what their schemas say", async () => {
    await using host = await openTestHost(defineMicroapp({
      version: "1.2.3",
      tools: {
        byHand: { description: "H", input: { type: "object", properties: {} }, handle: () => null },
        byZod: {
          description: "Z",
          input: z.object({ n: z.number().default(1) }),
          handle: () => null,
        },
        byValibot: {
          description: "V",
          input: v.object({ n: v.number() }),
          inputSchema: { type: "object", required: ["n"] },
          handle: () => null,
        },
        untold: { description: "U", input: v.object({}), handle: () => null },
      },
      hooks: { before_message() {}, after_message() {} },
    }));
    expect(host.handshake).toEqual({
      server_info: { name: "test", version: "1.2.3" },
      tools: [
        { name: "byHand", description: "H", input_schema: { type: "object", properties: {} } },
        {
          name: "byValibot",
          description: "V",
          input_schema: { type: "object", required: ["n"] },
        },
        {
          name: "byZod",
          description: "Z",
          input_schema: { type: "object", properties: { n: { type: "number", default: 1 } } },
        },
        { name: "untold", description: "U", input_schema: { type: "object" } },
      ],
      hooks: ["after_message", "before_message"],
      aliases: false,
    });
  });

  it("whose result has no form in JSON fail by themselves", async () => {
    await using host = await openTestHost(defineMicroapp({
      tools: {
        huge: { description: "", input: {}, handle: () => 10n },
        fine: { description: "", input: {}, handle: () => 1 },
      },
    }));
    await expect(host.callTool("huge", {})).rejects.toThrow("BigInt");
    expect(await host.callTool("fine", {})).toBe(1);
  });

  it("get arguments of the types their schemas give, checked", async () => {
    const shout = tool({
      description: "",
      input: v.object({ text: v.pipe(v.string(), v.transform((text) => text.toUpperCase())) }),
      handle: ({ text }): string => text,
    });
    await using host = await openTestHost(defineMicroapp({
      tools: {
        shout,
        twice: {
          description: "",
          input: z.object({ n: z.number().default(21) }),
          handle: ({ n }): number => n * 2,
        },
      },
    }));
    expect(await host.callTool("shout", { text: "hey" })).toBe("HEY");
    expect(await host.callTool("twice", {})).toBe(42);
    expect(await errorOf(host.callTool("twice", { n: "seven" }))).toMatchObject({
      code: -32602,
      message: expect.stringMatching(/^invalid arguments: n: /),
    });
    expect(await errorOf(host.callTool("shout", []))).toMatchObject({ code: -32602 });
  });

  it("are refused when they cannot be announced", () => {
    const define = (name: string, input: z.ZodType) => () =>
      defineMicroapp({ tools: { [name]: { description: "", input, handle: () => null } } });
    expect(define("no spaces", z.object({}))).toThrow('Cannot define tool "no spaces"');
    expect(define("when", z.object({ at: z.date() }))).toThrow('Cannot announce tool "when"');
  });

  it("know for whom they work, and never see _meta", async () => {
    const seen: unknown[] = [];
    await using host = await openTestHost(
      defineMicroapp({
        config: z.object({ a: z.number() }),
        tools: {
          who: {
            description: "",
            input: { type: "object" },
            handle(args, { accountId, agentId, callId, traceparent, sessionId, config, binding }) {
              const { channel, instance } = binding ?? {};
              seen.push(args, { accountId, agentId, callId, traceparent });
              seen.push({ sessionId, channel, instance, config });
            },
          },
        },
      }),
      { config: { a: 1 } },
    );
    const call = { accountId: "acme", callId: "c", traceparent: "00-t-s-01", channel: "webchat" };
    expect(await host.callTool("who", { x: 1 }, call)).toBe(null);
    expect(seen).toEqual([{ x: 1 }, {
      accountId: "acme",
      agentId: "test-agent",
      callId: "c",
      traceparent: "00-t-s-01",
    }, {
      sessionId: null,
      channel: "webchat",
      instance: "acme",
      config: { a: 1 },
    }]);
  });

  it("answer errors with their code, message and symbol", async () => {
    const throwing = (error: unknown) => ({
      description: "",
      input: z.object({}),
      handle() {
        throw error;
      },
    });
    await using host = await openTestHost(defineMicroapp({
      tools: {
        bad: throwing(new ToolError("invalid_arguments", "no such sku")),
        later: throwing(new ToolError("not_implemented")),
        secret: throwing(new ToolError("unauthorized", "not yours")),
        broken: throwing(new Error("boom")),
      },
    }));
    expect(await errorOf(host.callTool("bad", {}))).toEqual({
      code: -32602,
      message: "invalid arguments: no such sku",
      data: { code: "invalid_arguments" },
    });
    expect(await errorOf(host.callTool("later", {}))).toEqual({
      code: -32601,
      message: "not implemented",
      data: { code: "not_implemented" },
    });
    expect(await errorOf(host.callTool("secret", {}))).toMatchObject({
      code: -32000,
      data: { code: "unauthorized" },
    });
    expect(await errorOf(host.callTool("broken", {}))).toEqual({
      code: -32000,
      message: "internal: boom",
      data: { code: "internal", unhandled: true },
    });
    expect(await errorOf(host.callTool("ghost", {}))).toMatchObject({
      message: "tool 'ghost' not registered",
    });
    const escape = host.callTool("bad", {}, { accountId: "../../etc" });
    expect(await errorOf(escape)).toMatchObject({
      message: 'internal: Cannot work for account "../../etc": not a name',
    });
  });
});

describe("core's methods", () => {
  it("answer while their caller is waited for by others", async () => {
    let release: () => void = () => {};
    await using host = await openTestHost(
      defineMicroapp({
        tools: {
          slow: {
            description: "",
            input: {},
            async handle(_args, { admin }) {
              const { agents } = await admin.call("agents/list");
              return agents.map(({ id }) => id);
            },
          },
          fast: { description: "", input: {}, handle: () => "fast" },
        },
      }),
      {
        admin: {
          "agents/list": async () => {
            await new Promise<void>((resolve) => (release = resolve));
            const ana = { id: "ana", active: true, model_provider: "offline", bindings_count: 1 };
            return { agents: [ana] };
          },
        },
      },
    );
    const slow = host.callTool("slow", {});
    expect(await host.callTool("fast", {})).toBe("fast");
    release();
    expect(await slow).toEqual(["ana"]);
  });

  it("tell why they refused, and refuse after the end", async () => {
    let context: AppContext | undefined;
    const app = defineMicroapp({ start: (given) => void (context = given) });
    const call = (method: string, params?: unknown) =>
      context?.admin.call(method, params).catch((error: unknown) => error);
    {
      await using _host = await openTestHost(app, {
        grants: ["tenants_crud"],
        admin: {
          "tenants/list": () => {
            throw new RpcFault(-32603, "internal: not_found: nothing");
          },
        },
      });
      expect(await call("agents/list")).toMatchObject({
        kind: "capability_not_granted",
        code: -32004,
        data: { capability: "agents_crud", method: "nexo/admin/agents/list" },
      });
      expect(await call("tenants/get", { tenant_id: "NO" })).toMatchObject({ kind: "not_found" });
      expect(await call("tenants/list")).toMatchObject({ kind: "not_found", code: -32603 });
      expect(await call("tenants/list", { prefix: 7 })).toMatchObject({ kind: "invalid_params" });
    }
    expect(await call("tenants/list")).toMatchObject({ kind: "transport", code: null });
    expect(await call("tenants/list")).toBeInstanceOf(AdminError);
  });
});

describe("the life of a microapp", () => {
  it("starts its parts before it is ready, and stops them in reverse", async () => {
    const story: string[] = [];
    const part = (name: string) => (context: AppContext) => {
      story.push(`${name} starts in ${String(context.handshake["extension_id"])}`);
      return {
        async [Symbol.asyncDispose]() {
          await setImmediate();
          story.push(`${name} stops`);
        },
      };
    };
    const app = defineMicroapp({ start: part("start"), http: part("http") });
    await (await openTestHost(app))[Symbol.asyncDispose]();
    expect(story).toEqual([
      "start starts in test",
      "http starts in test",
      "http stops",
      "start stops",
    ]);
  });

  it("does not start when a part or its config is wrong, and says why", async () => {
    const broken = defineMicroapp({
      start() {
        throw new Error("no database");
      },
    });
    await expect(openTestHost(broken)).rejects.toThrow("internal: no database");
    const strict = defineMicroapp({ config: z.object({ url: z.url() }) });
    await expect(openTestHost(strict, { config: { url: 7 } })).rejects.toThrow(
      "config in extensions.yaml: url:",
    );
  });

  it("finishes what runs before it answers shutdown, and stops its signal", async () => {
    const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
    let finish: () => void = () => {};
    let signal: AbortSignal | undefined;
    const app = defineMicroapp({
      tools: {
        slow: {
          description: "",
          input: {},
          async handle(_args, context) {
            signal = context.signal;
            await new Promise<void>((resolve) => (finish = resolve));
            return "done";
          },
        },
      },
    });
    const ended = app.run({ stdin, stdout, stderr, env: {} });
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
    const streams = () => ({
      stdin: new PassThrough(),
      stdout: new PassThrough(),
      stderr: new PassThrough(),
    });
    const ended = defineMicroapp({}).run({ ...streams(), env: {}, signal: stop.signal });
    stop.abort();
    await ended;
    await defineMicroapp({}).run({ ...streams(), env: {}, signal: AbortSignal.abort() });
  });
});

describe("erasing", () => {
  it("is the microapp's own, and what fails is told", async () => {
    const asked: unknown[] = [];
    await using host = await openTestHost(defineMicroapp({
      erase(whom) {
        asked.push(whom);
        if (whom.contact === "nobody") throw new Error("the disk is full");
        return 3;
      },
    }));
    const maria = { accountId: "acme", contact: "maria" };
    expect(await host.erase(maria)).toBe(3);
    expect(await host.erase({ accountId: "acme", contact: null })).toBe(3);
    expect(asked).toEqual([maria, { accountId: "acme", contact: null }]);
    await expect(host.erase({ ...maria, contact: "nobody" })).rejects.toThrow("the disk is full");
  });

  it("is never taken for done where nobody handles it", async () => {
    await using host = await openTestHost(defineMicroapp({}));
    await expect(host.erase({ accountId: "acme", contact: null })).rejects.toThrow("not found");
  });
});

describe("notifications", () => {
  it("are heard typed or as they come, also when a handler fails", async () => {
    const heard: unknown[] = [];
    await using host = await openTestHost(defineMicroapp({
      notifications: {
        agent_event(event) {
          heard.push(event.kind);
          throw new Error("boom");
        },
        "nexo/notify/made_up": (params) => void heard.push(params),
      },
    }));
    host.emit({ kind: "microapp_state", microapp_id: "shop", state: "ready", at_ms: 1 });
    host.notify("nexo/notify/agent_event", { kind: "of_a_newer_core" });
    host.notify("nobody/listens", {});
    host.notify("nexo/notify/made_up", { a: 1 });
    await host.until(() => heard.length === 2 && host.logged().includes("[ERROR]"));
    expect(heard).toEqual(["microapp_state", { a: 1 }]);
    expect(host.logged()).toContain("[ERROR] a listener failed");
    expect(host.logged()).toContain("[DEBUG] a notification was not understood");
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
