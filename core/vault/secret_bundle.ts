/**
 * Credentials and secrets on their way to another machine or into a safe: one file that `age` opens.
 *
 * @module
 */
import { z } from "zod";
import { AccountId, CodedError, messageOf } from "../contract/mod.ts";

/** What a bundle holds, as JSON inside. */
export const SecretBundle = z.object({
  format: z.literal("nexo-secrets"),
  version: z.literal(1),
  exported_at: z.iso.datetime(),
  credentials: z.array(z.object({
    channel: z.string(),
    instance: z.string(),
    account_id: AccountId,
    payload: z.json(),
    metadata: z.record(z.string(), z.json()),
  })),
  /** Written by `secrets/write`; none in a bundle of one tenant. */
  secrets: z.array(z.object({ name: z.string(), value: z.string() })),
});
/** See {@linkcode SecretBundle}. */
export type SecretBundle = z.infer<typeof SecretBundle>;

/** Who can open a bundle: the holder of a key, or whoever knows a passphrase. */
export type BundleLock = { readonly recipient: string } | { readonly passphrase: string };
/** What opens one. */
export type BundleKey = { readonly identity: string } | { readonly passphrase: string };

/**
 * The bundle as an armored age file.
 *
 * @throws {CodedError} `invalid_params` when the recipient is no age recipient
 */
export async function lockBundle(bundle: SecretBundle, lock: BundleLock): Promise<string> {
  // Rarely wanted, and slow to load.
  const { armor, Encrypter } = await import("age-encryption");
  const encrypter = new Encrypter();
  try {
    if ("recipient" in lock) encrypter.addRecipient(lock.recipient);
    else encrypter.setPassphrase(lock.passphrase);
  } catch (error) {
    throw new CodedError("invalid_params", `Cannot lock the bundle: ${messageOf(error)}`);
  }
  return armor.encode(await encrypter.encrypt(JSON.stringify(bundle, null, 2)));
}

/** Opens a bundle. @throws {CodedError} `sealed_unreadable` when the key or the file is another */
export async function openBundle(text: string, key: BundleKey): Promise<SecretBundle> {
  const { armor, Decrypter } = await import("age-encryption");
  const decrypter = new Decrypter();
  try {
    if ("identity" in key) decrypter.addIdentity(key.identity);
    else decrypter.addPassphrase(key.passphrase);
    return SecretBundle.parse(JSON.parse(await decrypter.decrypt(armor.decode(text), "text")));
  } catch (error) {
    const state = error instanceof z.ZodError ? "it is no bundle of secrets" : messageOf(error);
    throw new CodedError("sealed_unreadable", `Cannot open the bundle: ${state}`, { cause: error });
  }
}
