/**
 * `nexo secrets`: credentials and secrets out of this machine and into another, in files `age` opens.
 *
 * @module
 */
import { readFile, writeFile } from "node:fs/promises";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import type { Command } from "commander";
import { type AdminMethods, CodedError } from "../contract/mod.ts";
import { type BundleKey, type BundleLock, lockBundle, openBundle } from "../vault/secret_bundle.ts";
import type { CliContext } from "./command.ts";
import { say, sayJson } from "./print.ts";

interface LockOptions {
  readonly recipient?: string;
  readonly identity?: string;
  readonly passphraseFile?: string;
  readonly tenant?: string;
  readonly out?: string;
  readonly json?: boolean;
}

interface Exported {
  readonly bundle: string;
  readonly credentials: number;
  readonly secrets: number;
}

/** Adds the command. */
export function addSecretCommands(program: Command, { daemon }: CliContext): void {
  const secrets = program.command("secrets").description("credentials and secrets, as age files");
  secrets.command("export").description("write all of them into a file that only its reader opens")
    .option("--recipient <age1…>", "the public key of whoever shall open it (age-keygen makes one)")
    .option("--passphrase-file <path>", "a file with a passphrase, instead of a key")
    .option("--tenant <id>", "credentials of one tenant alone")
    .option("--out <file>", "where to; absent: standard output")
    .option("--json", "print how many went out")
    .action(async (options: LockOptions) => {
      const client = await daemon();
      const lock = await lockOf(options);
      const exportFor = async (recipient: string) =>
        client.call<Exported>("nexo/operator/secrets/export", {
          recipient,
          account: options.tenant,
        });
      const { bundle, credentials, secrets: written } = "recipient" in lock
        ? await exportFor(lock.recipient)
        : await relock(exportFor, lock);
      if (options.out === undefined) return say(bundle.trimEnd());
      await writeFile(options.out, bundle, { mode: 0o600, flag: "wx" });
      if (options.json === true) sayJson({ file: options.out, credentials, secrets: written });
      else say(`${credentials} credentials and ${written} secrets are in ${options.out}`);
    });
  secrets.command("rotate-key")
    .description("seal with a new key from now on; older keys stay, for what they sealed")
    .option("--json", "print the new key's id")
    .action(async ({ json }: LockOptions) => {
      const { key_id: id } = await (await daemon()).call<{ key_id: number }>(
        "nexo/operator/secrets/rotate_key",
      );
      if (json === true) sayJson({ key_id: id });
      else say(`What is sealed from now on is sealed with key ${id}; keep the older ones.`);
    });
  secrets.command("import <file>").description("register everything a file holds here")
    .option("--identity <path>", "the file with the age key")
    .option("--passphrase-file <path>", "the file with the passphrase")
    .option("--json", "print what was taken")
    .action(async (file: string, options: LockOptions) => {
      const bundle = await openBundle(await readFile(file, "utf8"), await keyOf(options));
      const client = await daemon();
      for (const { channel, instance, account_id, payload, metadata } of bundle.credentials) {
        await client.call<AdminMethods["nexo/admin/credentials/register"]["result"]>(
          "nexo/admin/credentials/register",
          { channel, instance, tenant_id: account_id, agent_ids: [], payload, metadata },
        );
      }
      for (const { name, value } of bundle.secrets) {
        await client.call("nexo/admin/secrets/write", { name, value });
      }
      const counts = { credentials: bundle.credentials.length, secrets: bundle.secrets.length };
      if (options.json === true) sayJson(counts);
      else say(`took ${counts.credentials} credentials and ${counts.secrets} secrets`);
    });
}

async function lockOf({ recipient, passphraseFile }: LockOptions): Promise<BundleLock> {
  if (recipient !== undefined) return { recipient };
  if (passphraseFile !== undefined) return { passphrase: await readLine(passphraseFile) };
  throw new CodedError("usage", "Cannot export: give --recipient or --passphrase-file");
}

/** A passphrase is slow on purpose; it costs this process the time, not the daemon. */
async function relock(
  exportFor: (recipient: string) => Promise<Exported>,
  lock: BundleLock,
): Promise<Exported> {
  const identity = await generateX25519Identity();
  const exported = await exportFor(await identityToRecipient(identity));
  return {
    ...exported,
    bundle: await lockBundle(await openBundle(exported.bundle, { identity }), lock),
  };
}

async function keyOf({ identity, passphraseFile }: LockOptions): Promise<BundleKey> {
  if (passphraseFile !== undefined) return { passphrase: await readLine(passphraseFile) };
  if (identity === undefined) {
    throw new CodedError("usage", "Cannot import: give --identity or --passphrase-file");
  }
  const lines = (await readFile(identity, "utf8")).split("\n");
  const key = lines.map((line) => line.trim()).find((line) => line.startsWith("AGE-SECRET-KEY-"));
  if (key === undefined) {
    throw new CodedError("usage", `Cannot import: no age key in "${identity}"`);
  }
  return { identity: key };
}

async function readLine(path: string): Promise<string> {
  return (await readFile(path, "utf8")).trimEnd();
}
