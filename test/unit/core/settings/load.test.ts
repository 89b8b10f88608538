/**
 * From config files to settings, and every way that can go wrong.
 *
 * @module
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { formatProblems } from "../../../../core/settings/problems.ts";
import { configDir, ONE_AGENT, summary } from "./config_dir.ts";

describe("loading", () => {
  it("needs agents.yaml only, and an empty one gives full defaults", async () => {
    await using config = await configDir({ "agents.yaml": "" });
    const { settings, problems } = await config.load();
    expect(problems).toEqual([]);
    expect({
      ...settings,
      configDir: "",
      agents: [...settings?.agents ?? []],
      tenants: [...settings?.tenants ?? []],
      extensions: { ...settings?.extensions, search_paths: [] },
    }).toMatchSnapshot();
    expect(settings?.extensions.search_paths).toEqual([join(config.home, "extensions")]);
  });

  it("C1: reads an empty block as its defaults, in every file", async () => {
    const empty = {
      "agents.yaml": `${ONE_AGENT}    config:\n    heartbeat:\n    inbound_bindings:\n`,
      "tenants.yaml": "tenants:\n",
      "webhook_receiver.yaml": "enabled:\nsources:\ndefault_rate_limit:\n",
      "extensions.yaml": "extensions:\n",
      "llm.yaml": "providers:\nretry:\n",
      "transcripts.yaml": "redaction:\n",
      "broker.yaml": "broker:\n",
      "plugins/webchat.yaml": "webchat:\n",
    };
    await using blank = await configDir(empty);
    await using absent = await configDir({ "agents.yaml": ONE_AGENT });
    const [first, second] = [await blank.load(), await absent.load()];
    expect(first.problems).toEqual([]);
    const comparable = (loaded: typeof first, home: string) =>
      JSON.stringify({ ...loaded.settings, agents: [...loaded.settings?.agents ?? []] })
        .replaceAll(home, "");
    expect(comparable(first, blank.home)).toBe(comparable(second, absent.home));
  });

  it("says where the directory is wrong when agents.yaml is missing", async () => {
    await using config = await configDir({});
    const { settings, problems } = await config.load();
    expect(settings).toBeUndefined();
    expect(summary(problems, config.dir)).toEqual(["agents.yaml:1:1 error does not exist"]);
  });

  it("reports every syntax error with its place", async () => {
    await using config = await configDir({
      "agents.yaml": "agents:\n\t- id: a\n  - id: b\n",
      "llm.yaml": "providers: {}\nproviders: {}\nretry: [\n",
    });
    const { settings, problems } = await config.load();
    expect(settings).toBeUndefined();
    const places = problems.map(({ file, line }) => `${file.slice(config.dir.length + 1)}:${line}`);
    expect(places).toEqual(expect.arrayContaining(["agents.yaml:2", "llm.yaml:2", "llm.yaml:4"]));
  });

  it("never throws, whatever a file holds", async () => {
    await using config = await configDir({ "agents.yaml": "" });
    const marks = fc.constantFrom(
      "agents:",
      "\n",
      "  ",
      "- ",
      "id: a",
      "&a ",
      "*a",
      "{",
      "}",
      "[",
      "${A",
      "<<: ",
      "null",
      "!!js ",
      '"',
      "? ",
      "---\n",
      "__proto__: ",
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(marks, fc.string())), async (parts) => {
        await writeFile(join(config.dir, "agents.yaml"), parts.join(""));
        const { settings, problems } = await config.load();
        expect(settings === undefined).toBe(problems.some(({ blocking }) => blocking));
      }),
      { numRuns: 150 },
    );
  });

  it("tells of a key that is none by itself, and the library nothing beside it", async () => {
    const warned = vi.spyOn(process, "emitWarning");
    await using config = await configDir({ "agents.yaml": "{ agents: [] }: x\n" });
    const { problems } = await config.load();
    expect(problems.map(({ severity }) => severity)).toContain("error");
    expect(warned).not.toHaveBeenCalled();
    warned.mockRestore();
  });

  it("refuses aliases that unfold without end", async () => {
    const bomb = ["agents: &a0 [x]", "b1: &a1 [*a0,*a0,*a0,*a0,*a0,*a0,*a0,*a0,*a0,*a0]"];
    for (let i = 2; i < 12; i++) {
      bomb.push(`b${i}: &a${i} [${Array(10).fill(`*a${i - 1}`).join(",")}]`);
    }
    await using config = await configDir({ "agents.yaml": bomb.join("\n") });
    expect((await config.load()).settings).toBeUndefined();
  });

  it("is frozen all the way down", async () => {
    await using config = await configDir({
      "agents.yaml": `${ONE_AGENT}    extensions_config: { notes: { a: [1] } }\n`,
      "tenants.yaml": "tenants: { acme: { metadata: { plan: pro } } }\n",
    });
    const { settings } = await config.load();
    if (settings === undefined) throw new Error("the config of this test is wrong");
    const thaw = [
      () => (settings as { version: number }).version = 2,
      () => (settings.agents as Map<string, unknown>).set("x", {}),
      () => (settings.tenants as Map<string, unknown>).clear(),
      () => Object.assign(settings.agents.get("ana") ?? {}, { active: false }),
      () => Object.assign(settings.tenants.get("acme")?.metadata ?? {}, { plan: "free" }),
      () => (settings.webhooks.sources as unknown[]).push({}),
    ];
    for (const change of thaw) expect(change).toThrow(TypeError);
  });

  it("carries the version it is given", async () => {
    await using config = await configDir({ "agents.yaml": ONE_AGENT });
    expect((await config.load()).settings?.version).toBe(1);
  });
});

describe("agents.d", () => {
  it("C4: adds agents, and leaves out examples", async () => {
    await using config = await configDir({
      "agents.yaml": ONE_AGENT,
      "agents.d/bob.yaml": ONE_AGENT.replace("ana", "bob"),
      "agents.d/eve.example.yaml": ONE_AGENT.replace("ana", "eve"),
      "agents.d/notes.txt": "not yaml: [",
    });
    const { settings, problems } = await config.load();
    expect(problems).toEqual([]);
    expect([...settings?.agents.keys() ?? []]).toEqual(["ana", "bob"]);
  });

  it("C4: may not declare an agent twice; the problem names both places", async () => {
    await using config = await configDir({
      "agents.yaml": ONE_AGENT,
      "agents.d/b.yaml": `# another\n${ONE_AGENT}`,
    });
    const { settings, problems } = await config.load();
    expect(settings).toBeUndefined();
    expect(summary(problems, config.dir)).toEqual([
      `agents.d/b.yaml:3:5 error agent "ana" is already declared in ${config.dir}/agents.yaml:2`,
    ]);
  });
});

describe("values", () => {
  it("C3: stay values whatever a variable holds", async () => {
    await using config = await configDir({
      "agents.yaml": ONE_AGENT,
      "llm.yaml": "providers:\n  one:\n    api_key: ${KEY}\n    base_url: x\n",
    });
    const key = 'a"b: c\n    base_url: http://evil # {}[]';
    const { settings, problems } = await config.load({ KEY: key });
    expect(problems).toEqual([]);
    expect(settings?.llm.providers["one"]).toMatchObject({ api_key: key, base_url: "x" });
  });

  it("become numbers and booleans where those are wanted", async () => {
    await using config = await configDir({
      "agents.yaml": `${ONE_AGENT}    active: \${ON}\n    config: { debounce_ms: "\${MS}" }\n`,
      "llm.yaml": "providers:\n  one: { api_key: '${MS}' }\n",
    });
    const { settings, problems } = await config.load({ ON: "false", MS: "40" });
    expect(problems).toEqual([]);
    expect(settings?.agents.get("ana")).toMatchObject({
      active: false,
      config: { debounce_ms: 40 },
    });
    expect(settings?.llm.providers["one"]?.api_key).toBe("40");
  });

  it("that name a missing variable or no brace are reported where they stand", async () => {
    await using config = await configDir({
      "agents.yaml": ONE_AGENT.replace("rules", '"${MODEL}"'),
      "llm.yaml": "providers:\n  one:\n    api_key: abc ${KEY\n",
    });
    const { problems } = await config.load();
    expect(summary(problems, config.dir)).toEqual([
      'agents.yaml:3:41 error agents[0].model.model: environment variable "MODEL" is not set',
      'llm.yaml:3:18 error providers.one.api_key: "${" is never closed',
    ]);
  });

  it("in comments, keys and templates are left alone", async () => {
    await using config = await configDir({
      "agents.yaml": `# \${NOT_SET} \${\n${ONE_AGENT}    system_prompt: say \${HELLO}
    event_subscribers:
      - id: e
        subject_pattern: webhook.a.*
        inbound_template: cost \${5}
        session_key: \${x
`,
      "webhook_receiver.yaml": `
enabled: true
sources:
  - id: a
    path: /webhooks/a
    signature: { algorithm: raw-token, header: X-Token, secret_env: A_SECRET }
    event_kind_from: { kind: header, name: X-Event }
    publish_to: webhook.a.\${event_kind}
`,
    });
    const { settings, problems } = await config.load({ A_SECRET: "long enough" });
    expect(problems).toEqual([]);
    const ana = settings?.agents.get("ana");
    expect(ana?.system_prompt).toBe("say ${HELLO}");
    expect(ana?.event_subscribers[0]).toMatchObject({
      inbound_template: "cost ${5}",
      session_key: "${x",
    });
    expect(settings?.webhooks.sources[0]?.publish_to).toBe("webhook.a.${event_kind}");
  });

  it("come from secret files too", async () => {
    await using config = await configDir({
      "agents.yaml": ONE_AGENT,
      "llm.yaml": "providers:\n  one: { api_key: '${file:./secrets/one}' }\n",
    });
    await mkdir(join(config.home, "secrets"));
    await writeFile(join(config.home, "secrets/one"), "s3cret\n");
    expect((await config.load()).settings?.llm.providers["one"]?.api_key).toBe("s3cret");
  });
});

describe("problems", () => {
  it("name the key that was meant", async () => {
    await using config = await configDir({
      "agents.yaml": `agents:
  - id: ana
    mdoel: { provider: offline, model: rules }
    inbound_bindings:
      - plguin: webchat
    tool_rate_limits:
      patterns: { a: { rsp: 1 }, b: 10/minute }
      paterns: {}
    config: { debounce_ms: soon }
    event_subscribers:
      - { id: a.b, subject_pattern: "*.inbound.>", synthesize_inbound: synthesise }
`,
    });
    const { problems } = await config.load();
    expect(formatProblems(problems, { cwd: config.home })).toMatchInlineSnapshot(`
      "config/agents.yaml:2:5 error   agents[0].model: is required
          fix: Add "model"
      config/agents.yaml:3:5 error   agents[0]: unknown key "mdoel"
          fix: Did you mean "model"?
      config/agents.yaml:5:9 error   agents[0].inbound_bindings[0].plugin: is required
          fix: Add "plugin"
      config/agents.yaml:5:9 error   agents[0].inbound_bindings[0]: unknown key "plguin"
          fix: Did you mean "plugin"?
      config/agents.yaml:7:22 error   agents[0].tool_rate_limits.patterns.a.rps: is required
          fix: Add "rps"
      config/agents.yaml:7:24 error   agents[0].tool_rate_limits.patterns.a: unknown key "rsp"
          fix: Did you mean "rps"?
      config/agents.yaml:7:37 error   agents[0].tool_rate_limits.patterns.b: must be a rate of at least 1, such as 5/s, 10/min, 100/hour or 1000/day
          fix: Change it to that form
      config/agents.yaml:9:28 error   agents[0].config.debounce_ms: must be a number, not text
          fix: Write a number here
      config/agents.yaml:11:15 error   agents[0].event_subscribers[0].id: must be 1 to 64 letters, digits, _ and -
          fix: Change it to that form
      config/agents.yaml:11:37 error   agents[0].event_subscribers[0].subject_pattern: overlaps "plugin.>", which core itself publishes: events would loop
          fix: Start the pattern with a fixed token, for example webhook.>
      config/agents.yaml:11:72 error   agents[0].event_subscribers[0].synthesize_inbound: must be one of synthesize, tick, off
          fix: Did you mean "synthesize"?
      "
    `);
  });

  it("say the form that is wanted, and which keys do not stand together", async () => {
    const job = (id: string, schedule: string, config = "{ user_prompt: hi }") =>
      `    - { id: ${id}, kind: agent_turn, agent: ana, schedule: ${schedule}, config: ${config} }\n`;
    await using config = await configDir({
      "agents.yaml": ONE_AGENT,
      "pollers.yaml": `pollers:\n  jobs:\n${
        job("both", "{ at: 2030-01-31T09:00:00Z, every_secs: 5 }")
      }${job("soon", "{ at: tomorrow }")}${job("typo", "{ every_secs: 5, evry_secs: 1 }")}`,
    });
    const { problems } = await config.load();
    expect(problems.map(({ message, fix }) => `${message} / ${fix}`)).toEqual([
      "pollers.jobs[0].schedule: must have every_secs, cron or at, and of these one alone / Change it",
      "pollers.jobs[1].schedule.at: must be a time with its offset, such as 2030-01-31T09:00:00+01:00 / Change it to that form",
      'pollers.jobs[2].schedule: unknown key "evry_secs" / Did you mean "every_secs"?',
    ]);
    await using second = await configDir({
      "agents.yaml": ONE_AGENT.replace(/model: .*/, "model: offline"),
      "pollers.yaml": `pollers:\n  jobs:\n${job("mute", "{ every_secs: 5 }", "{}")}`,
    });
    const { problems: more } = await second.load();
    expect(more.map(({ message, fix }) => `${message} / ${fix}`)).toEqual([
      "agents[0].model: must be a map, not text / Write a map here, of provider, model",
    ]);
    await using third = await configDir({
      "agents.yaml": ONE_AGENT,
      "pollers.yaml": `pollers:\n  jobs:\n${job("mute", "{ every_secs: 5 }", "{}")}`,
    });
    expect((await third.load()).problems.map(({ message, fix }) => `${message} / ${fix}`)).toEqual([
      'config.user_prompt: is required / Add "user_prompt"',
    ]);
  });

  it("are painted only when asked to", async () => {
    await using config = await configDir({});
    const { problems } = await config.load();
    expect(formatProblems(problems)).not.toContain("\u001b");
    expect(formatProblems(problems, { color: true })).toContain("\u001b[31merror");
  });

  it("never show a value that could be secret", async () => {
    await using config = await configDir({
      "agents.yaml": ONE_AGENT,
      "llm.yaml":
        "providers:\n  one: { api_key: '${KEY}', rate_limit: '${KEY}', headers: '${KEY}' }\n",
    });
    const { problems } = await config.load({ KEY: "hunter2-hunter2" });
    expect(problems.length).toBeGreaterThan(0);
    expect(formatProblems(problems)).not.toContain("hunter2");
  });

  it("warn of files nobody reads", async () => {
    await using config = await configDir({
      "agents.yaml": ONE_AGENT,
      "memory.yaml": "x: [",
      "tennants.yaml": "tenants: {}",
      "plugins/browser.yaml": "browser: {}",
    });
    const { settings, problems } = await config.load();
    expect(settings).toBeDefined();
    expect(summary(problems, config.dir)).toEqual([
      "memory.yaml:1:1 warning not used by this version",
      "plugins/browser.yaml:1:1 warning not used by this version",
      "tennants.yaml:1:1 warning is no config file this program knows",
    ]);
  });
});
