import { describe, expect, it } from "vitest";
import { microapp } from "../../../support/admin.ts";
import { openAdminPlace } from "../../../support/admin_methods.ts";

const open = () =>
  openAdminPlace({
    "agents.yaml": "agents: []\n",
    "tenants.yaml": "tenants:\n  acme: {}\n  globex: {}\n",
  });

describe("nexo/publish", () => {
  it("gives one event for one key of one tenant, and stays within the manifest", async () => {
    await using place = await open();
    const caller = microapp({ events_publish: ["acme", "globex"] });
    const publish = (more: object) =>
      place.dispatch(caller, "nexo/publish", { subject: "shop.sold", payload: 1, ...more });
    const first = await publish({ dedupe_key: "k", tenant_id: "acme" });
    expect(await publish({ dedupe_key: "k", tenant_id: "acme" })).toEqual(first);
    expect(await publish({ dedupe_key: "k", tenant_id: "globex" })).not.toEqual(first);
    expect(place.handoffs[0]).toMatchObject({ account_id: "acme", hops: 3, subject: "shop.sold" });
    await expect(publish({})).rejects.toMatchObject({ code: -32004 });
    await expect(publish({ subject: "other.sold", tenant_id: "acme" })).rejects.toThrow(/manifest/);
    await expect(publish({ subject: "nexo.rpc.admin", tenant_id: "acme" })).rejects.toThrow(/core/);
  });
});
