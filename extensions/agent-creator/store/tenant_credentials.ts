/**
 * A tenant's `credentials.json`: what its lines were registered with, encrypted with age.
 *
 * Core has its own sealed copy; this one is the product's, for moving a customer elsewhere. The key lies
 * beside the tenants, so what is copied of one tenant's directory opens nothing.
 *
 * @module
 */
import { join } from "node:path";
import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from "age-encryption";
import { z } from "nexo-microapps/sdk";
import { readIfThere, replaceFile } from "./files.ts";

const Kept = z.record(z.string(), z.object({ payload: z.unknown(), metadata: z.unknown() }));

/** Credentials of tenants, by channel. */
export interface TenantCredentials {
  readonly keep: (
    account: string,
    channel: string,
    credential: { payload: unknown; metadata: unknown },
  ) => Promise<void>;
  readonly read: (account: string) => Promise<z.output<typeof Kept>>;
}

/** Opens the key, which is made on first use. */
export async function openTenantCredentials(
  { stateDir, openTenantDir }: {
    stateDir: string;
    openTenantDir: (account: string) => Promise<string>;
  },
): Promise<TenantCredentials> {
  const identity = await openIdentity(join(stateDir, "credentials.key"));
  const recipient = await identityToRecipient(identity);
  const fileOf = async (account: string) => join(await openTenantDir(account), "credentials.json");

  async function read(account: string) {
    const sealed = await readIfThere(await fileOf(account));
    if (sealed === undefined) return {};
    const decrypter = new Decrypter();
    decrypter.addIdentity(identity);
    return Kept.parse(JSON.parse(await decrypter.decrypt(sealed, "text")));
  }

  return {
    read,
    async keep(account, channel, credential) {
      const encrypter = new Encrypter();
      encrypter.addRecipient(recipient);
      const text = JSON.stringify({ ...await read(account), [channel]: credential });
      await replaceFile(await fileOf(account), await encrypter.encrypt(text));
    },
  };
}

async function openIdentity(path: string): Promise<string> {
  const known = await readIfThere(path);
  if (known !== undefined) return known.toString().trim();
  const identity = await generateX25519Identity();
  await replaceFile(path, `${identity}\n`);
  return identity;
}
