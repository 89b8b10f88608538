import { describe, expect, it } from "vitest";
import { microapp, operator } from "../../../support/admin.ts";
import { openAdminPlace } from "../../../support/admin_methods.ts";

const open = () =>
  openAdminPlace({
    "agents.yaml": `agents:
  - id: ana
    tenant_id: acme
    model: { provider: offline, model: rules }
    outbound_allowlist: { webchat: [maria], telegram: ["1"] }
    inbound_bindings: [{ plugin: webchat, instance: front }, { plugin: telegram, instance: acme }]
  - id: gus
    tenant_id: globex
    model: { provider: offline, model: rules }
    inbound_bindings: [{ plugin: webchat, instance: globex }]
`,
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
});
