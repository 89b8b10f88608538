/**
 * The wire, row by row: what core accepts from children and what it sends them.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HOST_TIMEOUTS } from "../../../core/microapps/host.ts";
import { parseManifest } from "../../../core/microapps/manifest.ts";
import { microapp } from "../../support/admin.ts";
import { openAdminPlace } from "../../support/admin_methods.ts";
import {
  callTool,
  childCandidate,
  openTestHost,
  type TestHost,
  testMeta,
} from "../../support/microapps/host.ts";

const AGENTS = "agents:\n  - { id: ana, model: { provider: offline, model: rules } }\n";
const describes = (id: string, result: unknown) =>
  childCandidate(id, "describes.mjs", { args: [JSON.stringify(result)] });
const doc = (id: string, schema: string) => childCandidate(id, "doc_style.mjs", { args: [schema] });

/** What each microapp was granted. */
const GRANTS: Readonly<Record<string, Readonly<Record<string, "all">>>> = {
  rust: { agents_crud: "all" },
};

let place: Awaited<ReturnType<typeof openAdminPlace>>;
let app: TestHost;

beforeAll(async () => {
  place = await openAdminPlace({ "agents.yaml": AGENTS });
  app = await openTestHost([
    childCandidate("rust", "rust_sdk.mjs"),
    describes("older", {
      server_version: "2.0.0",
      tools: [{ name: "echo", description: "E", input_schema: { type: "object" } }],
    }),
    doc("doc", "parameters"),
    doc("camel", "inputSchema"),
    describes("poller", { name: "p", version: "4.0.0", capabilities: { pollers: ["rss"] } }),
    describes("plugin", { manifest: { plugin: { id: "plugin" } }, server_version: "5.0.0" }),
    describes("bare", { tools: ["echo"] }),
    childCandidate("garbage", "prints_garbage.mjs"),
    childCandidate("asks", "asks.mjs"),
    childCandidate("slow", "slow.mjs"),
  ], {
    onRequest: ({ microappId, method, params }) =>
      place.dispatch(microapp(GRANTS[microappId] ?? {}, microappId), method, params),
    timeouts: HOST_TIMEOUTS,
  });
  await app.host.settled();
});
afterAll(async () => {
  await app[Symbol.asyncDispose]();
  await place[Symbol.asyncDispose]();
});

const valueOf = async (call: ReturnType<typeof callTool>) => {
  const result = await call;
  return result.ok ? result.value : result;
};

/** The lines a microapp in Rust has read, with what follows each. */
const linesRead = async (id = "rust") => {
  const text = await readFile(join(app.homeDir, "extensions", id, "state", "frames.log"), "utf8");
  return text.split("\n").slice(0, -1);
};
type Frame = Record<string, unknown> & { params?: Record<string, unknown> };
const framesRead = async (id?: string) =>
  (await linesRead(id)).map((line) => JSON.parse(line) as Frame);

describe("core accepts from a child", () => {
  it("tools as names or descriptors, with a schema under any of its three names", () => {
    const of = (id: string) => app.host.tools().filter(({ microappId }) => microappId === id);
    expect(of("rust").map(({ name }) => name)).toContain("ext_rust_quote");
    expect(of("rust")[0]?.inputSchema).toEqual({ type: "object" });
    for (const id of ["doc", "camel"]) {
      expect(of(id)[0]).toMatchObject({
        description: `[ext:${id}] Gives output`,
        inputSchema: { properties: { sku: { type: "string" } } },
      });
    }
    expect(of("older")[0]).toMatchObject({ name: "ext_older_echo", description: "[ext:older] E" });
    expect(of("poller")).toEqual([]);
  });

  it("a version as server_info, server_version or version, or none", () => {
    const versions = app.host.status().map(({ id, version }) => [id, version]);
    expect(Object.fromEntries(versions)).toMatchObject({
      rust: "0.1.0",
      older: "2.0.0",
      doc: "3.0.0",
      poller: "4.0.0",
      plugin: "5.0.0",
      bare: "1.0.0", // the manifest's
    });
  });

  it("answers in any order, errors without an id, blank lines and lines that are none", async () => {
    const calls = [1, 2, 3, 4].map((n) => valueOf(callTool(app, "slow", "echo", { n })));
    expect(await Promise.all(calls)).toEqual([1, 2, 3, 4]);
    expect((await callTool(app, "garbage", "echo")).ok).toBe(true);
    expect(app.host.status().find(({ id }) => id === "garbage")).toMatchObject({
      state: "ready",
      restarts: 0,
    });
  });

  it("admin requests before the handshake answer, and while a call is open", async () => {
    expect(await valueOf(callTool(app, "rust", "early"))).toMatchObject({
      id: "app:00000000-0000-4000-8000-000000000001",
      result: { agents: [{ id: "ana", active: true, model_provider: "offline" }] },
    });
    // The loop cannot read while its handler waits: its own error arrives, not a timeout of ours.
    expect(await callTool(app, "rust", "whoami")).toMatchObject({
      ok: false,
      rpcCode: -32000,
      symbol: "internal",
      message: "internal: no answer in time",
    });
    expect((await callTool(app, "rust", "said")).ok).toBe(true);
  });

  it("requests with integer ids, which it answers", async () => {
    const lines = await valueOf(callTool(app, "asks", "echo")) as string[];
    const answer = lines.map((line) => JSON.parse(line) as Frame).find(({ id }) => id === 77);
    expect(answer).toMatchObject({
      error: {
        code: -32601,
        message: "method_not_found: no admin handler registered for `memory.recall`",
      },
    });
  });

  it("results {output}, {error}, {ok,text}, null and anything else", async () => {
    const text = async (tool: string) => (await callTool(app, "doc", tool)).text;
    expect(await text("output")).toBe('{"n":1}');
    expect(await text("text")).toBe("plain");
    expect(await text("list")).toBe("[1,2]");
    expect(await text("nothing")).toBe("null");
    expect(await callTool(app, "doc", "error")).toMatchObject({ ok: false, message: "sold out" });
    expect((await callTool(app, "rust", "said")).text).toBe('{"ok":true,"text":"three of them"}');
    expect((await callTool(app, "rust", "nothing")).text).toBe("null");
    expect((await callTool(app, "rust", "quote")).text).toBe(
      "error: extension `rust` tool `quote` failed: " +
        "rpc error: code -32602: invalid arguments: unknown sku",
    );
  });

  it.each(
    [
      ["null", {}],
      ['{"abort":false,"decision":"allow"}', {}],
      ['{"abort":true,"decision":"block","reason":"no"}', { blocked: { reason: "no" } }],
      ['{"abort":true,"do_not_reply_again":true}', { blocked: { reason: "" }, mute: {} }],
      ['{"vote":"deny","reason":"no"}', { blocked: { reason: "no" } }],
      ['{"abort":false,"decision":"transform","transformed_body":"t"}', { params: { text: "t" } }],
      ['{"override":{"text":"o"}}', { params: { text: "o" } }],
    ] satisfies [string, object][],
  )("the hook outcome %s", async (outcome, expected) => {
    await using one = await openTestHost([
      childCandidate("rust", "rust_sdk.mjs", { args: [outcome] }),
    ]);
    await one.host.settled();
    const context = { meta: testMeta(), account: "acme" };
    const asked = await one.host.runHook("before_message", { text: "x" }, context);
    expect(asked).toMatchObject({
      blocked: null,
      failed: null,
      params: { text: "x" },
      ...expected,
    });
  });

  it("manifests in four spellings", () => {
    const head = (table: string) => `[${table}]\nid = "shop"\nversion = "0.1.0"\n`;
    const parse = (plugin: string, sidecar?: string) =>
      parseManifest({ plugin, sidecar, agentVersion: "0.1.5" }).manifest;
    const stdio = '[transport]\nkind = "stdio"\ncommand = "./shop"\n';
    const tools = '[capabilities]\ntools = ["quote"]\n';
    const admin = 'required = ["agents_crud"]\n';
    const manifests = [
      parse(
        head("plugin") + tools + stdio,
        `${head("plugin")}[plugin.capabilities.admin]\n${admin}`,
      ),
      parse(
        `${head("plugin")}${tools}[capabilities.admin]\n${admin}${stdio.replace("kind", "type")}`,
      ),
      parse(
        `manifest_version = 2\n${head("plugin")}[plugin.entrypoint]\ncommand = "./shop"\n` +
          `[plugin.capabilities.admin]\n${admin}[plugin.extends]\ntools = ["quote"]\n`,
      ),
      parse(
        head("plugin") + tools,
        `${
          head("plugin")
        }[plugin.capabilities.admin]\n${admin}[plugin.entrypoint]\ncommand = "./shop"\n`,
      ),
    ];
    for (const manifest of manifests) {
      expect(manifest).toMatchObject({
        id: "shop",
        transport: { kind: "stdio", command: "./shop", args: [] },
        capabilities: { tools: ["quote"], admin: { required: ["agents_crud"] } },
      });
    }
  });

  it("the poll family, as it is", async () => {
    const tick = (cursor: string | null) =>
      app.host.request({
        microappId: "doc",
        method: "poll_tick",
        params: { kind: "rss", job_id: "j", agent_id: "ana", cursor, config: {}, now: "" },
        account: "acme",
      });
    expect(await tick(null)).toEqual({ items_seen: 2, next_cursor: "AA==" });
    expect(await tick("BB")).toEqual({ items_seen: 2, next_cursor: "BB" });
  });
});

describe("core sends to a child", () => {
  it("frames of one line each, with a version", async () => {
    await callTool(app, "rust", "said", { text: "a\nb\u2028c\r" });
    for (const line of await linesRead()) {
      expect(line).toMatch(/^\{"jsonrpc":"2\.0",.*\}$/);
      expect(line).not.toMatch(/[\r\u2028]/);
    }
  });

  it("integer ids, 0 for initialize, then one more for each request of any kind", async () => {
    const context = { meta: testMeta(), account: "acme" };
    await app.host.runHook("before_message", { text: "x" }, context);
    const requests = (await framesRead()).filter(({ method }) => method !== undefined);
    expect(requests[0]).toMatchObject({ method: "initialize", id: 0 });
    expect(requests.slice(1).map(({ id }) => id)).toEqual(requests.slice(1).map((_, n) => n + 1));
  });

  it("everything in initialize that any child asks for", async () => {
    const [first] = await framesRead();
    expect(first?.params).toEqual({
      agent_version: "0.1.5",
      nexo_version: "0.1.5",
      extension_id: "rust",
      state_dir: join(app.homeDir, "extensions/rust/state"),
      config: {},
      agents_config: {},
    });
  });

  it("notifications without an id", async () => {
    app.host.notify("rust", "nexo/notify/agent_event", { kind: "x" });
    await callTool(app, "rust", "said");
    const notice = (await framesRead()).find(({ method }) => method === "nexo/notify/agent_event");
    expect(notice).toEqual({
      jsonrpc: "2.0",
      method: "nexo/notify/agent_event",
      params: { kind: "x" },
    });
    // A child that expects an id on every line was sent none.
    expect(app.host.status().find(({ id }) => id === "doc")?.restarts).toBe(0);
  });

  it("answers that echo the id, without a method and without an empty error", async () => {
    const answers = (await framesRead()).filter(({ method }) => method === undefined);
    expect(answers.length).toBeGreaterThan(0);
    for (const answer of answers) {
      expect(answer["id"]).toMatch(/^app:/);
      expect(Object.keys(answer).sort()).toEqual(["id", "jsonrpc", "result"]);
    }
  });

  it("_meta in arguments to children that strip it, and the documented aliases to all", async () => {
    const meta = testMeta();
    expect(await valueOf(callTool(app, "rust", "context", { sku: "A-1" }))).toEqual({
      agent_id: meta.agent_id,
      session_id: meta.session_id,
      binding: meta.nexo?.binding,
      inbound: meta.nexo?.inbound,
      args: { sku: "A-1" },
    });
    const call = (await framesRead()).findLast(({ method }) => method === "tools/call");
    expect(call?.params).toEqual({
      name: "context",
      arguments: { sku: "A-1", _meta: meta },
      tool: "context",
      args: { sku: "A-1" },
      binding_context: meta.nexo?.binding,
      inbound: meta.nexo?.inbound,
    });
    // A strict child gets no argument it does not know.
    expect(await valueOf(callTool(app, "doc", "text", { sku: "context" }))).toEqual({
      binding_context: meta.nexo?.binding,
      args: { sku: "context" },
    });
  });

  it("hooks with _meta, and the text as body too", async () => {
    const params = { agent_id: "ana", session_id: null, text: "hi", source: "webchat" };
    await app.host.runHook("before_message", params, { meta: testMeta(), account: "acme" });
    const hook = (await framesRead()).findLast(({ method }) => method === "hooks/before_message");
    expect(hook?.params).toEqual({ ...params, body: "hi", _meta: testMeta() });
  });

  it("errors in nexo's words, with its codes and data", async () => {
    const ask = (id: string, method: string, params: unknown) =>
      place.dispatch(microapp(GRANTS[id] ?? {}, id), method, params)
        .catch((fault: { code: number; message: string; data: unknown }) => ({
          code: fault.code,
          message: fault.message,
          data: fault.data,
        }));
    expect(await ask("doc", "nexo/admin/agents/get", { agent_id: "ana" })).toEqual({
      code: -32004,
      message: "capability_not_granted: agents_crud for method nexo/admin/agents/get",
      data: { capability: "agents_crud", microapp_id: "doc", method: "nexo/admin/agents/get" },
    });
    expect(await ask("rust", "nexo/admin/agents/get", { agent_id: "bob" })).toMatchObject({
      code: -32603,
      message: expect.stringMatching(/^internal: not_found: agent `bob`/) as string,
    });
    expect(await ask("rust", "nexo/admin/agents/get", {})).toMatchObject({
      code: -32602,
      message: expect.stringMatching(/^invalid_params: /) as string,
    });
    expect(await ask("rust", "nexo/admin/made_up", null)).toMatchObject({
      code: -32601,
      message: "method_not_found: no admin handler registered for `nexo/admin/made_up`",
    });
  });

  it("an environment without secrets but those it declares, and its own names", async () => {
    const extra = '[requires]\nenv = ["SHOP_API_KEY"]\n' +
      '[capabilities.http_server]\nport = 4000\ntoken_env = "SHOP_HTTP_TOKEN"\n';
    await using one = await openTestHost([childCandidate("env", "tells_env.mjs", { extra })], {
      env: {
        PATH: process.env["PATH"],
        SHOP_API_KEY: "needed",
        SHOP_HTTP_TOKEN: "given",
        OTHER_TOKEN: "hidden",
        MY_PASSWORD_FILE: "hidden",
        NEXO_EDGE_KEY: "hidden",
        NEXO_NATS_URL: "nats://core:hidden@127.0.0.1",
      },
    });
    await one.host.settled();
    const { env } = await valueOf(callTool(one, "env", "echo")) as { env: Record<string, string> };
    expect(env).toMatchObject({
      SHOP_API_KEY: "needed",
      SHOP_HTTP_TOKEN: "given",
      AGENT_VERSION: "0.1.5",
      AGENT_EXTENSION_ID: "env",
      NEXO_EXTENSION_STATE_ROOT: join(one.homeDir, "extensions/env/state"),
    });
    expect(JSON.stringify(env)).not.toContain("hidden");
  });

  it("shutdown as a request with id 0 and a reason, and time to answer it", async () => {
    const before = (await framesRead()).length;
    await app.host.apply([childCandidate("rust", "rust_sdk.mjs", { entry: { config: { n: 2 } } })]);
    await app.host.settled();
    const stopped = (await framesRead())[before];
    expect(stopped).toEqual({
      jsonrpc: "2.0",
      method: "shutdown",
      params: { reason: "sigterm" },
      id: 0,
    });
    const frames = await framesRead();
    expect(frames[before + 1]).toMatchObject({
      method: "initialize",
      params: { config: { n: 2 } },
    });
  });
});
