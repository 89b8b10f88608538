/**
 * A tenant's `credentials.json`: what its lines were registered with, encrypted with age.
 *
 * Core has its own sealed copy; this one is the product's, for moving a customer elsewhere. The key lies
 * beside the tenants, so what is copied of one tenant's directory opens nothing.
 *
 * @module
 */
import { mkdir, open, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from "age-encryption";
import { z } from "nexo-microapps/sdk";

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
    const sealed = await readFile(await fileOf(account)).catch(() => undefined);
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
  const known = await readFile(path, "utf8").catch(() => undefined);
  if (known !== undefined) return known.trim();
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const identity = await generateX25519Identity();
  await writeFile(path, `${identity}\n`, { mode: 0o600, flag: "wx" });
  return identity;
}

async function replaceFile(path: string, content: Uint8Array): Promise<void> {
  const file = await open(`${path}.new`, "w", 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
}
