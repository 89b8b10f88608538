import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { Random } from "../../../../core/contract/mod.ts";
import { openVault, type Vault } from "../../../../core/vault/vault.ts";

const random: Random = (bytes) => crypto.getRandomValues(bytes);

let keysDir: string;
let vault: Vault;

const open = (dir = keysDir) => openVault({ keysDir: dir, random, now: Date.now });

beforeEach(async () => {
  keysDir = join(await mkdtemp(join(tmpdir(), "vault-")), "keys");
  vault = await open();
});

afterEach(() => rm(join(keysDir, ".."), { recursive: true }));

const wheres = fc.record({ table: fc.string(), account: fc.string(), id: fc.string() });
const unreadable = expect.objectContaining({ code: "sealed_unreadable" });

describe("sealing", () => {
  it("gives back every plaintext", () => {
    fc.assert(fc.property(wheres, fc.uint8Array({ maxLength: 300 }), (where, plaintext) => {
      expect(new Uint8Array(vault.open(where, vault.seal(where, plaintext)))).toEqual(plaintext);
    }));
    fc.assert(fc.property(wheres, fc.string({ unit: "grapheme" }), (where, text) => {
      expect(vault.openText(where, vault.seal(where, text))).toBe(text);
    }));
  });

  it("opens for no other row, table or tenant", () => {
    fc.assert(fc.property(wheres, wheres, (where, other) => {
      fc.pre(JSON.stringify(where) !== JSON.stringify(other));
      expect(() => vault.open(other, vault.seal(where, "secret"))).toThrow(unreadable);
    }));
  });

  it("keeps neighbouring parts of a row's name apart", () => {
    const sealed = vault.seal({ account: "a", table: "bc", id: "d" }, "secret");
    expect(() => vault.open({ account: "ab", table: "c", id: "d" }, sealed)).toThrow(unreadable);
    expect(() => vault.open({ account: "a", table: "b", id: "cd" }, sealed)).toThrow(unreadable);
  });

  it("does not open with any bit flipped or any end cut off", () => {
    const where = { account: "acme", table: "inbox", id: "1" };
    const sealed = vault.seal(where, "a secret of some length");
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const changed = Uint8Array.from(sealed);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => vault.open(where, changed)).toThrow(unreadable);
    }
    for (let length = 0; length < sealed.length; length++) {
      expect(() => vault.open(where, sealed.subarray(0, length))).toThrow(unreadable);
    }
  });

  it("never gives the same bytes twice and never shows the text", () => {
    const where = { account: "acme", table: "inbox", id: "1" };
    const sealed = Array.from({ length: 50 }, () => vault.seal(where, "planted-secret"));
    expect(new Set(sealed.map((bytes) => Buffer.from(bytes).toString("hex"))).size).toBe(50);
    expect(sealed.some((bytes) => Buffer.from(bytes).includes("planted"))).toBe(false);
  });

  it("opens bytes that lie inside a larger buffer", () => {
    const where = { account: "acme", table: "inbox", id: "1" };
    const sealed = vault.seal(where, "text");
    const larger = new Uint8Array(sealed.length + 20);
    larger.set(sealed, 7);
    expect(vault.openText(where, larger.subarray(7, 7 + sealed.length))).toBe("text");
  });

  it("names the key that does not fit", async () => {
    const where = { account: "acme", table: "inbox", id: "1" };
    const other = await open(join(keysDir, "other"));
    expect(() => other.open(where, vault.seal(where, "secret"))).toThrow(/key 1/);
    await vault.rotateSealingKey();
    expect(() => other.open(where, vault.seal(where, "secret"))).toThrow(/key 2 is missing/);
  });

  it("seals with the newest key and opens what older ones sealed", async () => {
    const where = { account: "acme", table: "inbox", id: "1" };
    const before = vault.seal(where, "old");
    expect(await vault.rotateSealingKey()).toBe(2);
    const after = vault.seal(where, "new");
    expect(after[4]).toBe(2);
    const again = await open();
    expect(again.openText(where, before)).toBe("old");
    expect(again.openText(where, after)).toBe("new");
    expect(again.seal(where, "x")[4]).toBe(2);
  });

  it("takes the next number when another process has rotated too", async () => {
    const other = await open();
    expect(await Promise.all([vault.rotateSealingKey(), other.rotateSealingKey()])).toEqual(
      expect.arrayContaining([2, 3]),
    );
  });
});

describe("key files", () => {
  it("G1: are readable by their owner only, and nothing else is left behind", async () => {
    expect((await stat(keysDir)).mode & 0o777).toBe(0o700);
    const files = await readdir(keysDir);
    expect(files.toSorted()).toEqual([
      "master.key",
      "operator.key",
      "sealing-0001.key",
      "token-signing.jwk",
    ]);
    for (const file of files) {
      expect((await stat(join(keysDir, file))).mode & 0o777).toBe(0o600);
    }
  });

  it("are the truth for every later opening", async () => {
    const again = await open();
    expect(again.operatorToken()).toBe(vault.operatorToken());
    expect(again.mac("args", "x")).toBe(vault.mac("args", "x"));
    expect(again.publicJwk()).toEqual(vault.publicJwk());
  });

  it("are the same for processes that start at once", async () => {
    const dir = join(keysDir, "fresh");
    const vaults = await Promise.all(Array.from({ length: 8 }, () => open(dir)));
    expect(new Set(vaults.map((one) => one.operatorToken())).size).toBe(1);
    expect(new Set(vaults.map((one) => one.publicJwk().kid)).size).toBe(1);
    expect(new Set(vaults.map((one) => one.mac("args", "x"))).size).toBe(1);
  });

  it.each(["master.key", "operator.key", "sealing-0001.key", "token-signing.jwk"])(
    "are refused when damaged: %s",
    async (file) => {
      const text = await readFile(join(keysDir, file), "utf8");
      await writeFile(join(keysDir, file), text.slice(0, 20));
      await expect(open()).rejects.toMatchObject({ code: "config_invalid" });
    },
  );
});

describe("mac", () => {
  it("depends on the key, the purpose and the text, and on nothing else", async () => {
    const other = await open(join(keysDir, "other"));
    expect(vault.mac("args", "x")).toMatch(/^[0-9a-f]{64}$/);
    expect(vault.mac("args", "x")).toBe(vault.mac("args", Buffer.from("x")));
    expect(vault.mac("args", "x")).not.toBe(vault.mac("args", "y"));
    expect(vault.mac("args", "x")).not.toBe(vault.mac("dedupe", "x"));
    expect(vault.mac("args", "x")).not.toBe(other.mac("args", "x"));
  });

  it("stays the same when the sealing key is rotated", async () => {
    const before = vault.mac("args", "x");
    await vault.rotateSealingKey();
    expect((await open()).mac("args", "x")).toBe(before);
  });
});

describe("the operator's token", () => {
  it("is 64 hex digits and matches only itself", () => {
    const token = vault.operatorToken();
    expect(token).toMatch(/^[0-9a-f]{64}$/);
    expect(vault.isOperatorToken(token)).toBe(true);
    for (const wrong of ["", token.slice(1), `${token}0`, token.toUpperCase(), "0".repeat(64)]) {
      expect(vault.isOperatorToken(wrong)).toBe(wrong === token);
    }
  });
});
