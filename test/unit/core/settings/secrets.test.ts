/**
 * Which files a `${file:…}` may reach.
 *
 * @module
 */
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  createSecretReader,
  defaultSecretsDirs,
  findSecret,
} from "../../../../core/settings/secrets.ts";
import { configDir } from "./config_dir.ts";

async function home() {
  const config = await configDir({});
  const beside = join(config.home, "secrets");
  const own = join(config.home, ".nexo/secrets");
  await mkdir(beside, { recursive: true });
  await mkdir(own, { recursive: true });
  await writeFile(join(beside, "key.txt"), "beside\n");
  await writeFile(join(own, "token"), "own \n\n");
  await writeFile(join(config.home, "outside.txt"), "outside");
  const secretsDirs = defaultSecretsDirs(config.dir, { NEXO_HOME: join(config.home, ".nexo") });
  return {
    ...config,
    beside,
    readSecret: createSecretReader({ configDir: config.dir, secretsDirs }),
  };
}

describe("secret files", () => {
  it("are read beside the config directory and in NEXO_HOME, without the newline at the end", async () => {
    await using it = await home();
    for (
      const path of ["key.txt", "secrets/key.txt", "./secrets/key.txt", join(it.beside, "key.txt")]
    ) {
      expect(it.readSecret(path)).toEqual({ ok: true, value: "beside" });
    }
    expect(it.readSecret("token")).toEqual({ ok: true, value: "own" });
  });

  it("C4: are refused outside the secrets directories, whether or not they exist", async () => {
    await using it = await home();
    for (
      const path of [
        "/etc/passwd",
        "outside.txt",
        "secrets/../outside.txt",
        "../outside.txt",
        "../nothing-here",
        join(it.home, "secrets-other/key.txt"),
        "",
        ".",
      ]
    ) {
      expect(it.readSecret(path), path).toMatchObject({ ok: false });
    }
    expect(it.readSecret("/etc/passwd")).toMatchObject({
      flaw: { message: '"/etc/passwd" is outside the secrets directories' },
    });
  });

  it("may be symlinks within the secrets directories, as Kubernetes mounts them, but not out of them", async () => {
    await using it = await home();
    await mkdir(join(it.beside, "..data"));
    await writeFile(join(it.beside, "..data/inner"), "mounted");
    await symlink("..data/inner", join(it.beside, "inner"));
    await symlink("/etc/passwd", join(it.beside, "leak"));
    expect(it.readSecret("inner")).toEqual({ ok: true, value: "mounted" });
    expect(it.readSecret("leak")).toMatchObject({
      ok: false,
      flaw: { message: '"leak" is outside the secrets directories' },
    });
  });

  it("that are directories or too large are refused", async () => {
    await using it = await home();
    await mkdir(join(it.beside, "dir"));
    await writeFile(join(it.beside, "large"), "x".repeat(64 * 1024 + 1));
    expect(it.readSecret("dir")).toMatchObject({ ok: false });
    expect(it.readSecret("large")).toMatchObject({ ok: false });
  });

  it("stand in for a secret_env that the environment lacks", async () => {
    await using it = await home();
    await writeFile(join(it.beside, "HOOK_SECRET"), "from-file");
    const { readSecret } = it;
    const secret = (name: string, env = {}) => findSecret(name, { env, readSecret });
    expect(secret("HOOK_SECRET")).toBe("from-file");
    expect(secret("HOOK_SECRET", { HOOK_SECRET: "from-env" })).toBe("from-env");
    expect(secret("HOOK_SECRET", { HOOK_SECRET: "" })).toBe("from-file");
    expect(secret("OTHER")).toBeUndefined();
    expect(secret("../outside.txt")).toBeUndefined();
  });
});
