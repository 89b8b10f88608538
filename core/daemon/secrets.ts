/**
 * Secrets that sources need and nobody set yet.
 *
 * @module
 */
import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Random, ResolvedSource } from "../contract/mod.ts";

/** Makes the secrets of `sources` that are missing in `dir`. Returns their names. */
export async function makeMissingSecrets(
  sources: readonly ResolvedSource[],
  { dir, isToMake, random }: {
    dir: string;
    isToMake: (name: string) => boolean;
    random: Random;
  },
): Promise<string[]> {
  const made = new Map<string, string>();
  for (const { signature, handshake, secret_env } of sources) {
    made.set(secret_env, secretFor(signature, random));
    if (handshake !== null) made.set(handshake.verify_token_env, randomHex(random));
  }
  const missing = [...made].filter(([name]) => isToMake(name));
  for (const [name, secret] of missing) {
    await writeFile(join(dir, `${name}.txt`), `${secret}\n`, { mode: 0o600 });
  }
  return missing.map(([name]) => name);
}

/** A secret as the source's signature wants it; of an Ed25519 key both halves, so that we can sign. */
function secretFor(
  { algorithm, secret_format: format }: ResolvedSource["signature"],
  random: Random,
): string {
  if (algorithm === "ed25519") {
    const { d = "", x = "" } = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
    const halves = Buffer.concat([d, x].map((half) => Buffer.from(half, "base64url")));
    return format === "base64" ? `whsk_${halves.toString("base64")}` : halves.toString("hex");
  }
  return format === "base64"
    ? `whsec_${Buffer.from(random(new Uint8Array(32))).toString("base64")}`
    : randomHex(random);
}

function randomHex(random: Random): string {
  return Buffer.from(random(new Uint8Array(32))).toString("hex");
}
