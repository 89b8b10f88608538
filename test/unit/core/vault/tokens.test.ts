import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
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

describe("the key of tokens", () => {
  const check = { scope: "operator", isRevoked } as const;
  const kidOf = (token: string): unknown =>
    JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString()).kid;
  const reopen = () => openVault({ keysDir: dir, random, now: () => nowMs });

  it("is another one after a rotation, and older tokens stay good as long as was said", async () => {
    const old = await vault.createToken(operator);
    const kid = await vault.rotateTokenKey({
      previousUntilMs: old.expiresAtMs,
      forgetOlder: false,
    });
    const fresh = await vault.createToken({ ...operator, ttlMs: 10 * 24 * 3_600_000 });
    expect(kidOf(fresh.token)).toBe(kid);
    expect(kidOf(old.token)).not.toBe(kid);
    expect(vault.publicJwks().map((jwk) => jwk.kid)).toEqual([kid, kidOf(old.token)]);
    expect(JSON.stringify(vault.publicJwks())).not.toContain('"d"');
    for (const one of [vault, await reopen()]) {
      for (const { token } of [old, fresh]) {
        await expect(one.verifyToken(token, check)).resolves.toMatchObject({ sub: "ana" });
      }
    }
    nowMs = old.expiresAtMs;
    expect(vault.publicJwks().map((jwk) => jwk.kid)).toEqual([kid]);
    for (const one of [vault, await reopen()]) {
      await expect(one.verifyToken(old.token, check)).rejects.toEqual(invalid);
      await expect(one.verifyToken(fresh.token, check)).resolves.toBeDefined();
    }
  });

  it("takes every older token with it when that is asked", async () => {
    const first = await vault.createToken(operator);
    await vault.rotateTokenKey({ previousUntilMs: first.expiresAtMs, forgetOlder: false });
    const second = await vault.createToken(operator);
    await vault.rotateTokenKey({ previousUntilMs: 0, forgetOlder: true });
    for (const one of [vault, await reopen()]) {
      for (const { token } of [first, second]) {
        await expect(one.verifyToken(token, check)).rejects.toEqual(invalid);
      }
    }
    const text = await readFile(join(dir, "token-signing.jwk"), "utf8");
    expect((JSON.parse(text) as { keys: unknown[] }).keys).toHaveLength(1);
  });

  it("leaves no private half of an old key on disk, and nobody else may read the file", async () => {
    const before = await readFile(join(dir, "token-signing.jwk"), "utf8");
    const [{ d }] = (JSON.parse(before) as { keys: [{ d: string }] }).keys;
    await vault.rotateTokenKey({ previousUntilMs: nowMs + 1000, forgetOlder: false });
    const files = await readdir(dir);
    const texts = await Promise.all(files.map((file) => readFile(join(dir, file), "utf8")));
    expect(texts.join()).not.toContain(d);
    expect((await stat(join(dir, "token-signing.jwk"))).mode & 0o777).toBe(0o600);
    expect(files.filter((file) => file.endsWith(".tmp"))).toEqual([]);
  });

  it("is read from a file of an older version, which held it alone", async () => {
    const path = join(dir, "token-signing.jwk");
    const { keys: [key] } = JSON.parse(await readFile(path, "utf8")) as { keys: [object] };
    const { token } = await vault.createToken(operator);
    await writeFile(path, JSON.stringify(key));
    await expect((await reopen()).verifyToken(token, check)).resolves.toBeDefined();
  });

  it.each(["", "{}", '{"keys":[]}', '{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AA"}]}'])(
    "is not guessed from a damaged file: %s",
    async (text) => {
      await writeFile(join(dir, "token-signing.jwk"), text);
      await expect(reopen()).rejects.toMatchObject({ code: "config_invalid" });
    },
  );
});
