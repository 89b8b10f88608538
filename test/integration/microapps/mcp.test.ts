/**
 * Tools of MCP servers: the reference server over both wires, and servers that misbehave.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { McpConfig } from "../../../core/contract/mod.ts";
import { mcpPlanOf } from "../../../core/daemon/mcp_plan.ts";
import type { Host } from "../../../core/microapps/host.ts";
import { freePort } from "../../support/free_port.ts";
import {
  childCandidate,
  childrenOf,
  isAlive,
  openTestHost,
  type TestHost,
  testMeta,
} from "../../support/microapps/host.ts";

const everything = join(
  dirname(
    createRequire(import.meta.url).resolve("@modelcontextprotocol/server-everything/package.json"),
  ),
  "dist/index.js",
);
const hostileFile = fileURLToPath(
  new URL("../../support/microapps/mcp_hostile.mjs", import.meta.url),
);
const wireFile = fileURLToPath(new URL("../../support/microapps/wire.mjs", import.meta.url));
const stateHome = await mkdtemp(join(tmpdir(), "nexo-mcp-"));
afterAll(() => rm(stateHome, { recursive: true, force: true }));
const good = childCandidate("good", "good.mjs");

/** The plan of these servers, as written in `mcp.yaml`. */
function plan(servers: Record<string, object>, more: object = {}) {
  const mcp = McpConfig.parse({ shutdown_grace: "500ms", servers, ...more });
  return mcpPlanOf({ mcp, configDir: "/" }, stateHome);
}
const node = (args: readonly string[], more: object = {}) => ({
  transport: "stdio",
  command: process.execPath,
  args,
  ...more,
});
const hostile = (deeds: readonly string[], more: object = {}) =>
  node([hostileFile, ...deeds], more);

function call(
  { host }: TestHost,
  name: string,
  args: unknown = {},
  { account = "acme", signal }: { account?: string; signal?: AbortSignal } = {},
): ReturnType<Host["callTool"]> {
  const tool = host.tools().find((each) => each.name === name);
  if (tool === undefined) throw new RangeError(`Cannot call "${name}": there is none`);
  return host.callTool({ tool, arguments: args, meta: testMeta("c-1", account), account, signal });
}

/** A host whose servers keep their state where {@linkcode plan} says. */
const openApp: typeof openTestHost = (candidates, options) =>
  openTestHost(candidates, { ...options, homeDir: stateHome });

const statusOf = ({ host }: TestHost, id: string) => host.status().find((each) => each.id === id);

/** The reference server on a port, until it is disposed. */
async function openHttpServer(port: number): Promise<AsyncDisposable> {
  const child = spawn(process.execPath, [everything, "streamableHttp"], {
    env: { PATH: process.env["PATH"], PORT: String(port) },
    stdio: ["ignore", "pipe", "pipe"],
  });
  await new Promise<void>((resolve, reject) => {
    const hear = (chunk: Buffer) => {
      if (/listening|running|port/i.test(chunk.toString())) resolve();
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.once("exit", (code) => reject(new Error(`it exited with ${code}`)));
  });
  return {
    async [Symbol.asyncDispose]() {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
  };
}

describe("an MCP server over stdio", () => {
  it("gives its tools to agents beside those of microapps, and comes back when it is killed", async () => {
    await using app = await openApp([good], {
      mcp: plan({ everything: node([everything, "stdio"]) }),
    });
    await app.host.settled();
    const names = app.host.tools().map(({ name }) => name);
    expect(names).toContain("ext_good_echo");
    expect(names).toContain("mcp_everything_get-sum");
    expect(await call(app, "mcp_everything_get-sum", { a: 2, b: 3 })).toMatchObject({
      ok: true,
      text: expect.stringContaining("5"),
    });
    expect(statusOf(app, "mcp:everything")).toMatchObject({ state: "ready", restarts: 0 });
    const pid = statusOf(app, "mcp:everything")?.pid ?? 0;
    process.kill(pid, "SIGKILL");
    await app.entered("mcp:everything", "ready", 2);
    expect(await call(app, "mcp_everything_echo", { message: "again" })).toMatchObject({
      ok: true,
      text: expect.stringContaining("again"),
    });
    expect(await isAlive(pid)).toBe(false);
    const last = statusOf(app, "mcp:everything")?.pid ?? 0;
    await app[Symbol.asyncDispose]();
    expect(await isAlive(last)).toBe(false);
  });

  it("belongs to a microapp that declares it, and to its tenant", async () => {
    const shop = childCandidate("shop", "good.mjs", {
      entry: { tenant_id: "acme" },
      extra: `[context]\npassthrough = true\n[mcp_servers.files]\ntransport = "stdio"\n` +
        `command = ${JSON.stringify(process.execPath)}\n` +
        `args = ["\${EXTENSION_ROOT}/mcp_hostile.mjs"]\nenv = { MCP_OWN = "\${EXTENSION_ROOT}" }\n`,
    });
    await using app = await openApp([shop], {
      env: { PATH: process.env["PATH"], SHOP_TOKEN: "hidden" },
    });
    await app.host.settled();
    const tool = app.host.tools().find(({ name }) => name === "mcp_shop_files_echo");
    expect(tool).toMatchObject({ microappId: "shop", server: "shop.files", account: "acme" });
    const result = await call(app, "mcp_shop_files_echo", { a: 1, _meta: { agent_id: "spoofed" } });
    expect(JSON.parse(result.text)).toEqual({ arguments: { a: 1 }, meta: testMeta() });
    await expect(call(app, "mcp_shop_files_echo", {}, { account: "globex" })).rejects
      .toMatchObject({ code: "not_found" });
    const { stderr } = statusOf(app, "mcp:shop.files") ?? {};
    expect(stderr).toContain(`env ${shop.root} no token`);
    await app.host.apply([]);
    expect(app.host.tools()).toEqual([]);
    expect(app.host.status()).toEqual([]);
  });

  it("is all that a microapp without a program brings", async () => {
    const tools = childCandidate("tools", "good.mjs");
    const { manifest } = childCandidate("tools", "good.mjs", {
      extra:
        `[mcp_servers.own]\ntransport = "stdio"\ncommand = ${JSON.stringify(process.execPath)}\n` +
        `args = [${JSON.stringify(hostileFile)}]\n`,
    });
    const bare = { ...tools, manifest: { ...manifest, transport: { kind: "none" as const } } };
    await using app = await openApp([bare]);
    await app.host.settled();
    expect(app.host.status().map(({ id, state }) => [id, state])).toEqual([
      ["tools", "ready"],
      ["mcp:tools.own", "ready"],
    ]);
    expect((await call(app, "mcp_tools_own_echo")).ok).toBe(true);
  });

  it("is changed by the config alone: begun, ended, begun again, left as it is", async () => {
    const first = plan({ a: hostile([]), b: hostile([]) });
    await using app = await openApp([], { mcp: first });
    await app.host.settled();
    const pidOf = (id: string) => statusOf(app, `mcp:${id}`)?.pid ?? 0;
    const [a, b] = [pidOf("a"), pidOf("b")];
    const next = plan({
      a: hostile([], { agents: ["ana"], context_passthrough: true }),
      b: hostile(["fails"]),
      c: hostile([], { tenant_id: "globex" }),
    });
    await app.host.apply([], next);
    await app.host.settled();
    expect(pidOf("a")).toBe(a);
    expect([await isAlive(b), await isAlive(pidOf("b")), pidOf("b") === b])
      .toEqual([false, true, false]);
    expect(app.host.tools().find(({ name }) => name === "mcp_a_echo")?.agents).toEqual(["ana"]);
    expect(JSON.parse((await call(app, "mcp_a_echo")).text)).toMatchObject({ meta: testMeta() });
    expect((await call(app, "mcp_b_deed")).text).toContain("code -32602: no such thing");
    await app.host.apply([], { ...next, enabled: false });
    expect(app.host.status()).toEqual([]);
    expect(await isAlive(a)).toBe(false);
  });
});

describe("an MCP server in a sandbox", () => {
  it("runs in its own directory and sees no more than a microapp would", async () => {
    const server = hostile([], { sandbox: "auto", read_paths: [hostileFile, wireFile] });
    await using app = await openApp([], { mcp: plan({ shut: server }) });
    await app.host.settled();
    const status = statusOf(app, "mcp:shut");
    expect(status?.state, status?.reason ?? "").toBe("ready");
    expect(["bwrap", "permissions"]).toContain(status?.sandbox);
    expect((await call(app, "mcp_shut_echo")).ok).toBe(true);
  });
});

describe("an MCP server over HTTP", () => {
  it("is called, lost and found again: a call that meets a new process is made once more", async () => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}/mcp`;
    await using app = await openApp([], {
      mcp: plan({ web: { transport: "auto", url, headers: { "x-key": "k" } } }),
    });
    {
      await app.host.settled();
      expect(statusOf(app, "mcp:web")).toMatchObject({ state: "restarting", pid: null });
      await using _server = await openHttpServer(port);
      await app.entered("mcp:web", "ready");
      expect((await call(app, "mcp_web_get-sum", { a: 1, b: 1 })).text).toContain("2");
    }
    await using _second = await openHttpServer(port);
    expect((await call(app, "mcp_web_echo", { message: "still here" })).text)
      .toContain("still here");
    expect(app.host.status()[0]?.state).toBe("ready");
  });
});

describe("a hostile MCP server", () => {
  it("that never answers is given up on and tried again", async () => {
    const faults: unknown[] = [];
    await using app = await openApp([], {
      mcp: plan({ silent: hostile(["silent"]) }, { initialize_timeout: "1s" }),
      onFault: (id, { kind }) => faults.push([id, kind]),
    });
    await app.entered("mcp:silent", "restarting");
    expect(statusOf(app, "mcp:silent")?.reason).toContain("no answer in 1000 ms");
    expect(faults).toEqual([["mcp:silent", "init_timeout"]]);
  });

  it("that never answers, dies, refuses or talks nonsense spoils its own calls only", async () => {
    await using app = await openApp([good], {
      mcp: plan({
        dies: hostile(["dies"]),
        fails: hostile(["fails"]),
        refuses: hostile(["refuses"]),
        hangs: hostile(["hangs"], { call_timeout: "100ms" }),
        odd: hostile(["odd"], { call_timeout: "100ms" }),
        garbage: hostile(["garbage", "forges"]),
      }),
    });
    await app.host.settled();
    await expect(call(app, "mcp_dies_deed")).rejects.toMatchObject({ code: "microapp_exited" });
    expect((await call(app, "mcp_fails_deed")).text).toContain("-32602");
    expect(await call(app, "mcp_refuses_deed")).toMatchObject({
      ok: false,
      message: "closed on Sundays",
    });
    await expect(call(app, "mcp_hangs_deed")).rejects.toMatchObject({ code: "microapp_timeout" });
    await expect(call(app, "mcp_odd_deed")).rejects.toMatchObject({ code: "microapp_timeout" });
    expect(await call(app, "mcp_garbage_deed")).toMatchObject({
      ok: true,
      value: { n: 1 },
      text: "[image image/png]",
    });
    expect(statusOf(app, "mcp:garbage")?.stderr).toContain("stdout: no frame");
    const stop = new AbortController();
    const pending = call(app, "mcp_hangs_deed", {}, { signal: stop.signal });
    stop.abort(new RangeError("taken over"));
    await expect(pending).rejects.toThrow("taken over");
    // Five faults of one tenant in a row, and its calls rest; the other tenant's do not.
    for (let n = 0; n < 4; n++) await call(app, "mcp_hangs_deed").catch(() => undefined);
    await expect(call(app, "mcp_hangs_deed")).rejects.toMatchObject({
      code: "microapp_breaker_open",
    });
    await expect(call(app, "mcp_hangs_deed", {}, { account: "globex" })).rejects
      .toMatchObject({ code: "microapp_timeout" });
    expect((await call(app, "ext_good_echo")).ok).toBe(true);
  });

  it("that lists too much, floods, or will not end is bounded", async () => {
    await using app = await openApp([good], {
      mcp: plan({
        many: hostile(["manyTools"]),
        endless: hostile(["endlessList"]),
        floods: hostile(["floods"], { call_timeout: "500ms" }),
        changes: hostile(["changes"]),
        stubborn: hostile(["stubborn"], { limits: { processes: 8 } }),
      }),
    });
    await app.host.settled();
    expect(statusOf(app, "mcp:many")?.tools).toHaveLength(512);
    expect(statusOf(app, "mcp:endless")?.tools).toHaveLength(32);
    const flooded = call(app, "mcp_floods_deed").catch((error: unknown) => error);
    for (let n = 0; n < 20; n++) expect((await call(app, "ext_good_echo")).ok).toBe(true);
    expect(await flooded).toMatchObject({ code: "microapp_timeout" });
    await call(app, "mcp_changes_deed");
    await expect.poll(() => app.host.tools().map(({ name }) => name)).toContain(
      "mcp_changes_later",
    );
    const pid = statusOf(app, "mcp:stubborn")?.pid ?? 0;
    await app.host.restart("mcp:stubborn");
    expect(await isAlive(pid)).toBe(false);
    const core = process.pid;
    await app[Symbol.asyncDispose]();
    const left = await childrenOf(core);
    expect(left).not.toContain(pid);
  });
});
