import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openTestHost, type TestHostOptions } from "nexo-microapps/sdk/testing";
import { openTenantDir } from "nexo-microapps/sdk";
import { createAgentCreator } from "./agent_creator.ts";
import { openTenantCredentials } from "./store/tenant_credentials.ts";

const open = (options: TestHostOptions = {}) =>
  openTestHost(createAgentCreator({ root: import.meta.dirname, serves: false }), options);

const AGENTS = {
  "agents/list": ({ tenant_id }: { tenant_id?: string | null | undefined }) => ({
    agents: tenant_id === "acme"
      ? [{ id: "ana", active: true, model_provider: "offline", bindings_count: 1 }]
      : [],
  }),
};
const from = (sender: string, accountId = "acme") => ({
  accountId,
  channel: "webchat",
  inbound: { kind: "external_user" as const, sender_id: sender },
});
const DRIP = {
  name: "Welcome",
  steps: [{ text: "Hi!", after_secs: 0 }, { text: "Still there?", after_secs: 9 }],
};
const WHO = { channel: "webchat", contact: "maria" };

describe("tools", () => {
  it("are the 22 of nexo and those for leads, opt-outs, drips and usage", async () => {
    await using host = await open();
    const { tools } = host.handshake as { tools: { name: string }[] };
    const nexo = "agent_list agent_get agent_upsert agent_delete skill_list skill_get " +
      "skill_upsert skill_delete llm_provider_list llm_provider_upsert llm_provider_delete " +
      "whatsapp_pair_start whatsapp_pair_status whatsapp_pair_cancel conversation_list " +
      "conversation_read conversation_search takeover_engage takeover_send takeover_release " +
      "escalation_list escalation_resolve";
    const more = "lead_list lead_upsert opt_out_list opt_out_record drip_list drip_create " +
      "drip_enrol drip_stop send_drip usage_summary";
    expect(nexo.split(" ")).toHaveLength(22);
    expect(tools.map(({ name }) => name).toSorted())
      .toEqual(`${nexo} ${more}`.split(" ").toSorted());
    const manifest = await readFile(join(import.meta.dirname, "plugin.toml"), "utf8");
    for (const { name } of tools) expect(manifest).toContain(`"${name}"`);
  });

  it("know no other tenant's pairing", async () => {
    const challenge_id = "0c4ff5f4-7a0b-4b1e-9f3c-0a1b2c3d4e5f";
    await using host = await open({
      admin: {
        ...AGENTS,
        "pairing/start": () => ({ challenge_id, expires_at_ms: 1, instructions: "Scan it" }),
        "pairing/status": () => ({ challenge_id, state: "awaiting_user" as const }),
      },
    });
    await host.callTool("whatsapp_pair_start", { agent_id: "ana" }, { accountId: "acme" });
    const ask = (accountId: string) =>
      host.callTool("whatsapp_pair_status", { challenge_id }, { accountId });
    expect(await ask("acme")).toMatchObject({ state: "awaiting_user" });
    await expect(ask("globex")).rejects.toThrow("there is no pairing");
  });

  it("refuse another tenant's agent in the words for one that is not there", async () => {
    await using host = await open({ admin: AGENTS });
    await expect(host.callTool("agent_get", { agent_id: "ana" }, { accountId: "globex" }))
      .rejects.toThrow('there is no agent "ana"');
    expect(host.adminCalls("nexo/admin/agents/get")).toEqual([]);
  });

  it("keep leads of each tenant in its own directory", async () => {
    await using host = await open();
    await host.callTool("lead_upsert", { ...WHO, name: "Maria" }, { accountId: "acme" });
    const listed = (accountId: string) => host.callTool("lead_list", {}, { accountId });
    expect(await listed("acme")).toMatchObject({ leads: [{ name: "Maria", stage: "new" }] });
    expect(await listed("globex")).toEqual({ leads: [] });
    expect(await readdir(join(host.stateDir, "tenants/acme"))).toEqual(
      expect.arrayContaining(["leads.sqlite", "opt_outs.sqlite"]),
    );
  });
});

describe("erasing", () => {
  const bo = { channel: "telegram", contact: "bo" };

  it("takes a person out of leads and campaigns on every channel, of this tenant alone", async () => {
    await using host = await open({ admin: AGENTS });
    for (const accountId of ["acme", "globex"]) {
      for (const who of [WHO, { ...WHO, channel: "telegram" }, bo]) {
        await host.callTool("lead_upsert", { ...who, name: "A zeppelin" }, { accountId });
      }
    }
    const { campaign_id } = await host.callTool("drip_create", DRIP, { accountId: "acme" }) as {
      campaign_id: string;
    };
    await host.callTool("drip_enrol", { campaign_id, people: [WHO] }, { accountId: "acme" });
    expect(await host.erase({ accountId: "acme", contact: "maria" })).toBe(3);
    const contactsOf = async (accountId: string) => {
      const { leads } = await host.callTool("lead_list", {}, { accountId }) as {
        leads: { contact: string }[];
      };
      return leads.map(({ contact }) => contact).toSorted();
    };
    expect(await contactsOf("acme")).toEqual(["bo"]);
    expect(await contactsOf("globex")).toEqual(["bo", "maria", "maria"]);
    expect(await host.erase({ accountId: "acme", contact: null })).toBe(1);
    const files = await readdir(join(host.stateDir, "tenants/acme"));
    for (const file of files) {
      const bytes = await readFile(join(host.stateDir, "tenants/acme", file), "latin1");
      expect(bytes, file).not.toMatch(/zeppelin|maria/);
    }
  });

  it("keeps that somebody opted out, until the whole tenant goes", async () => {
    await using host = await open({ admin: AGENTS });
    const call = { accountId: "acme" };
    await host.callTool("opt_out_record", { ...WHO, status: "opted_out" }, call);
    await host.erase({ ...call, contact: WHO.contact });
    expect(await host.callTool("opt_out_list", {}, call)).toMatchObject({ opted_out: [WHO] });
    await host.erase({ ...call, contact: null });
    expect(await host.callTool("opt_out_list", {}, call)).toMatchObject({ opted_out: [] });
  });
});

describe("every tool", () => {
  const challenge_id = "0c4ff5f4-7a0b-4b1e-9f3c-0a1b2c3d4e5f";
  const conversation = { agent_id: "ana", channel: "webchat", contact_id: "maria" };
  const skill = { name: "returns" };
  const campaign = { campaign_id: "spring" };
  /** Arguments with which each tool asks nexo for something. */
  const ASKS: Readonly<Record<string, object>> = {
    agent_list: {},
    agent_get: { agent_id: "ana" },
    agent_upsert: { id: "ana", provider: "offline", model: "rules" },
    agent_delete: { agent_id: "ana" },
    skill_list: {},
    skill_get: skill,
    skill_upsert: { ...skill, body: "Within 30 days." },
    skill_delete: skill,
    llm_provider_list: {},
    llm_provider_upsert: { id: "own", base_url: "http://127.0.0.1:9", api_key_env: "OWN_KEY" },
    llm_provider_delete: { provider_id: "own" },
    whatsapp_pair_start: { agent_id: "ana" },
    conversation_list: { agent_id: "ana" },
    conversation_read: { agent_id: "ana", session_id: challenge_id },
    conversation_search: { agent_id: "ana", query: "refund" },
    takeover_engage: conversation,
    takeover_send: { ...conversation, body: "Alice here." },
    takeover_release: conversation,
    escalation_list: {},
    escalation_resolve: { ...conversation, by: "dismissed" },
    usage_summary: {},
  };
  /** And those that look for something of the tenant's own, which is not there. */
  const LOOKS: Readonly<Record<string, object>> = {
    whatsapp_pair_status: { challenge_id },
    whatsapp_pair_cancel: { challenge_id },
    drip_enrol: { ...campaign, people: [WHO] },
    drip_stop: campaign,
  };
  /** Those that cannot fail but by their arguments. */
  const REST = "lead_list lead_upsert opt_out_list opt_out_record drip_list drip_create send_drip";
  const toolsOf = (host: Awaited<ReturnType<typeof open>>) =>
    (host.handshake as { tools: { name: string; input_schema: { required?: string[] } }[] }).tools;

  it("stands in one of these tables", async () => {
    await using host = await open();
    expect([...Object.keys(ASKS), ...Object.keys(LOOKS), ...REST.split(" ")].toSorted())
      .toEqual(toolsOf(host).map(({ name }) => name).toSorted());
  });

  it("names the argument that it misses", async () => {
    await using host = await open();
    for (const { name, input_schema: { required = [] } } of toolsOf(host)) {
      if (required.length === 0) continue;
      await expect(host.callTool(name, {}, { accountId: "acme" }), name)
        .rejects.toThrow(new RegExp(`^invalid arguments: .*${required[0]}`));
    }
  });

  it("says who gives it what it lacks, and is not ill for that", async () => {
    await using host = await open({ grants: [] });
    for (const [name, args] of Object.entries(ASKS)) {
      await expect(host.callTool(name, args, { accountId: "acme" }), name).rejects.toMatchObject({
        message: expect.stringMatching(
          /^unauthorized: .*The operator grants it in extensions\.yaml/,
        ),
        reply: { data: { code: "unauthorized" } },
      });
    }
  });

  it("says what is not there", async () => {
    await using host = await open();
    for (const [name, args] of Object.entries(LOOKS)) {
      await expect(host.callTool(name, args, { accountId: "acme" }), name)
        .rejects.toThrow(/^invalid arguments: there is no (?:pairing|campaign) "/);
    }
  });

  it("says what nexo refused", async () => {
    const refuse = () => Promise.reject(new Error("the disk is full"));
    await using host = await open({ admin: { "agents/list": refuse, "skills/list": refuse } });
    for (const name of ["agent_list", "agent_get", "skill_list", "takeover_engage"]) {
      await expect(host.callTool(name, ASKS[name], { accountId: "acme" }), name)
        .rejects.toThrow(/^internal: the disk is full/);
    }
  });
});

describe("a message", () => {
  const ask = (host: Awaited<ReturnType<typeof open>>, text: string, sender = "maria") =>
    host.runHook("before_message", { text }, from(sender));

  it("that asks for silence gets one last word, and the next ones none, in one tenant alone", async () => {
    await using host = await open();
    expect(await ask(host, "STOP")).toMatchObject({ abort: true, reason: "opted out" });
    expect(await ask(host, "STOP")).toMatchObject({ abort: true });
    expect(await ask(host, "hello?")).toMatchObject({ abort: true, reason: "opted out earlier" });
    expect(host.adminCalls("nexo/dispatch")).toHaveLength(1);
    expect(await host.runHook("before_message", { text: "hello" }, from("maria", "globex")))
      .toMatchObject({ abort: false });
    await ask(host, "START");
    expect(await ask(host, "hello again")).toMatchObject({ abort: false });
  });

  it("loses its card number and keeps the rest", async () => {
    await using host = await open();
    expect(await ask(host, "pay with 4111111111111111 please"))
      .toMatchObject({ decision: "transform", transformed_body: "pay with [CARD] please" });
  });

  it("tells a lead's name, until somebody says another", async () => {
    await using host = await open();
    const call = { accountId: "acme" };
    const write = (name?: string) =>
      host.runHook("before_message", { text: "hello" }, {
        ...from("7"),
        inbound: { kind: "external_user", sender_id: "7", sender_name: name ?? null },
      });
    const names = async () =>
      ((await host.callTool("lead_list", {}, call)) as { leads: { name: string | null }[] }).leads
        .map(({ name }) => name);
    await write();
    expect(await names()).toEqual([null]);
    await write("Bob");
    await write();
    expect(await names()).toEqual(["Bob"]);
    const who = { channel: "webchat", contact: "7" };
    await host.callTool("lead_upsert", { ...who, name: "Robert" }, call);
    await write("Bob");
    expect(await names()).toEqual(["Robert"]);
    await host.callTool("lead_upsert", { ...who, name: "" }, call);
    expect(await names()).toEqual([null]);
  });

  it("of an event is nobody's wish", async () => {
    await using host = await open();
    const answer = await host.runHook("before_message", { text: "STOP" }, {
      accountId: "acme",
      channel: "event",
      inbound: { kind: "external_user", sender_id: "event:x" },
    });
    expect(answer).toMatchObject({ abort: false });
  });
});

describe("a tenant's credentials", () => {
  it("lie encrypted, each tenant's alone, and are read again after a restart", async () => {
    const stateDir = await mkdtemp(join(tmpdir(), "agent-creator-"));
    const place = {
      stateDir,
      openTenantDir: (account: string) => openTenantDir(stateDir, account),
    };
    const secret = { payload: { token: "4242:very-secret" }, metadata: {} };
    await (await openTenantCredentials(place)).keep("acme", "telegram", secret);
    const file = await readFile(join(stateDir, "tenants/acme/credentials.json"), "latin1");
    expect(file).toMatch(/^age-encryption\.org/);
    expect(file).not.toContain("very-secret");
    const again = await openTenantCredentials(place);
    expect(await again.read("acme")).toEqual({ telegram: secret });
    expect(await again.read("globex")).toEqual({});
    await rm(stateDir, { recursive: true });
  });
});

describe("compliance settings", () => {
  it("are each agent's own, and all on for what cannot be read", async () => {
    const compliance = { opt_out: { enabled: false }, pii: { emails: true } };
    await using host = await open({
      agentsConfig: { lax: { compliance }, broken: { compliance: { pii: "yes" } } },
    });
    const ask = (text: string, agentId: string) =>
      host.runHook("before_message", { text }, { ...from("maria"), agentId });
    expect(await ask("STOP", "lax")).toMatchObject({ abort: false });
    expect(await ask("I am a@b.example", "lax"))
      .toMatchObject({ transformed_body: "I am [EMAIL]" });
    expect(await ask("STOP", "broken")).toMatchObject({ abort: true });
  });
});

describe("a campaign", () => {
  it("is published for its tenant, sent once under its own key, and stops when somebody answers", async () => {
    await using host = await open();
    const call = { accountId: "acme" };
    const { campaign_id } = await host.callTool("drip_create", DRIP, call) as {
      campaign_id: string;
    };
    await host.callTool("drip_enrol", { campaign_id, people: [WHO] }, call);
    const step = { ...WHO, campaign_id, next_step: 0 };
    expect(await host.callTool("send_drip", step, call)).toMatchObject({ ok: true });
    expect(await host.callTool("send_drip", step, call)).toMatchObject({ ok: false });
    expect(host.adminCalls("nexo/dispatch").map(({ params }) => params)).toMatchObject([
      {
        account_id: "acme",
        to: "maria",
        body: "Hi!",
        idempotency_key: `drip:${campaign_id}:webchat:maria:0`,
      },
    ]);
    await host.runHook("before_message", { text: "tell me more" }, from("maria"));
    const { campaigns } = await host.callTool("drip_list", {}, call) as { campaigns: unknown[] };
    expect(campaigns).toMatchObject([{ progress: [{ state: "stopped", count: 1 }] }]);
    expect(await host.callTool("drip_list", {}, { accountId: "globex" })).toEqual({
      campaigns: [],
    });
  });
});
