import { describe, expect, it } from "vitest";
import { operator } from "../../../support/admin.ts";
import { openAdminPlace } from "../../../support/admin_methods.ts";

const FILES = {
  "agents.yaml":
    "agents:\n  - { id: ana, tenant_id: acme, model: { provider: offline, model: rules } }\n",
  "tenants.yaml": "# ours\ntenants:\n  acme: { display_name: Acme } # first\n  globex: {}\n",
};
const open = () => openAdminPlace(FILES);

describe("nexo/admin/tenants/*", () => {
  it("write the file as a person would, and are in force at once", async () => {
    await using place = await open();
    const answer = await place.dispatch(operator, "nexo/admin/tenants/upsert", {
      id: "acme",
      display_name: "Acme ${HOME}",
      active: false,
    });
    expect(answer).toMatchObject({ created: false, tenant: { display_name: "Acme ${HOME}" } });
    expect(await place.read("tenants.yaml")).toBe(
      '# ours\ntenants:\n  acme: { display_name: "Acme $${HOME}", active: false } # first\n  globex: {}\n',
    );
    expect(place.config.current().tenants.get("acme")?.active).toBe(false);
  });

  it("keep a tenant with agents unless told to purge, and then switch those off", async () => {
    await using place = await open();
    const method = "nexo/admin/tenants/delete";
    expect(await place.dispatch(operator, method, { tenant_id: "acme" })).toEqual({
      removed: false,
      orphaned_agents: ["ana"],
      config_version: 1,
    });
    expect(await place.dispatch(operator, method, { tenant_id: "acme", purge: true })).toEqual({
      removed: true,
      orphaned_agents: ["ana"],
      config_version: 2,
    });
    expect(place.config.current().agents.get("ana")?.active).toBe(false);
  });

  it("use nexo's words", async () => {
    await using place = await open();
    const get = (tenant_id: string) =>
      place.dispatch(operator, "nexo/admin/tenants/get", { tenant_id });
    await expect(get("")).rejects.toThrow("invalid_params: id is empty");
    await expect(get("x".repeat(65))).rejects.toThrow("invalid_params: id longer than 64 chars");
    await expect(get("-a")).rejects.toThrow("invalid_params: id must start with [a-z0-9]");
    await expect(get("a_b")).rejects.toThrow("invalid_params: id must match [a-z0-9-]");
  });
});
