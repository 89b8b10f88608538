import { describe, expect, it } from "vitest";
import { operator } from "../../../support/admin.ts";
import { openAdminPlace } from "../../../support/admin_methods.ts";

const FILES = {
  "agents.yaml":
    "agents:\n  - { id: bob, tenant_id: globex, model: { provider: mini, model: m1 } }\n",
  "tenants.yaml": "tenants:\n  globex: {}\n",
  "llm.yaml":
    "providers: {}\ntenants:\n  globex:\n    providers:\n      mini: { base_url: http://x, api_key_env: KEY }\n",
};
const open = () => openAdminPlace(FILES);

describe("nexo/admin/llm_providers/*", () => {
  it("refuse a key that is not set, and a provider that agents use", async () => {
    await using place = await open();
    await expect(place.dispatch(operator, "nexo/admin/llm_providers/upsert", {
      id: "p",
      base_url: "http://p",
      api_key_env: "NOPE",
    })).rejects.toThrow("invalid_params: api_key_env `NOPE` is not set in process env");
    await expect(place.dispatch(operator, "nexo/admin/llm_providers/delete", {
      provider_id: "mini",
      tenant_id: "globex",
    })).rejects.toThrow(/provider `mini` still in use by agent `bob` \(scope: globex\)/);
  });
});
