import { describe, expect, it } from "vitest";
import { agentMethods } from "../../../../core/admin/agents.ts";
import { microapp, openConfigPlace, openDispatch, operator } from "../../../support/admin.ts";

const AGENTS = `# Who answers.
agents:
  - id: ana   # the shop's
    tenant_id: acme
    model: { provider: offline, model: rules }
    inbound_bindings:
      - plugin: webchat
        instance: acme   # its window
        system_prompt_extra: Be short.
`;
const BOB = `agents:
  - { id: bob, tenant_id: globex, model: { provider: offline, model: rules } }
`;
const TENANTS = "tenants:\n  acme: {}\n  globex: {}\n";
const MODEL = { provider: "offline", model: "rules" };

async function open() {
  const place = await openConfigPlace({
    "agents.yaml": AGENTS,
    "agents.d/bob.yaml": BOB,
    "tenants.yaml": TENANTS,
  });
  const { config } = place;
  const methods = agentMethods({
    settings: config.current,
    changeConfig: config.change,
    reload: config.reload,
    now: () => 7,
  });
  return { ...place, ...openDispatch(methods, (id) => config.current().tenants.has(id)) };
}

const UPSERT = "nexo/admin/agents/upsert";
const DELETE = "nexo/admin/agents/delete";

describe("nexo/admin/agents/upsert", () => {
  it("H2: makes an agent that is in force when the answer comes, with its version", async () => {
    await using place = await open();
    const answer = await place.dispatch(operator, UPSERT, {
      id: "eve",
      model: MODEL,
      tenant_id: "acme",
      system_prompt: "Use ${NAME} as it is.",
      inbound_bindings: [{ plugin: "webchat", instance: "eve" }],
    });
    expect(answer).toEqual({
      id: "eve",
      model: MODEL,
      active: true,
      allowed_tools: [],
      inbound_bindings: [{ plugin: "webchat", instance: "eve" }],
      system_prompt: "Use ${NAME} as it is.",
      config_version: 2,
    });
    expect(place.config.current().agents.get("eve")?.tenant_id).toBe("acme");
    expect(await place.read("agents.yaml")).toMatch(AGENTS);
    expect(place.audit).toEqual([
      `intent ${UPSERT} agents_crud acme`,
      `outcome ${UPSERT} ok null`,
    ]);
  });

  it("keeps what it was not given, and every byte of the rest", async () => {
    await using place = await open();
    await place.dispatch(operator, UPSERT, {
      id: "ana",
      model: MODEL,
      active: false,
      inbound_bindings: [{ plugin: "webchat", instance: "acme" }],
    });
    expect(await place.read("agents.yaml")).toBe(`${AGENTS}    active: false\n`);
  });

  it("changes an agent of agents.d where it is declared", async () => {
    await using place = await open();
    await place.dispatch(operator, UPSERT, { id: "bob", model: MODEL, language: "es" });
    expect(await place.read("agents.d/bob.yaml")).toBe(
      BOB.replace("rules } }", "rules }, language: es }"),
    );
    expect(await place.read("agents.yaml")).toBe(AGENTS);
  });

  it("never puts the environment into what it is given", async () => {
    await using place = await open();
    place.env["SECRET"] = "hunter2";
    const answer = await place.dispatch(operator, UPSERT, {
      id: "ana",
      model: MODEL,
      language: "${SECRET}",
    });
    expect(answer).toMatchObject({ language: "${SECRET}" });
  });

  it("lets a microapp say what it is told of an agent, word by word, and nothing of others", async () => {
    await using place = await open();
    place.env["SECRET"] = "hunter2";
    const shop = microapp({ agents_crud: "all" });
    const other = microapp({ agents_crud: "all" }, "other");
    const own = { compliance: { reply: "Use ${SECRET} as it is.", repeats: 3 } };
    const params = { id: "ana", model: MODEL, extension_config: own };
    expect(await place.dispatch(shop, UPSERT, params)).toMatchObject({ extension_config: own });
    await place.dispatch(other, UPSERT, { ...params, extension_config: ["x"] });
    const get = (caller: typeof shop) =>
      place.dispatch(caller, "nexo/admin/agents/get", { agent_id: "ana" });
    expect(await get(shop)).toMatchObject({ extension_config: own });
    expect(await get(operator)).not.toHaveProperty("extension_config");
    expect(place.config.current().agents.get("ana")?.extensions_config)
      .toEqual({ shop: own, other: ["x"] });
    await place.dispatch(shop, UPSERT, { id: "ana", model: MODEL });
    expect(await get(shop)).toMatchObject({ extension_config: own });
    await expect(place.dispatch(operator, UPSERT, params)).rejects.toMatchObject({ code: -32602 });
  });

  it("refuses what the config does not take, with every problem's place", async () => {
    await using place = await open();
    const call = place.dispatch(operator, UPSERT, {
      id: "ana",
      model: { provider: "nobody", model: "x" },
    });
    await expect(call).rejects.toMatchObject({
      code: -32602,
      message: expect.stringMatching(/agents\.yaml:5 provider "nobody" is not configured/),
      data: { code: "config_invalid", problems: [{ line: 5 }] },
    });
    expect(await place.read("agents.yaml")).toBe(AGENTS);
    expect(place.config.current().version).toBe(1);
  });

  it("changes nothing while another file is broken, and says which", async () => {
    await using place = await open();
    await place.write("llm.yaml", "retry: [\n");
    await expect(place.dispatch(operator, UPSERT, { id: "eve", model: MODEL })).rejects
      .toMatchObject({ code: -32603, message: expect.stringContaining("llm.yaml:2") });
    expect(await place.read("agents.yaml")).toBe(AGENTS);
  });

  it("keeps what a person saves at the same moment", async () => {
    await using place = await open();
    const calls = ["eve", "eva"].map((id) =>
      place.dispatch(operator, UPSERT, { id, model: MODEL })
    );
    await place.write("agents.yaml", AGENTS.replace("Who answers", "Edited"));
    await Promise.all(calls);
    const text = await place.read("agents.yaml");
    expect(text).toContain("# Edited.");
    expect([...place.config.current().agents.keys()]).toEqual(["ana", "eve", "eva", "bob"]);
  });

  it("refuses bad params in words and on record", async () => {
    await using place = await open();
    await expect(place.dispatch(operator, UPSERT, { id: "../x", model: MODEL })).rejects
      .toMatchObject({ code: -32602, message: expect.stringMatching(/^invalid_params: id: must/) });
    expect(place.audit.at(-1)).toBe(`outcome ${UPSERT} error -32602`);
  });

  it("gives a new agent the tenant of the grant, and keeps it in there", async () => {
    await using place = await open();
    const pinned = microapp({ agents_crud: ["acme"] });
    await place.dispatch(pinned, UPSERT, { id: "eve", model: MODEL });
    expect(place.config.current().agents.get("eve")?.tenant_id).toBe("acme");
    const denied = { code: -32004, data: { capability: "agents_crud", method: UPSERT } };
    const foreign: unknown[] = [
      { id: "bob", model: MODEL },
      { id: "new", model: MODEL, tenant_id: "globex" },
      { id: "new", model: MODEL, tenant_id: "nobody" },
    ];
    for (const params of foreign) {
      await expect(place.dispatch(pinned, UPSERT, params)).rejects.toMatchObject(denied);
    }
    expect(place.audit.at(-1)).toBe(`outcome ${UPSERT} denied -32004`);
  });
});

describe("nexo/admin/agents/delete", () => {
  it("removes an agent once", async () => {
    await using place = await open();
    expect(await place.dispatch(operator, DELETE, { agent_id: "bob" })).toEqual({
      removed: true,
      config_version: 2,
    });
    expect(place.config.current().agents.has("bob")).toBe(false);
    expect(await place.dispatch(operator, DELETE, { agent_id: "bob" })).toEqual({
      removed: false,
      config_version: 2,
    });
  });

  it("does not know agents outside the grant", async () => {
    await using place = await open();
    const answer = await place.dispatch(microapp({ agents_crud: ["acme"] }), DELETE, {
      agent_id: "bob",
    });
    expect(answer).toEqual({ removed: false, config_version: 1 });
    await expect(place.dispatch(microapp({}), DELETE, { agent_id: "bob" })).rejects
      .toMatchObject({ code: -32004 });
    await expect(place.dispatch(operator, DELETE, {})).rejects.toMatchObject({ code: -32602 });
  });
});

describe("nexo/admin/reload", () => {
  it("loads the files again and says which snapshot is in force", async () => {
    await using place = await open();
    await place.write("agents.yaml", "agents: []\n");
    expect(await place.dispatch(operator, "nexo/admin/reload", null)).toEqual({
      reloaded_at_ms: 7,
      config_version: 2,
    });
    await place.write("agents.yaml", "agents: 3\n");
    await expect(place.dispatch(microapp({ agents_crud: "all" }), "nexo/admin/reload", {})).rejects
      .toMatchObject({ code: -32603, message: expect.stringContaining("agents.yaml:1") });
  });
});
