import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { openCredentials } from "../../../../core/vault/credentials.ts";
import { openVault } from "../../../../core/vault/vault.ts";
import { microapp, operator } from "../../../support/admin.ts";
import { openAdminPlace } from "../../../support/admin_methods.ts";

const TOKEN = "7000000001:AAplanted-token-of-acme-for-tests";
const FILES = {
  "agents.yaml": `agents:
  # acme's
  - { id: ana, tenant_id: acme, model: { provider: offline, model: rules } }
  - { id: gus, tenant_id: globex, model: { provider: offline, model: rules } }
`,
  "tenants.yaml": "tenants:\n  acme: {}\n  globex: {}\n",
};
const register = (extra: Record<string, unknown> = {}) => ({
  channel: "telegram",
  instance: "acme",
  agent_ids: ["ana"],
  payload: { token: TOKEN },
  ...extra,
});
const forAcme = microapp({ credentials_crud: ["acme"] });
const forGlobex = microapp({ credentials_crud: ["globex"] });

/** Everything below a directory, as text. */
async function contentOf(dir: string): Promise<string> {
  const files = await readdir(dir, { recursive: true, withFileTypes: true });
  const texts = await Promise.all(
    files.filter((file) => file.isFile()).map((file) =>
      readFile(join(file.parentPath, file.name), "latin1")
    ),
  );
  return texts.join("\n");
}

/** A place whose Telegram line answers from a server of ours. */
async function openWithBotApi(status: number, answer: unknown) {
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(answer));
  }).listen(0, "127.0.0.1");
  const asked: string[] = [];
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const place = await openAdminPlace({
    ...FILES,
    "plugins/telegram.yaml":
      `# bots\ntelegram:\n  - instance: acme # ours\n    api_root: http://127.0.0.1:${port}\n    token: old-token\n`,
  });
  return {
    ...place,
    asked,
    async [Symbol.asyncDispose]() {
      server.close();
      await place[Symbol.asyncDispose]();
    },
  };
}

describe("nexo/admin/credentials/register", () => {
  it("seals the payload, declares the line, binds the agents, and asks the provider", async () => {
    await using place = await openWithBotApi(200, { ok: true, result: { username: "acme_bot" } });
    const answer = await place.dispatch(forAcme, "nexo/admin/credentials/register", register());
    expect(answer).toMatchObject({
      summary: { channel: "telegram", instance: "acme", agent_ids: ["ana"] },
      validation: {
        probed: true,
        healthy: true,
        detail: "authenticated as @acme_bot",
        reason_code: "ok",
      },
    });
    expect(place.asked).toEqual([`/bot${TOKEN}/getMe`]);

    const text = await place.read("plugins/telegram.yaml");
    expect(text).toContain("# bots");
    expect(parse(text)).toMatchObject({ telegram: [{ instance: "acme", account_id: "acme" }] });
    expect(text).not.toContain("old-token");
    expect(place.config.current().agents.get("ana")?.inbound_bindings).toMatchObject([
      { plugin: "telegram", instance: "acme" },
    ]);
    expect(place.credentials.open({ channel: "telegram", instance: "acme" })).toEqual({
      payload: { token: TOKEN },
      metadata: {},
    });
  });

  it("K6: leaves no trace of the secret in any file, and none that others may read", async () => {
    await using place = await openWithBotApi(401, { ok: false });
    const answer = await place.dispatch(forAcme, "nexo/admin/credentials/register", register());
    expect(answer).toMatchObject({ validation: { healthy: false, reason_code: "auth_failed" } });
    expect(JSON.stringify(answer)).not.toContain(TOKEN);
    expect(await contentOf(place.dir)).not.toContain(TOKEN);
    expect(place.audit.join()).not.toContain(TOKEN);
    const dir = join(place.secretsDir, "telegram", "acme");
    expect((await stat(dir)).mode & 0o077).toBe(0);
    expect((await stat(join(dir, "payload.json"))).mode & 0o077).toBe(0);
  });

  it("answers that it could not reach a provider, and keeps the credential", async () => {
    await using place = await openAdminPlace({
      ...FILES,
      "plugins/telegram.yaml": "telegram: { instance: acme, api_root: 'http://127.0.0.1:9' }\n",
    });
    expect(await place.dispatch(forAcme, "nexo/admin/credentials/register", register()))
      .toMatchObject({ validation: { probed: true, reason_code: "connectivity_failed" } });
    expect(place.credentials.list()).toMatchObject([{ account: "acme", registeredBy: "shop" }]);
  });

  it("refuses what does not fit in nexo's words and keeps nothing of it", async () => {
    await using place = await openAdminPlace(FILES);
    const before = await contentOf(place.configDir);
    const refusals = [
      [register({ channel: " " }), "channel is empty"],
      [
        register({ payload: {} }),
        "telegram payload.token is required and must be a non-empty string",
      ],
      [register({ metadata: { polling: { interval_ms: 5 } } }), /metadata\.polling\.interval_ms/],
      [register({ channel: "email", instance: undefined }), "email requires an instance"],
      [register({ instance: "shop-1", agent_ids: [], tenant_id: "nobody" }), /`nobody` is unknown/],
      [register({ instance: "shop-1", agent_ids: [] }), /tenant_id is required/],
    ] as const;
    for (const [params, text] of refusals) {
      await expect(place.dispatch(operator, "nexo/admin/credentials/register", params))
        .rejects.toMatchObject({ code: -32602, message: expect.stringMatching(text) as string });
    }
    await expect(
      place.dispatch(operator, "nexo/admin/credentials/register", register({ agent_ids: ["no"] })),
    ).rejects.toMatchObject({ code: -32603, message: /agent `no` bind failed/ });
    expect(place.credentials.list()).toEqual([]);
    expect(await contentOf(place.configDir)).toBe(before);
  });

  it("gives nobody the line or the agents of another tenant", async () => {
    await using place = await openAdminPlace(FILES);
    const call = (caller: typeof forAcme, params: unknown) =>
      place.dispatch(caller, "nexo/admin/credentials/register", params);
    const line = { channel: "webchat", payload: {} };
    await call(forAcme, { ...line, instance: "front", agent_ids: ["ana"] });

    await expect(call(forGlobex, { ...line, instance: "front", agent_ids: ["gus"] }))
      .rejects.toMatchObject({ code: -32004 });
    await expect(call(forGlobex, { ...line, instance: "x", agent_ids: [], tenant_id: "acme" }))
      .rejects.toMatchObject({ code: -32004 });
    await expect(call(forGlobex, { ...line, instance: "x", agent_ids: ["ana"] }))
      .rejects.toMatchObject({ code: -32603 });
    await expect(call(operator, { ...line, instance: "front", agent_ids: [], tenant_id: "globex" }))
      .rejects.toMatchObject({ code: -32602, message: /another tenant's/ });
    await expect(call(operator, { ...line, instance: "acme", agent_ids: ["gus"] }))
      .rejects.toMatchObject({ code: -32602, message: /works for another tenant/ });

    expect(await place.dispatch(forGlobex, "nexo/admin/credentials/list", {}))
      .toEqual({ credentials: [] });
    expect(
      await place.dispatch(forGlobex, "nexo/admin/credentials/revoke", {
        channel: "webchat",
        instance: "front",
      }),
    ).toMatchObject({ removed: false, unbound_agents: [] });
    expect(place.credentials.accountsOf("shop")).toEqual(["acme"]);
  });

  it("rotates one tenant's secret without touching another's", async () => {
    await using place = await openAdminPlace({
      ...FILES,
      "plugins/telegram.yaml":
        "telegram:\n  - { instance: acme, api_root: 'http://127.0.0.1:9' }\n  - { instance: globex, api_root: 'http://127.0.0.1:9' }\n",
    });
    const call = (params: unknown) =>
      place.dispatch(operator, "nexo/admin/credentials/register", params);
    await call(register());
    await call(register({ instance: "globex", agent_ids: ["gus"], payload: { token: "g-1" } }));
    const version = place.config.current().version;
    const files = await contentOf(place.configDir);
    await call(register({ payload: { token: "a-2" } }));
    const tokenOf = (instance: string) =>
      place.credentials.open({ channel: "telegram", instance })?.payload;
    expect(tokenOf("acme")).toEqual({ token: "a-2" });
    expect(tokenOf("globex")).toEqual({ token: "g-1" });
    expect(await contentOf(place.configDir)).toBe(files);
    expect(place.config.current().version).toBeGreaterThan(version);
  });
});

describe("nexo/admin/credentials/revoke", () => {
  it("unbinds the agents, takes the line out and forgets the secret; twice is once", async () => {
    await using place = await openAdminPlace(FILES);
    const line = { channel: "webchat", instance: "front" };
    await place.dispatch(forAcme, "nexo/admin/credentials/register", {
      ...line,
      agent_ids: ["ana"],
      payload: {},
    });
    const revoke = () => place.dispatch(forAcme, "nexo/admin/credentials/revoke", line);
    expect(await revoke()).toMatchObject({ removed: true, unbound_agents: ["ana"] });
    expect(place.config.current().agents.get("ana")?.inbound_bindings).toEqual([]);
    expect(place.config.current().plugins.webchat.instances).toEqual([]);
    expect(await readdir(join(place.secretsDir, "webchat"))).toEqual([]);
    expect(await revoke()).toMatchObject({ removed: false, unbound_agents: [] });
  });
});

describe("credential files", () => {
  it("open again after a restart, and not on another line or for another tenant", async () => {
    await using place = await openAdminPlace(FILES);
    await place.dispatch(forAcme, "nexo/admin/credentials/register", {
      channel: "webchat",
      instance: "front",
      agent_ids: [],
      payload: { secret: "s" },
    });
    const unreadable: string[] = [];
    const random = (bytes: Uint8Array<ArrayBuffer>) => crypto.getRandomValues(bytes);
    const again = await openCredentials({
      dir: place.secretsDir,
      sealer: await openVault({ keysDir: join(place.dir, "keys"), random, now: Date.now }),
      random,
      now: Date.now,
      onUnreadable: (path) => unreadable.push(path),
    });
    expect(again.open({ channel: "webchat", instance: "front" })?.payload).toEqual({ secret: "s" });
    expect(unreadable).toEqual([]);
  });

  it("K6: are never written outside their directory, whatever the names", async () => {
    await using place = await openAdminPlace(FILES);
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.string(), fc.constantFrom("..", ".", "a/b", "a\\b", "a\0", "é", "%2e%2e")),
        async (name) => {
          const put = place.credentials.put(
            { channel: name, instance: name, account: "acme", registeredBy: null },
            { payload: {}, metadata: {} },
          );
          if (/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,64}$/.test(name)) return (await put)();
          await expect(put).rejects.toMatchObject({ code: "invalid_params" });
        },
      ),
      { numRuns: 200 },
    );
  });
});
