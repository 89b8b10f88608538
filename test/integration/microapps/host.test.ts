/**
 * A host and well-behaved children.
 *
 * @module
 */
import { describe, expect, it } from "vitest";
import { CodedError, RpcFault } from "../../../core/contract/mod.ts";
import {
  callTool,
  childCandidate,
  isAlive,
  openTestHost,
  testMeta,
} from "../../support/microapps/host.ts";

const describes = (id: string, result: unknown, extra = "") =>
  childCandidate(id, "describes.mjs", { args: [JSON.stringify(result)], extra });

describe("a host", () => {
  it("starts a microapp, calls its tools and stops it without leaving a process", async () => {
    let pid: number | null = null;
    {
      await using app = await openTestHost([childCandidate("good", "good.mjs")]);
      await app.host.settled();
      const [status] = app.host.status();
      expect(status).toMatchObject({ id: "good", state: "ready", restarts: 0, version: "1.0.0" });
      pid = status?.pid ?? null;
      const result = await callTool(app, "good", "echo", { a: 1, _meta: { agent_id: "spoofed" } });
      expect(result.ok && result.value).toEqual({
        name: "echo",
        arguments: { a: 1, _meta: testMeta() },
        tool: "echo",
        args: { a: 1 },
        binding_context: testMeta().nexo?.binding,
        inbound: testMeta().nexo?.inbound,
      });
    }
    expect(pid).not.toBeNull();
    expect(await isAlive(pid ?? 0)).toBe(false);
  });

  it("gives an error of the microapp as a result the model can read", async () => {
    await using app = await openTestHost([childCandidate("good", "good.mjs")]);
    await app.host.settled();
    expect(await callTool(app, "good", "bad")).toEqual({
      ok: false,
      message: "invalid arguments: no",
      text:
        "error: extension `good` tool `bad` failed: rpc error: code -32602: invalid arguments: no",
      rpcCode: -32602,
      symbol: "invalid_arguments",
    });
  });

  it("matches answers by id when they come in another order", async () => {
    await using app = await openTestHost([childCandidate("slow", "slow.mjs")]);
    await app.host.settled();
    const calls = [1, 2, 3, 4].map((n) => callTool(app, "slow", "echo", { n }));
    expect((await Promise.all(calls)).map((result) => result.ok && result.value)).toEqual([
      1,
      2,
      3,
      4,
    ]);
  });

  it("accepts all four shapes of handshake and names tools for the model", async () => {
    const schema = { type: "object", properties: { sku: { type: "string" } } };
    const overlay = '[tools.quote]\ndescription = "Quotes"\ninput_schema = { type = "object" }\n';
    await using app = await openTestHost([
      describes("a", {
        server_version: "2.0.0",
        tools: [{ name: "quote", description: "Q", input_schema: schema }],
        hooks: ["before_message"],
      }),
      describes(
        "b",
        { server_info: { name: "b", version: "0.1.0" }, tools: ["quote"], hooks: [] },
        overlay,
      ),
      describes("c", { version: "3.0.0", tools: [{ name: "quote", inputSchema: schema }] }),
      describes("d", { name: "d", version: "4.0.0", capabilities: { pollers: ["rss"] } }),
    ]);
    await app.host.settled();
    expect(app.host.status().map(({ version, state }) => [version, state])).toEqual([
      ["2.0.0", "ready"],
      ["0.1.0", "ready"],
      ["3.0.0", "ready"],
      ["4.0.0", "ready"],
    ]);
    expect(app.host.tools().map(({ name, description }) => [name, description])).toEqual([
      ["ext_a_quote", "[ext:a] Q"],
      ["ext_b_quote", "[ext:b] Quotes"],
      ["ext_c_quote", "[ext:c] quote"],
    ]);
    expect(app.host.tools()[2]?.inputSchema).toEqual(schema);
    expect(app.host.tools()).toBe(app.host.tools());
  });

  it("sends _meta in arguments only to children that strip it or ask for it", async () => {
    const strict = { server_version: "1.0.0", tools: ["echo"] };
    await using app = await openTestHost([
      describes("strict", strict),
      describes("asks", strict, "[context]\npassthrough = true\n"),
    ]);
    await app.host.settled();
    const argumentsOf = async (id: string) => {
      const result = await callTool(app, id, "echo", { a: 1, _meta: "spoofed" });
      return result.ok && result.value as { arguments: unknown };
    };
    expect(await argumentsOf("strict")).toMatchObject({ arguments: { a: 1 }, args: { a: 1 } });
    expect(await argumentsOf("strict")).not.toHaveProperty("arguments._meta");
    expect(await argumentsOf("asks")).toMatchObject({ arguments: { a: 1, _meta: testMeta() } });
  });

  it("answers a microapp's requests before its handshake and while its call is open", async () => {
    const asked: string[] = [];
    await using app = await openTestHost([childCandidate("asks", "asks.mjs")], {
      onRequest({ microappId, method }) {
        asked.push(`${microappId} ${method}`);
        if (method !== "nexo/admin/refused") return Promise.resolve(undefined);
        throw new RpcFault(-32004, "capability_not_granted: x", { capability: "x" });
      },
    });
    await app.host.settled();
    const result = await callTool(app, "asks", "echo");
    const lines = (result.ok ? result.value : []) as string[];
    expect(asked).toEqual([
      "asks nexo/admin/early",
      "asks nexo/admin/echo",
      "asks memory.recall",
      "asks nexo/admin/refused",
    ]);
    expect(lines).toContain('{"jsonrpc":"2.0","id":"app:1","result":null}');
    expect(lines).toContain('{"jsonrpc":"2.0","id":77,"result":null}');
    expect(lines).toContain(
      '{"jsonrpc":"2.0","id":"app:fault","error":{"code":-32004,"message":"capability_not_granted: x","data":{"capability":"x"}}}',
    );
    const refused = lines.map((line) => JSON.parse(line)).find(({ id }) => id === "me:1");
    expect(refused.error.code).toBe(-32600);
    expect(lines.filter((line) => /"error":null/.test(line))).toEqual([]);
  });

  it("offers the tools of the process that runs now", async () => {
    await using app = await openTestHost([childCandidate("grows", "grows.mjs")]);
    await app.host.settled();
    const names = () => app.host.tools().map(({ ownName }) => ownName);
    expect(names()).toEqual(["start_1"]);
    process.kill(app.host.status()[0]?.pid ?? 0, "SIGKILL");
    await app.entered("grows", "ready", 2);
    expect(names()).toEqual(["start_2"]);
    await app.host.restart("grows");
    await app.host.settled();
    expect(names()).toEqual(["start_3"]);
  });

  it("K5: gives a child its names, its state directory and no secrets but those it declares", async () => {
    const extra = '[requires]\nenv = ["SHOP_API_KEY"]\n' +
      '[capabilities.http_server]\nport = 4000\ntoken_env = "SHOP_HTTP_TOKEN"\n';
    await using app = await openTestHost([childCandidate("env", "tells_env.mjs", { extra })], {
      env: {
        PATH: process.env["PATH"],
        PLAIN: "yes",
        SHOP_API_KEY: "needed",
        SHOP_HTTP_TOKEN: "given",
        OTHER_TOKEN: "hidden",
        DB_PASSWORD_FILE: "hidden",
        NEXO_EDGE_KEY: "hidden",
      },
    });
    await app.host.settled();
    const result = await callTool(app, "env", "echo");
    const { env } = (result.ok ? result.value : {}) as { env: Record<string, string> };
    expect(env).toMatchObject({
      PLAIN: "yes",
      SHOP_API_KEY: "needed",
      SHOP_HTTP_TOKEN: "given",
      AGENT_VERSION: "0.1.5",
      AGENT_EXTENSION_ID: "env",
      NEXO_EXTENSION_STATE_ROOT: `${app.homeDir}/extensions/env/state`,
    });
    expect(Object.values(env)).not.toContain("hidden");
  });

  it("shows a microapp that belongs to one tenant to no other", async () => {
    const pinned = childCandidate("pinned", "good.mjs", { entry: { tenant_id: "acme" } });
    await using app = await openTestHost([pinned]);
    await app.host.settled();
    expect(app.host.tools()[0]?.account).toBe("acme");
    expect((await callTool(app, "pinned", "echo")).ok).toBe(true);
    await expect(callTool(app, "pinned", "echo", {}, { account: "globex" }))
      .rejects.toMatchObject({ code: "not_found" });
  });

  it("notifies microapps that are ready, and says when one is not", async () => {
    const refused = { ...childCandidate("refused", "good.mjs"), refusal: "not granted" };
    await using app = await openTestHost([childCandidate("crashes", "crashes.mjs"), refused]);
    await app.host.settled();
    expect(app.host.notify("crashes", "nexo/notify/agent_event", { kind: "x" })).toBe(true);
    expect(app.host.notify("refused", "nexo/notify/agent_event", {})).toBe(false);
    expect(app.host.notify("nobody", "nexo/notify/agent_event", {})).toBe(false);
    await callTool(app, "crashes", "echo");
    const notice = '{"jsonrpc":"2.0","method":"nexo/notify/agent_event","params":{"kind":"x"}}';
    await expect.poll(() => app.host.status()[0]?.stderr).toContain(notice);
  });

  it("leaves a microapp without its grants failed and the others running", async () => {
    const refused = {
      ...childCandidate("refused", "good.mjs"),
      refusal: "not granted: agents_crud",
    };
    await using app = await openTestHost([refused, childCandidate("good", "good.mjs")]);
    await app.host.settled();
    expect(app.host.status().map(({ id, state, reason }) => [id, state, reason])).toEqual([
      ["good", "ready", null],
      ["refused", "failed", "not granted: agents_crud"],
    ]);
    await expect(app.host.restart("refused")).rejects.toMatchObject({ code: "microapp_not_ready" });
    await expect(app.host.restart("nobody")).rejects.toMatchObject({ code: "not_found" });
  });

  it("takes a new list: starts, stops and replaces only what changed", async () => {
    await using app = await openTestHost([
      childCandidate("kept", "good.mjs"),
      childCandidate("gone", "good.mjs"),
      childCandidate("changed", "good.mjs"),
    ]);
    await app.host.settled();
    const pidOf = (id: string) => app.host.status().find((each) => each.id === id)?.pid ?? 0;
    const [kept, gone, changed] = [pidOf("kept"), pidOf("gone"), pidOf("changed")];

    await app.host.apply([
      childCandidate("kept", "good.mjs", { entry: { capabilities_grant: ["agents_crud"] } }),
      childCandidate("changed", "good.mjs", { entry: { config: { other: true } } }),
      childCandidate("added", "good.mjs"),
    ]);
    await app.host.settled();
    expect(app.host.status().map(({ id, state }) => [id, state])).toEqual([
      ["added", "ready"],
      ["changed", "ready"],
      ["kept", "ready"],
    ]);
    expect(pidOf("kept")).toBe(kept);
    expect(app.host.status()[2]?.grants).toEqual(["agents_crud"]);
    expect([await isAlive(gone), await isAlive(changed), await isAlive(pidOf("changed"))])
      .toEqual([false, false, true]);
    await app.host.apply([]);
    await app.host.apply([childCandidate("gone", "good.mjs")]);
    await app.host.settled();
    expect(app.host.status().map(({ id, state }) => [id, state])).toEqual([["gone", "ready"]]);
  });

  it("has settled once what replaces a microapp has, whoever had it replaced", async () => {
    await using app = await openTestHost([childCandidate("shop", "good.mjs")]);
    await app.host.settled();
    const pid = app.host.status()[0]?.pid;
    const next = childCandidate("shop", "good.mjs", { entry: { config: { other: true } } });
    const replaced = app.host.apply([next]);
    // For whoever comes second, nothing has changed.
    await app.host.apply([next]);
    await app.host.settled("shop");
    const [status] = app.host.status();
    expect(status?.state).toBe("ready");
    expect(status?.pid).not.toBe(pid);
    expect(await isAlive(status?.pid ?? 0)).toBe(true);
    await replaced;
  });

  it("ends a call with the caller's reason", async () => {
    await using app = await openTestHost([childCandidate("slow", "slow.mjs")]);
    await app.host.settled();
    const stop = new AbortController();
    const call = callTool(app, "slow", "echo", { n: 0 }, { signal: stop.signal });
    stop.abort(new CodedError("conflict", "taken over"));
    await expect(call).rejects.toMatchObject({ code: "conflict" });
  });
});
