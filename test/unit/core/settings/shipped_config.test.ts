/**
 * The config we ship, as it is.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Ajv2020 } from "ajv/dist/2020.js";
import { parse } from "yaml";
import { describe, expect, it } from "vitest";
import { configJsonSchemas } from "../../../../core/settings/files.ts";
import { loadSettings } from "../../../../core/settings/load.ts";
import { tenantOf } from "../../../../core/settings/tenant.ts";

const shipped = fileURLToPath(new URL("../../../../config", import.meta.url));

describe("the shipped config", () => {
  it("loads without an error or a warning once its one secret is set", async () => {
    const env = { GITHUB_WEBHOOK_SECRET: "0123456789abcdef", NEXO_HOME: "/nonexistent" };
    const { settings, problems } = await loadSettings({ configDir: shipped, env });
    expect(problems).toEqual([]);
    const ana = settings?.agents.get("ana");
    expect(ana?.model).toEqual({ provider: "offline", model: "rules" });
    expect([...settings?.tenants.keys() ?? []]).toEqual(["acme", "globex"]);
    expect(settings?.webhooks.sources.map(({ id }) => id)).toEqual(["github"]);
    for (const { plugin, instance } of ana?.inbound_bindings ?? []) {
      expect(settings && ana && tenantOf(settings, ana, plugin, instance)).toBe(instance);
    }
  });

  it("boots without the secret: the source alone answers 503", async () => {
    const env = { NEXO_HOME: "/nonexistent" };
    const { settings, problems } = await loadSettings({ configDir: shipped, env });
    expect(settings).toBeDefined();
    expect(problems).toMatchObject([{ severity: "warning", blocking: false }]);
  });

  it("fits the published JSON Schemas", () => {
    for (const [name, schema] of Object.entries(configJsonSchemas())) {
      if (/telegram|whatsapp|email|slack|generic/.test(name)) continue;
      const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(schema);
      expect(validate(parse(readFileSync(`${shipped}/${name}`, "utf8"))), name).toBe(true);
    }
  });
});
