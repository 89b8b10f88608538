/**
 * Secret files, read only from the directories meant for them.
 *
 * @module
 */
import { readFileSync, realpathSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join, resolve, sep } from "node:path";
import type { Result } from "./interpolate.ts";
import { WRITTEN_DIR } from "./written_secrets.ts";

const MAX_SECRET_BYTES = 64 * 1024;

type Env = Readonly<Record<string, string | undefined>>;

/** `$NEXO_HOME`, else `~/.nexo`; absolute. */
export function nexoHome(env: Env): string {
  return resolve(env["NEXO_HOME"] || join(env["HOME"] || homedir(), ".nexo"));
}

/** Where secrets may lie: beside the config directory, in `$NEXO_HOME`, and where containers mount them. */
export function defaultSecretsDirs(configDir: string, env: Env): string[] {
  return [
    join(dirname(resolve(configDir)), "secrets"),
    join(nexoHome(env), "secrets"),
    "/run/secrets",
    "/var/run/secrets",
  ];
}

function realpath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined; // missing, or not ours to see: both mean there is nothing to read
  }
}

function isInside(path: string, dirs: readonly string[]): boolean {
  return dirs.some((dir) => path.startsWith(dir + sep));
}

/**
 * Reads secret files under `secretsDirs` and nowhere else, symlinks resolved.
 *
 * A relative path is looked up beside the config directory, then in each secrets directory. White
 * space at the end of the content is not part of the secret.
 */
export function createSecretReader(
  { configDir, secretsDirs }: { configDir: string; secretsDirs: readonly string[] },
): (path: string) => Result<string> {
  const base = dirname(resolve(configDir));
  return function readSecret(path) {
    const candidates = isAbsolute(path)
      ? [path]
      : [base, ...secretsDirs].map((dir) => resolve(dir, path));
    const allowed = candidates.map((candidate) => resolve(candidate))
      .filter((candidate) => isInside(candidate, secretsDirs.map((dir) => resolve(dir))));
    if (allowed.length === 0) return refused(path, secretsDirs);
    const found = allowed.map(realpath).find((real) => real !== undefined);
    if (found === undefined) {
      return flaw(`secret file "${path}" does not exist`, `Create ${allowed[0]}`);
    }
    const roots = secretsDirs.map(realpath).filter((dir) => dir !== undefined);
    return isInside(found, roots) ? readSmallFile(found, path) : refused(path, secretsDirs);
  };
}

function readSmallFile(real: string, path: string): Result<string> {
  try {
    const stat = statSync(real);
    if (!stat.isFile() || stat.size > MAX_SECRET_BYTES) {
      return flaw(`"${path}" is no file of at most 64 KiB`, "Put the secret alone into a file");
    }
    return { ok: true, value: readFileSync(real, "utf8").trimEnd() };
  } catch {
    return flaw(`secret file "${path}" cannot be read`, "Let this user read it");
  }
}

function refused(path: string, dirs: readonly string[]): Result<string> {
  return flaw(
    `"${path}" is outside the secrets directories`,
    `Move the file into one of: ${dirs.join(", ")}`,
  );
}

function flaw(message: string, fix: string): Result<string> {
  return { ok: false, flaw: { offset: 0, message, fix } };
}

const plainName = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;

/**
 * A secret by the name a `secret_env` gives: what was written while core ran (`writeSecret`), then
 * the environment, then a file of that name, with or without `.txt`, in the secrets directories.
 * Undefined when there is neither or it is empty.
 */
export function findSecret(
  name: string,
  { env, readSecret }: { env: Env; readSecret: (path: string) => Result<string> },
): string | undefined {
  const plain = plainName.test(name);
  const written = plain ? readSecret(`${WRITTEN_DIR}/${name}.txt`) : undefined;
  if (written?.ok === true && written.value !== "") return written.value;
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  if (value !== undefined && value !== "") return value;
  if (!plain) return undefined;
  const found = [name, `${name}.txt`].map(readSecret)
    .find((file) => file.ok && file.value !== "");
  return found?.ok === true ? found.value : undefined;
}

/** What `nexo dev` may call a file of its own making. */
const madeName = /^[A-Z][A-Z0-9_]{1,63}$/;

/**
 * Whether `nexo dev` makes this secret: there is none yet. One that is there and empty is somebody's
 * mistake, which a made one would hide.
 */
export function isSecretToMake(
  name: string,
  { env, readSecret }: { env: Env; readSecret: (path: string) => Result<string> },
): boolean {
  return madeName.test(name) && env[name] === undefined &&
    [name, `${name}.txt`].every((file) => !readSecret(file).ok);
}
