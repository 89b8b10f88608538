/**
 * Secrets that sources need and nobody set yet.
 *
 * @module
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Random } from "../contract/mod.ts";

/** The name of an environment variable, and so of a secret's file. */
const NAME = /^[A-Z][A-Z0-9_]{1,63}$/;

/** Makes the secrets that are missing in `dir`, 64 hex digits each. Returns their names. */
export async function makeMissingSecrets(
  names: readonly string[],
  { dir, secretOf, random }: {
    dir: string;
    secretOf: (name: string) => string | undefined;
    random: Random;
  },
): Promise<string[]> {
  const missing = [...new Set(names)].filter((name) =>
    NAME.test(name) && (secretOf(name) ?? "") === ""
  );
  for (const name of missing) {
    const secret = Buffer.from(random(new Uint8Array(32))).toString("hex");
    await writeFile(join(dir, `${name}.txt`), `${secret}\n`, { mode: 0o600 });
  }
  return missing;
}
