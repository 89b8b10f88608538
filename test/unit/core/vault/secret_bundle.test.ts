import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { generateX25519Identity } from "age-encryption";
import { describe, expect, it } from "vitest";
import { lockBundle, openBundle, type SecretBundle } from "../../../../core/vault/secret_bundle.ts";
import { toolPath } from "../../../support/provision.ts";

const run = promisify(execFile);
const age = toolPath("age");
const keygen = toolPath("age-keygen");

const BUNDLE: SecretBundle = {
  format: "nexo-secrets",
  version: 1,
  exported_at: "2026-01-02T03:04:05Z",
  credentials: [{
    channel: "telegram",
    instance: "acme",
    account_id: "acme",
    payload: { token: "t-ñ-1" },
    metadata: { polling: { enabled: true } },
  }],
  secrets: [{ name: "MINI_KEY", value: "k-1" }],
};

describe.skipIf(age === undefined || keygen === undefined)("a bundle and age itself", () => {
  it("understand each other, in both directions", async () => {
    const dir = await mkdtemp(join(tmpdir(), "nexo-age-"));
    try {
      const key = join(dir, "key.txt");
      await run(keygen!, ["-o", key]);
      const { stdout: publicKey } = await run(keygen!, ["-y", key]);
      const file = join(dir, "secrets.age");
      await writeFile(file, await lockBundle(BUNDLE, { recipient: publicKey.trim() }));
      const { stdout } = await run(age!, ["-d", "-i", key, file]);
      expect(JSON.parse(stdout)).toEqual(BUNDLE);

      const plain = join(dir, "plain.json");
      await writeFile(plain, JSON.stringify(BUNDLE));
      const theirs = await run(age!, ["-a", "-r", publicKey.trim(), plain]);
      const { stdout: secret } = await run("grep", ["AGE-SECRET", key]);
      expect(await openBundle(theirs.stdout, { identity: secret.trim() })).toEqual(BUNDLE);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });
});

describe("openBundle()", () => {
  it("opens with the passphrase, and says why it does not with another key or for another file", async () => {
    const locked = await lockBundle(BUNDLE, { passphrase: "correct horse" });
    expect(locked).not.toContain("t-ñ-1");
    expect(await openBundle(locked, { passphrase: "correct horse" })).toEqual(BUNDLE);
    const identity = await generateX25519Identity();
    for (const text of [locked, "no age file"]) {
      await expect(openBundle(text, { identity })).rejects.toMatchObject({
        code: "sealed_unreadable",
      });
    }
    await expect(lockBundle(BUNDLE, { recipient: "age1nonsense" }))
      .rejects.toMatchObject({ code: "invalid_params" });
  });
});
