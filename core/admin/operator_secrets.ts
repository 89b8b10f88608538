/**
 * `nexo/operator/secrets/*`: all that is secret, locked before it leaves core, and a new key for it.
 *
 * @module
 */
import { z } from "zod";
import { AccountId, type Clock } from "../contract/mod.ts";
import type { Credentials } from "../vault/credentials.ts";
import { lockBundle, SecretBundle } from "../vault/secret_bundle.ts";
import { type AdminMethod, operatorMethod } from "./method.ts";

/** What the export needs. */
export interface OperatorSecretDeps {
  readonly credentials: Credentials;
  /** What `secrets/write` kept, by name. */
  readonly writtenSecrets: () => Promise<{ name: string; value: string }[]>;
  /** Seals from now on with a new key; older ones stay, to open what they sealed. */
  readonly rotateSealingKey: () => Promise<number>;
  readonly now: Clock;
}

/** Returns the methods. */
export function operatorSecretMethods(deps: OperatorSecretDeps): AdminMethod[] {
  const { credentials, writtenSecrets, now } = deps;
  return [
    operatorMethod(
      "secrets/export",
      z.object({
        /** An age public key. */
        recipient: z.string().min(1),
        account: AccountId.nullish(),
      }),
      async ({ recipient, account }) => {
        const lines = credentials.list().filter((line) =>
          account == null || line.account === account
        );
        const bundle = SecretBundle.parse({
          format: "nexo-secrets",
          version: 1,
          exported_at: new Date(now()).toISOString(),
          credentials: lines.map((line) => ({
            channel: line.channel,
            instance: line.instance,
            account_id: line.account,
            ...credentials.open(line),
          })),
          secrets: account == null ? await writtenSecrets() : [],
        });
        return {
          bundle: await lockBundle(bundle, { recipient }),
          credentials: bundle.credentials.length,
          secrets: bundle.secrets.length,
        };
      },
    ),
    operatorMethod("secrets/rotate_key", z.object({}), async () => ({
      key_id: await deps.rotateSealingKey(),
    })),
  ];
}
