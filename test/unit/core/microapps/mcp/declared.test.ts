import { describe, expect, it } from "vitest";
import { McpConfig } from "../../../../../core/contract/mod.ts";
import { mcpPlanOf } from "../../../../../core/daemon/mcp_plan.ts";
import type { Candidate } from "../../../../../core/microapps/candidate.ts";
import { parseManifest } from "../../../../../core/microapps/manifest.ts";
import { NO_MCP, serversOf } from "../../../../../core/microapps/mcp/spec.ts";

const HEAD = '[plugin]\nid = "shop"\nversion = "1.0.0"\n';
const RUNS = '[capabilities]\ntools = ["x"]\n[transport]\nkind = "stdio"\ncommand = "shop"\n';
const parse = (plugin: string, mcpJson?: string) =>
  parseManifest({ plugin, mcpJson, agentVersion: "0.1.5" });
const candidate = (plugin: string, entry: Candidate["entry"] = {}): Candidate => {
  const { manifest } = parse(plugin);
  return { id: manifest.id, root: "/apps/shop", manifest, entry, refusal: null };
};

describe("MCP servers in a manifest", () => {
  it("are read under both names of the tag, and in both versions of the manifest", () => {
    const { manifest } = parse(
      `${HEAD}[plugin.mcp_servers.a]\ntype = "stdio"\ncommand = "a"\n${RUNS}` +
        '[mcp_servers.b]\ntransport = "auto"\nurl = "https://b.example/mcp"\n' +
        'headers = { "x-key" = "k" }\nlog_level = "debug"\ncontext_passthrough = true\n',
    );
    expect(manifest.mcpServers).toMatchObject({
      a: { transport: "stdio", command: "a", args: [], passesContext: null },
      b: {
        transport: "auto",
        url: "https://b.example/mcp",
        headers: { "x-key": "k" },
        logLevel: "debug",
        passesContext: true,
      },
    });
  });

  it.each([
    ["InvalidMcpServerName", '[mcp_servers.A]\ncommand = "a"\n'],
    ["McpEmptyStdioCommand", '[mcp_servers.a]\ntransport = "stdio"\n'],
    ["McpInvalidHttpUrl", '[mcp_servers.a]\ntransport = "sse"\nurl = "ftp://x"\n'],
    ["Parse", '[mcp_servers.a]\ntransport = "pigeon"\n'],
  ])("are refused as %s", (symbol, servers) => {
    expect(() => parse(HEAD + RUNS + servers)).toThrow(symbol);
  });

  it("may be all there is; without them there must be a program", () => {
    const server = '[mcp_servers.a]\ncommand = "a"\n';
    expect(parse(HEAD + server).manifest.transport).toEqual({ kind: "none" });
    expect(parse(HEAD, '{"mcpServers":{}}').manifest.transport).toEqual({ kind: "none" });
    expect(() => parse(HEAD)).toThrow("NoCapabilities");
  });

  it("come from .mcp.json when plugin.toml has none, the bad ones left out", () => {
    const file = JSON.stringify({
      mcpServers: {
        "File System": { command: "npx", args: ["-y", "x"], env: { A: "1" } },
        web: { type: "http", url: "http://127.0.0.1:1/mcp" },
        empty: {},
        odd: { command: 7 },
      },
    });
    const { manifest, warnings } = parse(HEAD + RUNS, file);
    expect(manifest.mcpServers).toMatchObject({
      file_system: { transport: "stdio", command: "npx", args: ["-y", "x"], env: { A: "1" } },
      web: { transport: "streamable_http", url: "http://127.0.0.1:1/mcp" },
    });
    expect(warnings.map((text) => text.slice(0, 38))).toEqual([
      'server "empty" of .mcp.json is left ou',
      'server "odd" of .mcp.json is left out:',
    ]);
    expect(parse(HEAD + RUNS, "{").warnings[0]).toMatch(/^\.mcp\.json is ignored: /);
    const own = parse(`${HEAD}${RUNS}[mcp_servers.a]\ncommand = "a"\n`, file);
    expect(Object.keys(own.manifest.mcpServers)).toEqual(["a"]);
  });
});

describe("serversOf()", () => {
  const declares = `${HEAD}${RUNS}[mcp_servers.files]\ncommand = "\${EXTENSION_ROOT}/bin"\n` +
    'args = ["--root", "${EXTENSION_ROOT}"]\nenv = { ROOT = "${EXTENSION_ROOT}" }\n';

  it("gives a microapp's servers its place, its tenant and its time", () => {
    const [spec] = serversOf(NO_MCP, [
      candidate(declares, { tenant_id: "acme", timeout_secs: 2 }),
    ]);
    expect(spec).toMatchObject({
      key: "shop.files",
      owner: "shop",
      account: "acme",
      agents: null,
      passesContext: false,
      timeouts: { callMs: 2_000 },
      wire: {
        kind: "stdio",
        command: "/apps/shop/bin",
        args: ["--root", "/apps/shop"],
        env: { ROOT: "/apps/shop" },
        cwd: "/apps/shop",
      },
    });
  });

  it("lets the operator stand in for a microapp's server, and starts none of one that may not run", () => {
    const shop = candidate(declares);
    const mcp = McpConfig.parse({
      call_timeout: "5s",
      context: { passthrough: true },
      servers: {
        "shop.files": { url: "http://127.0.0.1:1/mcp", agents: ["ana"] },
        off: { command: "x", enabled: false },
        near: { command: "x", context_passthrough: false, call_timeout: "1m" },
      },
    });
    const plan = mcpPlanOf({ mcp, configDir: "/etc/nexo" }, "/var/nexo");
    expect(serversOf(plan, [shop])).toMatchObject([
      {
        key: "near",
        owner: "mcp:near",
        passesContext: false,
        timeouts: { callMs: 60_000 },
        wire: { cwd: "/var/nexo/extensions/mcp-near/state" },
      },
      {
        key: "shop.files",
        owner: "mcp:shop.files",
        agents: ["ana"],
        passesContext: true,
        timeouts: { callMs: 5_000 },
        wire: { kind: "streamable_http" },
      },
    ]);
    const refused = { ...shop, refusal: "not granted" };
    expect(serversOf(NO_MCP, [refused])).toEqual([]);
    expect(serversOf({ ...plan, enabled: false }, [shop])).toEqual([]);
  });
});

describe("mcp.yaml", () => {
  it.each([
    [{ servers: { A: { command: "x" } } }],
    [{ servers: { a: {} } }],
    [{ servers: { a: { command: "x", url: "http://x" } } }],
    [{ servers: { a: { url: "file:///x" } } }],
    [{ servers: { a: { url: "http://x", headers: { k: "caf\u00e9" } } } }],
    [{ servers: { a: { command: "x", unknown: 1 } } }],
    [{ call_timeout: 5 }],
  ])("refuses %j", (mcp) => expect(McpConfig.safeParse(mcp).success).toBe(false));
});
