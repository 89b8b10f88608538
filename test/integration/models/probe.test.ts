/**
 * Asking providers for their models.
 *
 * @module
 */
import { describe, expect, it } from "vitest";
import { probeProvider } from "../../../core/models/probe.ts";
import type { Protocol } from "../../support/model_protocols.ts";
import { openModelServer } from "../../support/model_server.ts";
import { settingsOf } from "../../support/settings.ts";

const AGENTS = "agents: [{ id: ana, model: { provider: offline, model: rules } }]\n";
const KEY = "sk-planted-secret-0123456789";

async function probe(providers: string, account: string | null = null, timeoutMs = 5_000) {
  const settings = await settingsOf({ "agents.yaml": AGENTS, "llm.yaml": providers });
  const secretOf = (name: string) => name === "THE_KEY" ? KEY : undefined;
  return probeProvider("prov", account, { settings, secretOf, now: Date.now, timeoutMs });
}

describe("probeProvider()", () => {
  it.each<Protocol>(["openai_compatible", "anthropic", "google"])(
    "counts the models of a provider that speaks %s",
    async (flavor) => {
      await using server = await openModelServer(flavor);
      expect(
        await probe(
          `providers: { prov: { base_url: "${server.baseUrl}", api_flavor: ${flavor}, api_key_env: THE_KEY } }`,
        ),
      ).toMatchObject({ ok: true, status: 200, model_count: 2 });
    },
  );

  it("asks the tenant's own provider of that name", async () => {
    await using mine = await openModelServer("openai_compatible");
    const file = `providers: { prov: { base_url: "http://127.0.0.1:9/v1" } }
tenants: { acme: { providers: { prov: { base_url: "${mine.baseUrl}" } } } }`;
    expect(await probe(file, "acme")).toMatchObject({ ok: true });
    expect(await probe(file, "globex")).toMatchObject({ ok: false, status: 0 });
  });

  it("names the variable of a key that is not there", async () => {
    await expect(probe("providers: { prov: { base_url: 'http://x', api_key_env: NO_KEY } }"))
      .rejects
      .toMatchObject({ code: "model_auth", message: expect.stringContaining("NO_KEY") as string });
    await expect(probe("providers: {}")).rejects.toMatchObject({ code: "model_unknown" });
  });
});
