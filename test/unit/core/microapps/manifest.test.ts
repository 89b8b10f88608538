/**
 * Manifests in four spellings, and what is wrong with others.
 *
 * @module
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CodedError } from "../../../../core/contract/mod.ts";
import { grantsOf } from "../../../../core/microapps/grants.ts";
import { parseManifest } from "../../../../core/microapps/manifest.ts";
import { meetsVersion } from "../../../../core/microapps/semver.ts";

const parse = (plugin: string, sidecar?: string) =>
  parseManifest({ plugin, sidecar, agentVersion: "0.1.5" });

const head = '[plugin]\nid = "shopdesk"\nversion = "0.1.0"\n';
const tools = '[capabilities]\ntools = ["quote"]\n';
const stdio = '[transport]\nkind = "stdio"\ncommand = "./shopdesk"\n';

describe("parseManifest()", () => {
  it("reads the first version with its sidecar", () => {
    const { manifest, warnings } = parse(
      head + tools + stdio + "[context]\npassthrough = true\n",
      `[plugin]
id = "shopdesk"
version = "0.1.0"
name = "Shop desk"
description = "Quotes prices"
min_nexo_version = ">=0.1.0"
[plugin.capabilities.admin]
required = ["agents_crud"]
optional = ["transcripts_subscribe"]
[plugin.capabilities.http_server]
port = 4000
token_env = "SHOP_TOKEN"
[plugin.requires]
env = ["SHOP_KEY"]`,
    );
    expect(warnings).toEqual([]);
    expect(manifest).toMatchObject({
      id: "shopdesk",
      transport: { kind: "stdio", command: "./shopdesk", args: [] },
      contextPassthrough: true,
      requires: { bins: [], env: ["SHOP_KEY"] },
      capabilities: {
        tools: ["quote"],
        admin: { required: ["agents_crud"], optional: ["transcripts_subscribe"] },
        httpServer: {
          port: 4000,
          bind: "127.0.0.1",
          token_env: "SHOP_TOKEN",
          health_path: "/healthz",
        },
      },
    });
  });

  it("reads documented spellings: transport type, admin and http_server in plugin.toml", () => {
    const { manifest, warnings } = parse(
      `${head}priority = 5
[transport]
type = "stdio"
command = "node"
args = ["x.js"]
[capabilities]
tools = ["quote"]
skills = ["selling"]
[capabilities.admin]
required = ["agents_crud"]
[capabilities.http_server]
port = 4000
token_env = "T"
[capabilities.broker]
publish = ["marketing.>"]
[outbound_bindings]
whatsapp = ["shop"]
[tools.quote]
description = "Quotes"
`,
    );
    expect(warnings).toEqual([]);
    expect(manifest).toMatchObject({
      priority: 5,
      transport: { kind: "stdio", command: "node", args: ["x.js"] },
      capabilities: { admin: { required: ["agents_crud"] }, broker: { publish: ["marketing.>"] } },
      outboundBindings: { whatsapp: ["shop"] },
      tools: { quote: { description: "Quotes" } },
    });
  });

  it("reads the second version", () => {
    const { manifest } = parse(`manifest_version = 2
[plugin]
id = "admin-ui"
version = "1.2.3"
min_nexo_version = ">=0.1.0, <2"
[plugin.entrypoint]
command = "./admin"
args = ["--serve"]
env = { MODE = "prod" }
[plugin.capabilities.admin]
required = ["agents_crud"]
[plugin.capabilities.broker]
publish = ["a.b"]
[plugin.extends]
tools = ["quote"]
`);
    expect(manifest).toMatchObject({
      transport: { kind: "stdio", command: "./admin", args: ["--serve"] },
      env: { MODE: "prod" },
      capabilities: { tools: ["quote"], admin: { required: ["agents_crud"] } },
    });
  });

  it("joins the admin capabilities of every place", () => {
    const admin = (at: string, name: string) => `[${at}]\nrequired = ["${name}"]\n`;
    const { manifest } = parse(
      head + admin("plugin.capabilities.admin", "b") + stdio + admin("capabilities.admin", "a"),
      `[plugin]\nid = "shopdesk"\n${admin("plugin.capabilities.admin", "c")}`,
    );
    expect([...manifest.capabilities.admin.required].sort()).toEqual(["a", "b", "c"]);
  });

  it("warns about members nobody reads and sidecars that do not belong", () => {
    expect(
      parse(`${head}colour = "red"\n${tools}[transport]\nkind="stdio"\ncommand="x"\nshell=true\n`)
        .warnings,
    )
      .toEqual([
        '"plugin.colour" is unknown and ignored',
        '"transport.shell" is unknown and ignored',
      ]);
    expect(parse(head + tools + stdio, '[plugin]\nid = "other"\n').warnings[0]).toContain(
      '"other"',
    );
    expect(parse(head + tools + stdio, "not toml").warnings[0]).toContain(
      "nexo-plugin.toml is ignored",
    );
    const hyphened = head.replace("shopdesk", "shop-desk") + tools + stdio;
    expect(parse(hyphened, '[plugin]\nid = "shop_desk"\n').warnings).toEqual([]);
  });

  it.each([
    ["Parse", "not = = toml"],
    ["Parse", `${head}${tools}`],
    ["Parse", `${head}${tools}[transport]\nkind = "pigeon"\n`],
    ["Parse", `[plugin]\nid = 7\n`],
    ["EmptyId", '[plugin]\nversion = "1.0.0"\n'],
    ["InvalidId", head.replace("shopdesk", "Shop") + tools + stdio],
    ["InvalidId", head.replace("shopdesk", "../evil") + tools + stdio],
    ["InvalidId", head.replace("shopdesk", "s".repeat(65)) + tools + stdio],
    ["ReservedId", head.replace("shopdesk", "whatsapp") + tools + stdio],
    ["InvalidVersion", head.replace("0.1.0", "^0.1") + tools + stdio],
    ["InvalidMinAgentVersion", `${head}min_agent_version = "soon"\n${tools}${stdio}`],
    ["AgentTooOld", `${head}min_agent_version = "0.2.0"\n${tools}${stdio}`],
    ["DescriptionTooLong", `${head}description = "${"x".repeat(513)}"\n${tools}${stdio}`],
    ["NoCapabilities", head + stdio],
    ["InvalidCapabilityName", `${head}[capabilities]\ntools = ["Quote"]\n${stdio}`],
    ["DuplicateCapabilityName", `${head}[capabilities]\nhooks = ["a", "a"]\n${stdio}`],
    ["EmptyStdioCommand", `${head}${tools}[transport]\nkind = "stdio"\ncommand = " "\n`],
    ["EmptyNatsPrefix", `${head}${tools}[transport]\nkind = "nats"\nsubject_prefix = ""\n`],
    ["InvalidHttpUrl", `${head}${tools}[transport]\nkind = "http"\nurl = "ftp://x"\n`],
    ["InvalidMcpServerName", `${head}${tools}${stdio}[mcp_servers.Bad]\ntransport = "stdio"\n`],
    ["McpEmptyStdioCommand", `${head}${tools}${stdio}[mcp_servers.a]\ntransport = "stdio"\n`],
    ["McpInvalidHttpUrl", `${head}${tools}${stdio}[mcp_servers.a]\ntype = "sse"\nurl = "x"\n`],
  ])("%s: %j", (symbol, plugin) => {
    expect(() => parse(plugin)).toThrow(expect.objectContaining({
      code: "manifest_invalid",
      message: expect.stringMatching(new RegExp(`^${symbol}: `)),
    }));
  });

  it("throws nothing but manifest_invalid, whatever the file holds", () => {
    const piece = fc.constantFrom(
      "[plugin]\n",
      'id = "a"\n',
      "id = 7\n",
      'version = "1.0.0"\n',
      "[plugin.entrypoint]\n",
      'command = "x"\n',
      "[capabilities]\n",
      'tools = ["a"]\n',
      "tools = 7\n",
      "[capabilities.admin]\n",
      'required = ["a"]\n',
      "[[capabilities]]\n",
      "\u0000",
    );
    fc.assert(fc.property(fc.array(fc.oneof(piece, fc.string())), (pieces) => {
      try {
        parse(pieces.join(""));
      } catch (error) {
        expect(error).toBeInstanceOf(CodedError);
      }
    }));
  });
});

describe("meetsVersion()", () => {
  it.each([
    ["0.1.5", ">=0.1.0", true],
    ["0.1.5", "0.1.5", true],
    ["0.1.5", "0.1.6", false],
    ["0.1.5", ">= 0.1, <0.2", true],
    ["0.1.5", "<0.1.5", false],
    ["0.1.5", "=0.1.5", true],
    ["0.1.5", "^0.1.2", true],
    ["0.1.5", "~1", false],
    ["0.1.5", ">0.1.4 <=0.1.5", true],
    ["0.1.5", "soon", null],
    ["0.1.5", "", null],
  ])("%s against %j", (own, wanted, meets) => expect(meetsVersion(own, wanted)).toBe(meets));
});

describe("grantsOf()", () => {
  it("compares what is asked for with what is given", () => {
    const admin = { required: ["b", "a"], optional: ["c", "d"] };
    const capabilities_grant = ["a", { capability: "c", tenants: ["acme"] }, "z"];
    expect(grantsOf({ capabilities: { admin } }, { capabilities_grant })).toEqual({
      granted: ["a", "c", "z"],
      missingRequired: ["b"],
      missingOptional: ["d"],
      orphan: ["z"],
    });
    expect(grantsOf({ capabilities: { admin } }, undefined).missingRequired).toEqual(["a", "b"]);
  });
});
