/**
 * Every admin method alike: its contract, its grant, its place on record.
 *
 * @module
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ADMIN_METHODS } from "../../../../core/contract/mod.ts";
import { microapp, operator } from "../../../support/admin.ts";
import { openAdminPlace } from "../../../support/admin_methods.ts";

const FILES = {
  "agents.yaml": `agents:
  - id: ana
    tenant_id: acme
    model: { provider: offline, model: rules }
    inbound_bindings: [{ plugin: webchat, instance: acme }]
  - { id: bob, tenant_id: globex, model: { provider: mini, model: m1 } }
`,
  "tenants.yaml": "# ours\ntenants:\n  acme: { display_name: Acme } # first\n  globex: {}\n",
  "pollers.yaml": `# jobs
pollers:
  jobs:
    - id: theirs # of globex
      kind: agent_turn
      agent: bob
      schedule: { every_secs: 60 }
      config: { user_prompt: globex-only }
`,
  "llm.yaml":
    "providers: {}\ntenants:\n  globex:\n    providers:\n      mini: { base_url: http://x, api_key_env: KEY }\n",
};
const JOB = {
  kind: "agent_turn",
  agent: "ana",
  schedule: { cron: "0 0 8 * * *", tz: "Europe/Berlin" },
  config: { user_prompt: "Sum up." },
};
const open = () => openAdminPlace(FILES);
const SCOPE = {
  kind: "conversation",
  agent_id: "ana",
  channel: "webchat",
  account_id: "acme",
  contact_id: "visitor",
};
const HASH = { operator_token_hash: "135c402134ad5140" };
const REPLY = {
  kind: "reply",
  channel: "webchat",
  account_id: "acme",
  to: "visitor",
  body: "hello",
  msg_kind: "text",
};
const SESSION = "5b0f7a7e-6c1e-4f0a-9a53-5f5f6f0d9c11";

type Answers = ReadonlyMap<string, unknown>;
const withChallenge = (answers: Answers): unknown => {
  const { challenge_id } = answers.get("nexo/admin/pairing/start") as { challenge_id: string };
  return { challenge_id };
};
const paramsOf = (given: unknown, answers: Answers): unknown =>
  typeof given === "function" ? (given as (answers: Answers) => unknown)(answers) : given;

/** One good call of each method, in an order in which each works; and one with bad params. */
const CALLS: readonly (readonly [keyof typeof ADMIN_METHODS, unknown, unknown])[] = [
  ["nexo/admin/echo", { a: 1 }, undefined],
  ["nexo/admin/reload", {}, undefined],
  ["nexo/admin/agents/list", { tenant_id: "acme" }, { active_only: "yes" }],
  ["nexo/admin/agents/get", { agent_id: "ana" }, { agent_id: 1 }],
  ["nexo/admin/agents/upsert", { id: "eve", model: { provider: "offline", model: "r" } }, {
    id: "eve",
  }],
  ["nexo/admin/agents/delete", { agent_id: "eve" }, {}],
  ["nexo/admin/processing/pause", { scope: SCOPE, ...HASH }, { scope: { kind: "nothing" } }],
  ["nexo/admin/processing/intervention", { scope: SCOPE, action: REPLY, ...HASH }, {
    scope: SCOPE,
    action: { ...REPLY, to: "somebody else" },
    ...HASH,
  }],
  ["nexo/admin/processing/state", { scope: SCOPE }, {}],
  ["nexo/admin/processing/resume", { scope: SCOPE, ...HASH }, {
    scope: SCOPE,
    ...HASH,
    summary_for_agent: " ",
  }],
  ["nexo/admin/escalations/list", {}, { filter: "some" }],
  ["nexo/admin/escalations/resolve", { scope: SCOPE, by: "takeover", ...HASH }, {
    scope: SCOPE,
    by: "me",
    ...HASH,
  }],
  ["nexo/admin/conversations/list", { tenant_id: "acme" }, { limit: -1 }],
  ["nexo/admin/conversations/read", {
    tenant_id: "acme",
    agent_id: "ana",
    session_id: SESSION,
  }, { agent_id: "ana" }],
  ["nexo/admin/tenants/list", {}, { prefix: 3 }],
  ["nexo/admin/tenants/get", { tenant_id: "acme" }, { tenant_id: "A" }],
  ["nexo/admin/tenants/upsert", { id: "new", display_name: "New" }, { id: "new" }],
  ["nexo/admin/tenants/delete", { tenant_id: "new" }, { tenant_id: "new", purge: 1 }],
  ["nexo/admin/tenants/erase", { tenant_id: "acme", contact: "573001" }, { tenant_id: "" }],
  ["nexo/admin/turns/tail", { tenant_id: "acme" }, { tenant_id: "acme", limit: "all" }],
  ["nexo/admin/usage/list", { tenant_id: "acme", since_ms: 0 }, { tenant_id: "acme" }],
  ["nexo/admin/audit/tail", { tenant_id: "acme" }, {}],
  ["nexo/admin/channels/approve", { agent_id: "ana", server_name: "s", allowlist: [1] }, {
    agent_id: " ",
    server_name: "s",
  }],
  ["nexo/admin/channels/list", { agent_id: "ana" }, { agent_id: [] }],
  ["nexo/admin/channels/doctor", {}, { binding_index: "1" }],
  ["nexo/admin/channels/revoke", { agent_id: "ana", server_name: "s" }, { agent_id: "ana" }],
  ["nexo/admin/credentials/register", {
    channel: "webchat",
    instance: "acme",
    agent_ids: ["ana"],
    payload: { note: "n" },
  }, { channel: "web/chat", agent_ids: [], payload: {} }],
  ["nexo/admin/pairing/start", { agent_id: "ana", channel: "webchat", instance: "acme" }, {
    agent_id: "",
    channel: "webchat",
  }],
  ["nexo/admin/pairing/status", withChallenge, { challenge_id: "x" }],
  ["nexo/admin/pairing/cancel", withChallenge, {}],
  ["nexo/admin/pairing/approve", { channel: "webchat", instance: "acme", code: "ABCDEFGH" }, {
    channel: "webchat",
    code: " ",
  }],
  ["nexo/admin/pairing/list", { channel: "webchat" }, { limit: -1 }],
  ["nexo/admin/pairing/revoke", { channel: "webchat", instance: "acme", sender_id: "x" }, {
    channel: "webchat",
  }],
  ["nexo/admin/credentials/list", { channel_filter: "webchat" }, { channel_filter: 1 }],
  ["nexo/dispatch", { channel: "webchat", account_id: "acme", to: "maria", body: "hi" }, {
    channel: "webchat",
    to: "",
    body: "hi",
  }],
  ["nexo/admin/credentials/revoke", { channel: "webchat", instance: "acme" }, {
    channel: "webchat",
    instance: "../acme",
  }],
  ["nexo/admin/secrets/write", { name: "MY_KEY", value: "good" }, { name: "../x", value: "v" }],
  ["nexo/admin/auth/rotate_token", { reason: "test" }, { new_token: "short" }],
  ["nexo/admin/llm_providers/upsert", { id: "p", base_url: "http://p", api_key_env: "MY_KEY" }, {
    id: "",
    base_url: "x",
    api_key_env: "y",
  }],
  ["nexo/admin/llm_providers/list", null, { tenant_id: 4 }],
  ["nexo/admin/llm_providers/probe", { provider_id: "p" }, { provider_id: "" }],
  ["nexo/admin/llm_providers/delete", { provider_id: "p" }, {}],
  ["nexo/admin/skills/upsert", { name: "greet", body: "Say hi." }, { name: "../up", body: "x" }],
  ["nexo/admin/skills/list", {}, { tenant_id: "__global__" }],
  ["nexo/admin/skills/get", { name: "greet" }, { name: "" }],
  ["nexo/admin/skills/delete", { name: "greet" }, { name: "a/b" }],
  ["nexo/admin/agent_events/list", { agent_id: "ana" }, { agent_id: "ana", kind: "nothing" }],
  ["nexo/admin/agent_events/read", { agent_id: "ana", session_id: SESSION }, {
    agent_id: "ana",
    session_id: "x",
  }],
  ["nexo/admin/agent_events/search", { agent_id: "ana", query: "hi" }, {
    agent_id: "ana",
    query: " ",
  }],
  ["nexo/admin/pollers/upsert", { ...JOB, id: "mail" }, { ...JOB, id: "Mail" }],
  ["nexo/admin/pollers/list", { kind: "agent_turn" }, { kind: 1 }],
  ["nexo/admin/pollers/get", { id: "mail" }, {}],
  ["nexo/admin/pollers/pause", { id: "mail" }, { id: "" }],
  ["nexo/admin/pollers/resume", { id: "mail" }, { id: 1 }],
  ["nexo/admin/pollers/run_now", { id: "mail" }, {}],
  ["nexo/admin/pollers/delete", { id: "mail" }, { id: null }],
  ["nexo/publish", { subject: "shop.sold", payload: { n: 1 } }, {
    subject: "shop.*",
    payload: 1,
  }],
];

describe("the admin methods", () => {
  it(
    "each answer what the contract says, refuse without a grant, refuse bad params, and are on record",
    async () => {
      await using place = await open();
      expect(CALLS.map(([name]) => name).sort()).toEqual(Object.keys(ADMIN_METHODS).sort());
      const answers = new Map<string, unknown>();
      for (const [name, given, bad] of CALLS) {
        const good = paramsOf(given, answers);
        const { capability, result } = ADMIN_METHODS[name];
        const granted = microapp({ [capability]: "all" });
        const answer = await place.dispatch(granted, name, good);
        answers.set(name, answer);
        expect(z.safeParse(result as z.ZodType, answer), name).toMatchObject({ success: true });
        expect(place.audit.at(-1)).toBe(`outcome ${name} ok null`);
        await expect(place.dispatch(microapp({}), name, good), name).rejects.toMatchObject({
          code: -32004,
          message: `capability_not_granted: ${capability} for method ${name}`,
          data: { capability, microapp_id: "shop", method: name },
        });
        expect(place.audit.at(-1)).toBe(`outcome ${name} denied -32004`);
        if (bad === undefined) continue;
        await expect(place.dispatch(granted, name, bad), name).rejects.toMatchObject({
          code: -32602,
          message: expect.stringMatching(/^invalid_params: /),
        });
        expect(place.audit.at(-1)).toBe(`outcome ${name} error -32602`);
      }
    },
    30_000,
  );

  it("are on record with the tenant they act on, also when no param names it", async () => {
    await using place = await open();
    const intents = () =>
      place.audit.flatMap((line) =>
        /^intent (\S+) \S+ (\S+)$/.exec(line)?.slice(1).join(" ") ?? []
      );
    const pollers = await place.dispatch(operator, "nexo/admin/pollers/upsert", {
      ...JOB,
      id: "mail",
    });
    expect(pollers).toMatchObject({ created: true });
    const line = { channel: "webchat", instance: "acme" };
    const started = await place.dispatch(operator, "nexo/admin/pairing/start", {
      agent_id: "ana",
      ...line,
    }) as { challenge_id: string };
    const { challenge_id } = started;
    const calls: [string, unknown][] = [
      ["nexo/admin/pairing/status", { challenge_id }],
      ["nexo/admin/pairing/cancel", { challenge_id }],
      ["nexo/admin/pairing/approve", { ...line, code: "ABCDEFGH" }],
      ["nexo/admin/pairing/revoke", { ...line, sender_id: "x" }],
      ["nexo/admin/agents/get", { agent_id: "ana" }],
      ["nexo/admin/channels/approve", { agent_id: "ana", server_name: "s" }],
      ["nexo/admin/channels/revoke", { agent_id: "ana", server_name: "s" }],
      ["nexo/admin/credentials/register", { ...line, agent_ids: ["ana"], payload: { note: "n" } }],
      ["nexo/dispatch", { channel: "webchat", to: "maria", body: "hi" }],
      ["nexo/admin/credentials/revoke", line],
      ["nexo/admin/pollers/pause", { id: "mail" }],
      ["nexo/admin/pollers/delete", { id: "mail" }],
      ["nexo/admin/tenants/upsert", { id: "acme", display_name: "Acme" }],
      ["nexo/admin/agents/delete", { agent_id: "ana" }],
    ];
    for (const [name, params] of calls) await place.dispatch(operator, name, params);
    expect(intents()).toEqual([
      "nexo/admin/pollers/upsert acme",
      "nexo/admin/pairing/start acme",
      ...calls.map(([name]) => `${name} acme`),
    ]);

    // One that the call makes is its own from the beginning.
    await place.dispatch(operator, "nexo/admin/tenants/upsert", { id: "new", display_name: "New" });
    expect(intents().at(-1)).toBe("nexo/admin/tenants/upsert new");
  });

  it("are on record without a tenant that the caller may not see, or that is none", async () => {
    await using place = await open();
    const others = microapp({
      tenants_crud: ["globex", "initech"],
      pairing_initiate: ["globex", "initech"],
      agents_crud: ["globex", "initech"],
    });
    const calls: [string, unknown][] = [
      ["nexo/admin/tenants/upsert", { id: "acme", display_name: "Ours" }],
      ["nexo/admin/pairing/start", { agent_id: "ana", channel: "webchat", instance: "acme" }],
      ["nexo/admin/pairing/start", { agent_id: "ana", channel: "webchat", instance: "nowhere" }],
      ["nexo/admin/agents/get", { agent_id: "ana" }],
      ["nexo/admin/tenants/upsert", { id: "Not a name", display_name: "x" }],
    ];
    for (const [name, params] of calls) {
      await expect(place.dispatch(others, name, params), name).rejects.toThrow();
    }
    const intents = place.audit.filter((line) => line.startsWith("intent "));
    expect(intents).toHaveLength(calls.length);
    for (const line of intents) expect(line).toMatch(/ null$/);
  });

  it("erase only what the grant covers", async () => {
    await using place = await open();
    const erase = (params: object) =>
      place.dispatch(microapp({ tenants_crud: ["acme"] }), "nexo/admin/tenants/erase", params);
    expect(await erase({ tenant_id: "globex" }))
      .toMatchObject({ erased: { transcripts: 0 }, microapps: [] });
    expect(place.erasures).toEqual([]);
    expect(await erase({ tenant_id: "acme" }))
      .toMatchObject({ erased: { transcripts: 1 }, microapps: [{ erased: 2 }] });
    await erase({ tenant_id: "acme", contact: "573001" });
    expect(place.erasures).toEqual([
      { account: "acme", contact: undefined },
      { account: "acme", contact: "573001" },
    ]);
  });

  it("let a grant for one tenant neither see nor change another, whatever is called", async () => {
    await using place = await open();
    await place.dispatch(operator, "nexo/admin/skills/upsert", {
      name: "ours",
      body: "globex-only",
      tenant_id: "globex",
    });
    const caller = microapp(
      Object.fromEntries(
        Object.values(ADMIN_METHODS).map(({ capability }) => [capability, ["acme"]]),
      ),
    );
    const globex = () =>
      JSON.stringify([
        place.config.current().tenants.get("globex"),
        place.config.current().agents.get("bob"),
        place.config.current().llm.tenants["globex"],
        place.config.current().pollers.jobs.filter(({ agent }) => agent === "bob"),
      ]);
    const before = globex();
    const text = fc.constantFrom(
      "acme",
      "globex",
      "bob",
      "ana",
      "mini",
      "ours",
      "theirs",
      "nobody",
      "new",
    );
    const params = fc.record({
      agent_id: text,
      tenant_id: fc.option(text, { nil: undefined }),
      id: text,
      name: text,
      provider_id: text,
      server_name: text,
      display_name: text,
      purge: fc.boolean(),
      body: fc.constant("x"),
      agent: text,
      kind: fc.constant("agent_turn"),
      schedule: fc.constant({ every_secs: 60 }),
      config: fc.constant({ user_prompt: "x" }),
      model: fc.constant({ provider: "offline", model: "r" }),
      inbound_bindings: fc.option(
        fc.array(fc.record({ plugin: fc.constant("webchat"), instance: text }), { maxLength: 2 }),
        { nil: undefined },
      ),
      session_id: fc.constant(SESSION),
      query: fc.constant("o"),
    });
    const names = CALLS.map(([name]) => name).filter((name) =>
      name.startsWith("nexo/admin/") && name !== "nexo/admin/echo"
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...names), params, async (name, given) => {
        const answer = await place.dispatch(caller, name, given).catch((error: unknown) => error);
        expect(globex()).toBe(before);
        const said = JSON.stringify(answer instanceof Error ? answer.message : answer);
        // A job may be called like anything; whose it is is another matter.
        expect(said).not.toMatch(
          name.startsWith("nexo/admin/pollers/")
            ? /globex-only|"tenant_id":"globex"|"agent":"bob"/
            : /globex-only|"id":"bob"|"tenant_scope":"globex"|"agent_id":"bob"|"instance":"globex"|"tenants?":\[?{"id":"globex"/,
        );
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  it("answer -32601 for what is not there, and for a domain that is switched off", async () => {
    await using place = await open();
    await expect(place.dispatch(operator, "nexo/admin/audit/list", {})).rejects.toMatchObject({
      code: -32601,
      message: "method_not_found: no admin handler registered for `nexo/admin/audit/list`",
    });
    place.env["NEXO_MICROAPP_ADMIN_SKILLS_ENABLED"] = "off";
    await expect(place.dispatch(operator, "nexo/admin/skills/list", {})).rejects.toMatchObject({
      code: -32601,
      message: "method_not_found: domain disabled by `NEXO_MICROAPP_ADMIN_SKILLS_ENABLED`",
    });
  });
});
