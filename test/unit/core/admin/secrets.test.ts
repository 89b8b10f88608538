import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openLiveSettings } from "../../../../core/daemon/config.ts";
import { tokenHash } from "../../../../core/vault/microapp_tokens.ts";
import { microapp, operator } from "../../../support/admin.ts";
import { openAdminPlace } from "../../../support/admin_methods.ts";

const open = () =>
  openAdminPlace({
    "agents.yaml": "agents: []\n",
    "tenants.yaml": "tenants:\n  acme: {}\n  globex: {}\n",
  });

describe("nexo/admin/secrets/write and auth/rotate_token", () => {
  it("K2: keep a secret to its owner, above the environment, also for the next start", async () => {
    await using place = await open();
    place.env["KEY"] = "old";
    const answer = await place.dispatch(operator, "nexo/admin/secrets/write", {
      name: "KEY",
      value: "new-value",
    });
    const path = join(place.secretsDir, "KEY.txt");
    expect(answer).toEqual({ path, overwrote_env: true, config_version: 2 });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(place.config.secretOf("KEY")).toBe("new-value");
    const { configDir, env } = place;
    const next = await openLiveSettings({ configDir, env, uuid: () => crypto.randomUUID() });
    expect(next.secretOf("KEY")).toBe("new-value");
    expect(place.audit.join()).not.toContain("new-value");
  });

  it("K2, K3, K4: rotate a microapp's own token on disk first, and hand it to nobody but the hook", async () => {
    await using place = await open();
    const old = await place.tokens.of("shop");
    const others = await place.tokens.of("desk");
    const caller = microapp({ auth_rotate: "all" });
    const answer = await place.dispatch(caller, "nexo/admin/auth/rotate_token", {
      new_token: "secret-token-0001",
      reason: "r".repeat(300),
    });
    expect(answer).toEqual({
      ok: true,
      new_hash: "135c402134ad5140",
      at_ms: expect.any(Number),
    });
    const path = join(place.secretsDir, "microapps/shop/http_token.txt");
    expect(await readFile(path, "utf8")).toBe("secret-token-0001");
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(place.notices).toEqual([{
      id: "shop",
      method: "nexo/notify/token_rotated",
      params: { old_hash: tokenHash(old), new: "secret-token-0001" },
    }]);
    const { events: [event] } = await place.parts.events.listForOperator({ after: 0 });
    expect(JSON.parse(event?.body ?? "")).toMatchObject({
      kind: "security_event",
      reason: "r".repeat(200),
    });
    expect(await place.tokens.of("shop", "from the environment")).toBe("secret-token-0001");
    expect(await place.tokens.of("desk")).toBe(others);
  });

  it("rotate nobody else's token, and for operators the one they name", async () => {
    await using place = await open();
    const rotate = "nexo/admin/auth/rotate_token";
    const before = await place.tokens.of("desk");
    await expect(place.dispatch(microapp({ auth_rotate: "all" }), rotate, { microapp_id: "desk" }))
      .rejects.toMatchObject({ code: -32004 });
    await expect(place.dispatch(microapp({ auth_rotate: ["acme"] }), rotate, {}))
      .rejects.toMatchObject({ code: -32004 });
    expect(await place.tokens.of("desk")).toBe(before);
    await expect(place.dispatch(operator, rotate, {})).rejects.toMatchObject({ code: -32602 });
    await expect(place.dispatch(operator, rotate, { microapp_id: "../x" }))
      .rejects.toThrow("internal: not_found: microapp `../x`");
    await place.dispatch(operator, rotate, { microapp_id: "shop" });
    expect(place.notices).toEqual([{
      id: "shop",
      method: "nexo/notify/token_rotated",
      params: expect.objectContaining({ new: expect.stringMatching(/^[0-9a-f]{64}$/) }),
    }]);
  });
});
