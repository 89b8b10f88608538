/**
 * Whose a channel instance is.
 *
 * @module
 */
import { describe, expect, it } from "vitest";
import { tenantOf } from "../../../../core/settings/tenant.ts";
import { configDir, ONE_AGENT } from "./config_dir.ts";

async function settingsOf(files: Record<string, string>) {
  await using config = await configDir({ "agents.yaml": ONE_AGENT, ...files });
  const { settings } = await config.load();
  if (settings === undefined) throw new Error("the config of this test is wrong");
  return settings;
}

const TENANTS = "tenants: { acme: , globex: , initech: }";
const PLUGIN =
  "webchat: { instances: [{ instance: shop, account_id: globex }, { instance: acme }] }";

describe("tenantOf", () => {
  it("asks the plugin file, then the agent, then the instance", async () => {
    const settings = await settingsOf({ "tenants.yaml": TENANTS, "plugins/webchat.yaml": PLUGIN });
    const of = (instance: string | undefined, tenant_id?: string) =>
      tenantOf(settings, { tenant_id }, "webchat", instance);
    expect(of("shop", "acme")).toBe("globex");
    expect(of("acme", "initech")).toBe("initech");
    expect(of("acme")).toBe("acme");
    expect(of("unknown")).toBeUndefined();
    expect(of(undefined)).toBeUndefined();
  });

  it("is default without declared tenants, whatever the instance is called", async () => {
    const settings = await settingsOf({});
    expect(tenantOf(settings, {}, "webchat", "anything")).toBe("default");
    expect(tenantOf(settings, {}, "webchat", undefined)).toBe("default");
  });

  it("does not take one channel's instance for another's", async () => {
    const settings = await settingsOf({ "tenants.yaml": TENANTS, "plugins/webchat.yaml": PLUGIN });
    expect(tenantOf(settings, {}, "telegram", "shop")).toBeUndefined();
  });
});
