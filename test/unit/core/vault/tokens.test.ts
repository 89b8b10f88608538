import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { base64url, importJWK, jwtVerify } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { Random } from "../../../../core/contract/mod.ts";
import { rowsForRevoking } from "../../../../core/vault/tokens.ts";
import { openVault, type Vault } from "../../../../core/vault/vault.ts";
import { openTestStore } from "../../../support/store.ts";

const random: Random = (bytes) => crypto.getRandomValues(bytes);
const startMs = 1_800_000_000_123;

let dir: string;
let nowMs: number;
let vault: Vault;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "tokens-"));
  nowMs = startMs;
  vault = await openVault({ keysDir: dir, random, now: () => nowMs });
});

afterEach(() => rm(dir, { recursive: true }));

const isRevoked = () => false;
const invalid = expect.objectContaining({ code: "token_invalid" });
const operator = { subject: "ana", scope: ["operator"] } as const;

describe("tokens", () => {
  it("carry their claims and verify with the public key alone", async () => {
    const { token, jti, expiresAtMs } = await vault.createToken({
      subject: "acme-ui",
      scope: ["tenant", "firehose"],
      accountId: "acme",
      caps: ["agents_read"],
    });
    expect(expiresAtMs).toBe(startMs - 123 + 12 * 3_600_000 + 1_000);
    const claims = await vault.verifyToken(token, { scope: "tenant", isRevoked });
    expect(claims).toMatchObject({
      sub: "acme-ui",
      scope: ["tenant", "firehose"],
      account_id: "acme",
      caps: ["agents_read"],
      exp: expiresAtMs / 1000,
      jti,
    });
    const publicJwk = vault.publicJwk();
    expect(publicJwk).not.toHaveProperty("d");
    const verified = await jwtVerify(token, await importJWK(publicJwk), {
      currentDate: new Date(nowMs),
    });
    expect(verified.protectedHeader).toMatchObject({ alg: "EdDSA", kid: publicJwk.kid });
  });

  it("verify until they expire, and not from then on", async () => {
    const { token, expiresAtMs } = await vault.createToken({ ...operator, ttlMs: 5_000 });
    nowMs = expiresAtMs - 1;
    await expect(vault.verifyToken(token, { scope: "operator", isRevoked })).resolves.toBeDefined();
    nowMs = expiresAtMs;
    await expect(vault.verifyToken(token, { scope: "operator", isRevoked })).rejects.toEqual(
      invalid,
    );
  });

  it("are refused once revoked", async () => {
    const { token, jti } = await vault.createToken(operator);
    const check = { scope: "operator", isRevoked: (id: string) => Promise.resolve(id === jti) };
    await expect(vault.verifyToken(token, { ...check, scope: "operator" })).rejects.toEqual(
      invalid,
    );
  });

  it("are refused for a scope they do not have", async () => {
    const { token } = await vault.createToken({ subject: "edge", scope: ["edge"] });
    await expect(vault.verifyToken(token, { scope: "operator", isRevoked })).rejects.toEqual(
      invalid,
    );
    await expect(vault.verifyToken(token, { scope: ["operator", "edge"], isRevoked })).resolves
      .toMatchObject({ sub: "edge" });
  });

  it("are refused with alg none, another algorithm, another key or changed claims", async () => {
    const { token } = await vault.createToken({ subject: "edge", scope: ["edge"] });
    const [, body = "", signature = ""] = token.split(".");
    const kid = vault.publicJwk().kid;
    const header = (fields: object) => base64url.encode(JSON.stringify(fields));
    const claims = JSON.parse(new TextDecoder().decode(base64url.decode(body))) as object;
    const raised = base64url.encode(JSON.stringify({ ...claims, scope: ["operator"] }));
    const other = await openVault({ keysDir: join(dir, "other"), random, now: () => nowMs });
    const otherToken = (await other.createToken({ subject: "edge", scope: ["edge"] })).token;
    const [, otherBody = "", otherSignature = ""] = otherToken.split(".");
    const forged = [
      "",
      "x",
      `${header({ alg: "none", kid })}.${body}.`,
      `${header({ alg: "HS256", kid })}.${body}.${signature}`,
      `${header({ alg: "EdDSA" })}.${body}.${signature}`,
      `${token.split(".")[0]}.${raised}.${signature}`,
      otherToken,
      `${header({ alg: "EdDSA", kid, typ: "JWT" })}.${otherBody}.${otherSignature}`,
    ];
    for (const text of forged) {
      await expect(vault.verifyToken(text, { scope: ["edge", "operator"], isRevoked })).rejects
        .toEqual(invalid);
    }
  });

  it("outlive the process that made them", async () => {
    const { token } = await vault.createToken(operator);
    const again = await openVault({ keysDir: dir, random, now: () => nowMs });
    await expect(again.verifyToken(token, { scope: "operator", isRevoked })).resolves
      .toMatchObject({ sub: "ana" });
  });

  it("are not made without a subject, a scope, a life, or a tenant for scope tenant", async () => {
    await expect(vault.createToken({ subject: "", scope: ["edge"] })).rejects.toThrow(TypeError);
    await expect(vault.createToken({ subject: "x", scope: [] })).rejects.toThrow(TypeError);
    await expect(vault.createToken({ subject: "x", scope: ["tenant"] })).rejects.toThrow(TypeError);
    await expect(vault.createToken({ ...operator, ttlMs: 0 })).rejects.toThrow(RangeError);
    await expect(vault.createToken({ ...operator, ttlMs: Number.NaN })).rejects.toThrow(RangeError);
  });

  it("are on record without the token itself, and can be taken back once", async () => {
    await using opened = await openTestStore();
    const { store } = opened;
    const { token, jti, row, expiresAtMs } = await vault.createToken(operator);
    await store.commit(row);
    const rows = await store.read("SELECT * FROM tokens");
    expect(rows).toEqual([{
      jti,
      account_id: null,
      subject: "ana",
      scope: "operator",
      created_at_ms: startMs,
      expires_at_ms: expiresAtMs,
      revoked_at_ms: null,
    }]);
    expect(JSON.stringify(rows)).not.toContain(token.split(".")[2]);
    await store.commit(rowsForRevoking(jti, startMs + 1));
    await expect(store.commit(rowsForRevoking(jti, startMs + 2))).rejects.toMatchObject({
      code: "conflict",
    });
    expect(await store.read("SELECT revoked_at_ms AS at FROM tokens")).toEqual([{
      at: startMs + 1,
    }]);
  });
});
