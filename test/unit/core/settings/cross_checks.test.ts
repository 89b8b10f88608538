/**
 * Names that must exist, names that must be free, parts that must fit.
 *
 * @module
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { configDir, ONE_AGENT, summary } from "./config_dir.ts";

async function check(files: Record<string, string>, env: Record<string, string> = {}) {
  await using config = await configDir({ "agents.yaml": ONE_AGENT, ...files });
  const { settings, problems } = await config.load(env);
  return { settings, problems, lines: summary(problems, config.dir) };
}

const source = (more = "") =>
  `enabled: true
sources:
  - id: hub
    path: /webhooks/hub
    preset: github
    secret_env: HUB_SECRET
${more}`;

describe("agents", () => {
  it("may bind a channel instance once", async () => {
    const { lines, settings } = await check({
      "agents.yaml": `${ONE_AGENT}    inbound_bindings:
      - { plugin: webchat, instance: acme }
      - { plugin: webchat }
      - { plugin: webchat, instance: acme }
`,
    });
    expect(settings).toBeUndefined();
    expect(lines).toEqual([
      'agents.yaml:7:9 error agents[0].inbound_bindings[2]: repeats "webchat:acme" of [0]',
    ]);
  });

  it("hear that one never answers on a line that another has, unless it may be meant to", async () => {
    const agent = (id: string, more = "") =>
      `  - { id: ${id}, tenant_id: acme, model: { provider: offline, model: rules }, inbound_bindings: [{ plugin: webchat, instance: acme }]${more} }\n`;
    const files = (...agents: string[]) => ({
      "agents.yaml": `agents:\n${agents.join("")}`,
      "tenants.yaml": "tenants: { acme: {} }\n",
    });
    const never = [
      'agents.yaml:3:96 warning agent "bob" never answers on "webchat:acme", since agent "ana" does',
    ];
    expect((await check(files(agent("ana"), agent("bob")))).lines).toEqual(never);
    expect((await check(files(agent("ana", ", active: false"), agent("bob")))).lines).toEqual([]);
    expect((await check(files(agent("ana"), agent("bob", ", active: false")))).lines).toEqual([]);
    const webchat = "webchat: { instances: [{ instance: acme }] }\n";
    expect(
      (await check({ ...files(agent("ana"), agent("bob")), "plugins/webchat.yaml": webchat }))
        .lines,
    ).toEqual(never);
  });

  it("may use a subscriber id once, and bind only subscribers they have", async () => {
    const { lines } = await check({
      "agents.yaml": `${ONE_AGENT}    event_subscribers:
      - { id: hub, subject_pattern: webhook.hub.* }
      - { id: hub, subject_pattern: webhook.other.* }
    inbound_bindings: [{ plugin: event, instance: hubb }]
`,
    });
    expect(lines).toEqual([
      'agents.yaml:6:11 error subscriber "hub" is already declared as event_subscribers[0]',
      'agents.yaml:7:26 warning binding "event:hubb" has no event subscriber',
    ]);
  });

  it.each([">", "*.>", "plugin.>", "*.inbound.>", "plugin.*.event.*", "nexo.>", "agent.route.ana"])(
    "may not listen on %s, where core's own messages pass",
    async (pattern) => {
      const { lines } = await check({
        "agents.yaml":
          `${ONE_AGENT}    event_subscribers: [{ id: hub, subject_pattern: "${pattern}" }]\n`,
      });
      expect(lines).toEqual([expect.stringMatching(/error .*subject_pattern: overlaps/)]);
    },
  );

  it("must name a provider that exists: offline, a global one or their tenant's", async () => {
    const agents = (provider = "", tenant = "") =>
      `agents:\n  - { id: ana, tenant_id: ${tenant}, model: { provider: ${provider}, model: m } }\n`;
    const files = {
      "tenants.yaml": "tenants: { acme: , globex: }",
      "llm.yaml":
        "providers: { one: { api_key: k } }\ntenants: { acme: { providers: { own: { api_key: k } } } }",
    };
    for (const [provider, tenant] of [["offline", "acme"], ["one", "globex"], ["own", "acme"]]) {
      const { lines } = await check({ ...files, "agents.yaml": agents(provider, tenant) });
      expect(lines).toEqual([]);
    }
    const other = await check({ ...files, "agents.yaml": agents("own", "globex") });
    expect(other.lines).toEqual(['agents.yaml:2:44 error provider "own" is not configured']);
    const typo = await check({ ...files, "agents.yaml": agents("oown", "acme") });
    expect(typo.problems[0]?.fix).toBe('Did you mean "own"?');
  });

  it("are told of limits on bindings they do not have, and of delegates that do not exist", async () => {
    const { problems, lines } = await check({
      "agents.yaml": `${ONE_AGENT}    inbound_bindings: [{ plugin: webchat, instance: acme }]
    allowed_delegates: [bob, "team_*"]
    tool_rate_limits: { webchat:amce: { a: 1/s } }
`,
    });
    expect(lines).toEqual([
      'agents.yaml:5:25 warning there is no agent "bob"',
      'agents.yaml:6:25 warning agent "ana" has no binding "webchat:amce", so these limits never apply',
    ]);
    expect(problems[1]?.fix).toBe('Did you mean "webchat:acme"?');
  });
});

describe("tenants", () => {
  it("must be declared wherever one is named", async () => {
    const { lines, problems } = await check({
      "agents.yaml": `${ONE_AGENT}    tenant_id: acmee\n`,
      "tenants.yaml": "tenants: { acme: }",
      "webhook_receiver.yaml": source("    account_id: other\n"),
      "extensions.yaml": `extensions:
  entries:
    notes:
      tenant_id: nobody
      capabilities_grant: [{ capability: agents_crud, tenants: [acme, none] }]
`,
      "plugins/webchat.yaml": "webchat: { instances: [{ instance: x, account_id: xx }] }",
      "transcripts.yaml": "tenants: { yy: { extra_patterns: [] } }",
    }, { HUB_SECRET: "long enough" });
    expect(lines).toEqual([
      'agents.yaml:4:5 error tenant "acmee" is not declared',
      'extensions.yaml:4:7 error tenant "nobody" is not declared',
      'extensions.yaml:5:71 error tenant "none" is not declared',
      'plugins/webchat.yaml:1:39 error tenant "xx" is not declared',
      'transcripts.yaml:1:12 warning tenant "yy" is not declared',
      'webhook_receiver.yaml:7:5 error tenant "other" is not declared',
    ]);
    expect(problems[0]?.fix).toBe('Did you mean "acme"?');
  });

  it("may be called like a property every object has", async () => {
    const { settings, lines } = await check({
      "agents.yaml": `${ONE_AGENT}    tenant_id: constructor\n`,
      "tenants.yaml": "tenants: { constructor: { llm_provider_refs: [offline] } }",
    });
    expect(lines).toEqual([]);
    expect(settings?.tenants.get("constructor")?.display_name).toBe("constructor");
  });

  it("are one, default, when none are declared", async () => {
    const { settings, lines } = await check({
      "agents.yaml": `${ONE_AGENT}    inbound_bindings: [{ plugin: webchat, instance: any }]\n`,
    });
    expect(lines).toEqual([]);
    expect([...settings?.tenants.keys() ?? []]).toEqual(["default"]);
  });

  it("must be clear for a channel instance", async () => {
    const { settings, lines } = await check({
      "agents.yaml": `${ONE_AGENT}    inbound_bindings: [{ plugin: webchat, instance: any }]\n`,
      "tenants.yaml": "tenants: { acme: }",
    });
    expect(settings).toBeDefined();
    expect(lines).toEqual([
      'agents.yaml:4:26 warning nothing says which tenant "webchat:any" belongs to',
    ]);
  });
});

describe("sources", () => {
  it("without a good secret are an error that stops nothing else", async () => {
    for (
      const [env, state] of [
        [{ HUB_SECRET: "" }, "is missing or empty"],
        [{ HUB_SECRET: "1234567" }, "is shorter than 8 bytes"],
      ] as const
    ) {
      const { settings, problems, lines } = await check({ "webhook_receiver.yaml": source() }, env);
      expect(settings?.webhooks.sources).toHaveLength(1);
      expect(problems[0]?.blocking).toBe(false);
      expect(lines).toEqual([
        `webhook_receiver.yaml:6:5 error source "hub": secret "HUB_SECRET" ${state}, so it answers 503`,
      ]);
    }
    const good = await check({ "webhook_receiver.yaml": source() }, { HUB_SECRET: "12345678" });
    expect(good.lines).toEqual([]);
  });

  it("are warned of a secret that nexo dev will make, and not of one that is there", async () => {
    await using config = await configDir({
      "agents.yaml": ONE_AGENT,
      "webhook_receiver.yaml": source(),
    });
    const fresh = await config.load();
    expect(fresh.settings).toBeDefined();
    expect(summary(fresh.problems, config.dir)).toEqual([
      'webhook_receiver.yaml:6:5 warning source "hub": secret "HUB_SECRET" will be made by nexo dev; ' +
      "until there is one, it answers 503",
    ]);
    await mkdir(join(config.home, "secrets"));
    for (
      const [text, lines] of [
        ["long enough", []],
        ["\n", [expect.stringContaining('error source "hub": secret "HUB_SECRET" is missing or')]],
      ] as const
    ) {
      await writeFile(join(config.home, "secrets/HUB_SECRET.txt"), text);
      expect(summary((await config.load()).problems, config.dir)).toEqual(lines);
    }
  });

  it("need a secret that is set when nexo dev cannot make one of that name", async () => {
    const { lines } = await check({
      "webhook_receiver.yaml": source().replace("HUB_SECRET", "hub-secret"),
    });
    expect(lines).toEqual([expect.stringContaining('error source "hub": secret "hub-secret"')]);
  });

  it("may not share an id or a path", async () => {
    const twin = "  - { id: hub, path: /webhooks/hub, preset: github, secret_env: HUB_SECRET }\n";
    const { settings, lines } = await check({ "webhook_receiver.yaml": source(twin) });
    expect(settings).toBeUndefined();
    expect(lines).toHaveLength(2);
  });

  it("are told that bind is ignored, and that a body must fit the broker", async () => {
    const { lines } = await check({
      "webhook_receiver.yaml": "bind: 0.0.0.0:8081\nbody_cap_bytes: 4194304\n",
      "broker.yaml": "broker:\n  limits:\n    max_payload: 4MB\n",
    });
    expect(lines).toEqual([
      "webhook_receiver.yaml:1:1 warning bind: ignored",
      "webhook_receiver.yaml:2:1 error body cap of 4194304 bytes does not fit the broker's 4194304 " +
      "at broker.yaml:3, less 65536 for what surrounds it",
    ]);
  });
});

describe("the rest", () => {
  it("names a model's key that is nowhere, and where to put it", async () => {
    const llm = "providers: { one: { base_url: http://127.0.0.1:1, api_key_env: ONE_KEY } }\n";
    const { problems } = await check({ "llm.yaml": llm });
    expect(problems).toMatchObject([{
      severity: "warning",
      message: 'provider "one": its key ONE_KEY is not set, so it cannot be asked',
      fix: "Set ONE_KEY in the environment, or write it to $NEXO_HOME/secrets/ONE_KEY",
    }]);
    expect((await check({ "llm.yaml": llm }, { ONE_KEY: "k" })).lines).toEqual([]);
  });

  it("wants an address for NATS, and warns of what lies unsealed in JetStream", async () => {
    const files = { "broker.yaml": "broker:\n  type: nats\n  auth: { enabled: true }\n" };
    expect((await check(files)).lines).toEqual([
      "broker.yaml:2:3 error broker.url: is required for type nats",
      "broker.yaml:2:3 warning events lie unsealed in JetStream: NEXO_EDGE_KEY is not set",
      "broker.yaml:3:3 error broker.auth: enabled, but says nothing",
    ]);
    const env = { NEXO_NATS_URL: "ws://nats:8443", NEXO_EDGE_KEY: "k" };
    const good = { "broker.yaml": "broker: { type: nats, auth: { enabled: true, token: t } }" };
    expect((await check(good, env)).lines).toEqual([]);
    const byEnv = await check({}, { NEXO_NATS_URL: "ws://nats:8443" });
    expect(byEnv.lines).toEqual([expect.stringContaining("NEXO_EDGE_KEY is not set")]);
    const off = { "broker.yaml": "broker: { type: nats, url: 'ws://nats:8443', jetstream: off }" };
    expect((await check(off)).lines).toEqual([]);
  });

  it("compiles redaction patterns as RE2", async () => {
    const { lines } = await check({
      "transcripts.yaml":
        "redaction:\n  extra_patterns:\n    - { regex: '(?=a)b', label: x }\n    - { regex: 'a+', label: y }\n",
    });
    expect(lines).toEqual([
      expect.stringMatching(/^transcripts\.yaml:3:9 error cannot be compiled: /),
    ]);
  });

  it("makes paths absolute from the config directory", async () => {
    await using config = await configDir({
      "agents.yaml": `${ONE_AGENT}    transcripts_dir: ../transcripts\n`,
      "extensions.yaml":
        "extensions: { search_paths: [../apps], entries: { notes: { path: ../notes/plugin.toml } } }",
      "broker.yaml": "broker: { auth: { enabled: true, creds_file: nats.creds } }",
    });
    const { settings } = await config.load();
    expect(settings).toMatchObject({
      extensions: {
        search_paths: [`${config.home}/apps`],
        entries: { notes: { path: `${config.home}/notes/plugin.toml` } },
      },
      broker: { auth: { creds_file: `${config.dir}/nats.creds` } },
    });
    expect(settings?.agents.get("ana")).toMatchObject({
      transcripts_dir: `${config.home}/transcripts`,
      skills_dir: `${config.dir}/skills`,
    });
  });
});
