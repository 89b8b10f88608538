import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openTestHost, type TestHostOptions } from "nexo-microapps/sdk/testing";
import { createAgentCreator } from "./agent_creator.ts";

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
    expect(tools).toHaveLength(32);
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
