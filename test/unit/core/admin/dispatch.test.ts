import { describe, expect, it } from "vitest";
import { statement } from "../../../../core/store/store.ts";
import { microapp, operator } from "../../../support/admin.ts";
import { openAdminPlace } from "../../../support/admin_methods.ts";

const AGENTS = `agents:
  - id: ana
    tenant_id: acme
    model: { provider: offline, model: rules }
    outbound_allowlist: { webchat: [maria], telegram: ["1"] }
    inbound_bindings: [{ plugin: webchat, instance: front }, { plugin: telegram, instance: acme }]
  - id: gus
    tenant_id: globex
    model: { provider: offline, model: rules }
    inbound_bindings: [{ plugin: webchat, instance: globex }]
`;
const open = () =>
  openAdminPlace({
    "agents.yaml": AGENTS,
    "tenants.yaml": "tenants:\n  acme: {}\n  globex: {}\n",
  });
const shop = microapp({ dispatch_outbound: "all" });
const HELLO = { channel: "webchat", account_id: "acme", to: "maria", body: "hello" };

describe("nexo/dispatch", () => {
  it("puts a message into the outbox and the transcript, once for each key", async () => {
    await using place = await open();
    const send = (more = {}) => place.dispatch(shop, "nexo/dispatch", { ...HELLO, ...more });
    const first = await send({ idempotency_key: "k" });
    expect(await send({ idempotency_key: "k" })).toEqual(first);
    expect(await send({ account_id: "front" })).not.toEqual(first);
    expect(place.dispatched).toHaveLength(2);
    const rows = await place.store.read(
      "SELECT account_id, agent_id, channel, instance, contact FROM outbox",
    );
    const line = { agent_id: "ana", channel: "webchat", instance: "front", contact: "maria" };
    expect(rows).toEqual([{ account_id: "acme", ...line }, { account_id: "acme", ...line }]);
    expect(await place.store.read("SELECT body, sender_id FROM transcripts")).toMatchObject([
      { body: "hello", sender_id: "dispatch:shop" },
      { body: "hello" },
    ]);
  });

  it("refuses what manifest, grant, allowlist or channel do not have, and keeps nothing", async () => {
    await using place = await open();
    const refused = async (caller: typeof shop, params: object, code: string) => {
      await expect(place.dispatch(caller, "nexo/dispatch", { ...HELLO, ...params }))
        .rejects.toMatchObject({ code: -32000, data: { code } });
    };
    await refused(shop, { account_id: "globex" }, "unauthorized_binding");
    await refused(shop, { account_id: "nobody" }, "unauthorized_binding");
    await refused(shop, { channel: "email" }, "unauthorized_binding");
    await refused(microapp({ dispatch_outbound: ["globex"] }), {}, "unauthorized_binding");
    await refused(shop, { to: "stranger" }, "unauthorized_binding");
    await refused(operator, { channel: "telegram", to: "2" }, "channel_unavailable");
    await expect(place.dispatch(microapp({}), "nexo/dispatch", HELLO))
      .rejects.toMatchObject({ code: -32004 });
    expect(await place.store.read("SELECT id FROM outbox")).toEqual([]);
  });

  it("lets whoever registered a line write there without the manifest", async () => {
    await using place = await open();
    const globex = { ...HELLO, account_id: "globex" };
    await place.dispatch(microapp({ credentials_crud: "all" }), "nexo/admin/credentials/register", {
      channel: "webchat",
      instance: "globex",
      agent_ids: ["gus"],
      payload: {},
    });
    expect(await place.dispatch(shop, "nexo/dispatch", globex)).toHaveProperty("msg_id");
  });

  it("fails for any conflict that is not its own key's, and keeps nothing", async () => {
    await using place = await open();
    const send = (key: string) =>
      place.dispatch(shop, "nexo/dispatch", { ...HELLO, idempotency_key: key });
    await place.store.commit([statement(
      `CREATE TRIGGER no_transcripts BEFORE INSERT ON transcripts
       BEGIN SELECT RAISE(ABORT, 'constraint failed'); END`,
      [],
    )]);
    await expect(send("k")).rejects.toMatchObject({ code: -32603 });
    expect(await place.store.read("SELECT id FROM outbox")).toEqual([]);
    await place.store.commit([statement("DROP TRIGGER no_transcripts", [])]);
    expect(await send("k")).toHaveProperty("msg_id");
  });

  it("gives one message for a key that comes several times at once", async () => {
    await using place = await open();
    const answers = await Promise.all(
      Array.from(
        { length: 5 },
        () => place.dispatch(shop, "nexo/dispatch", { ...HELLO, idempotency_key: "k" }),
      ),
    );
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(await place.store.read("SELECT id FROM outbox")).toHaveLength(1);
  });

  it("holds a microapp to its limit on each line, repeated keys and operators aside", async () => {
    await using place = await openAdminPlace({
      "agents.yaml": AGENTS,
      "tenants.yaml": "tenants:\n  acme: {}\n  globex: {}\n",
      "extensions.yaml":
        "extensions:\n  entries:\n    shop: { dispatch_rate_limit: { rps: 0.001, burst: 2 } }\n",
    });
    const send = (more: object, caller = shop) =>
      place.dispatch(caller, "nexo/dispatch", { ...HELLO, ...more });
    const first = await send({ idempotency_key: "k" });
    expect(await send({ idempotency_key: "k" })).toEqual(first);
    await send({});
    await expect(send({})).rejects.toMatchObject({
      code: -32000,
      data: { code: "rate_limited", retry_after_ms: expect.any(Number) },
    });
    expect(await send({ idempotency_key: "k" })).toEqual(first);
    expect(await send({}, operator)).toHaveProperty("msg_id");
    expect(await place.store.read("SELECT id FROM outbox")).toHaveLength(3);
    expect(await place.store.read("SELECT kind, name, used FROM limit_buckets")).toMatchObject([
      { kind: "dispatch", name: "shop" },
    ]);
  });
});
