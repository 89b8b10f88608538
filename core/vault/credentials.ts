/**
 * What channels sign in with: one sealed file for each line, `<secrets>/<channel>/<instance>/payload.json`.
 *
 * The file says in the clear whose line it is and who registered it; what is secret is sealed, bound
 * to tenant and line, so that a file that is copied to another line does not open there.
 *
 * @module
 */
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { AccountId, type Clock, CodedError, isPathPart, type Random } from "../contract/mod.ts";
import { replaceSecretFile } from "./key_files.ts";
import type { Where } from "./sealing.ts";

/** One line of a channel. */
export interface Line {
  readonly channel: string;
  readonly instance: string;
}

/** A credential without anything secret. */
export interface CredentialEntry extends Line {
  readonly account: string;
  /** The microapp that registered it; null for an operator. */
  readonly registeredBy: string | null;
  readonly registeredAtMs: number;
}

/** What is sealed of a credential. */
export interface CredentialContent {
  readonly payload: unknown;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** The credentials of all lines. */
export interface Credentials {
  /** All of them, by channel and instance. */
  readonly list: () => CredentialEntry[];
  readonly find: (line: Line) => CredentialEntry | undefined;
  /** @throws {CodedError} `sealed_unreadable` */
  readonly open: (line: Line) => CredentialContent | undefined;
  /**
   * Keeps a credential, in place of the line's former one. Returns the way back: it puts the former
   * one in its place again.
   */
  readonly put: (
    entry: Omit<CredentialEntry, "registeredAtMs">,
    content: CredentialContent,
  ) => Promise<() => Promise<void>>;
  /** Forgets one. Resolves with whether there was one. */
  readonly remove: (line: Line) => Promise<boolean>;
  /** The tenants whose lines a microapp registered. */
  readonly accountsOf: (microappId: string) => string[];
}

/** What {@linkcode openCredentials} needs. */
export interface CredentialsOptions {
  /** The directory of secrets. */
  readonly dir: string;
  readonly sealer: {
    seal(where: Where, plaintext: string): Uint8Array;
    openText(where: Where, sealed: Uint8Array): string;
  };
  readonly random: Random;
  readonly now: Clock;
  /** Hears of files that are no credentials; they are left alone. */
  readonly onUnreadable: (path: string, reason: string) => void;
}

const FILE = "payload.json";

const CredentialFile = z.object({
  version: z.literal(1),
  channel: z.string(),
  instance: z.string(),
  account_id: AccountId,
  registered_by: z.string().nullable(),
  registered_at_ms: z.int(),
  /** Base64. */
  sealed: z.base64(),
});
type CredentialFile = z.infer<typeof CredentialFile>;

const Sealed = z.object({ payload: z.unknown(), metadata: z.record(z.string(), z.unknown()) });

/** Reads what is there. */
export async function openCredentials(options: CredentialsOptions): Promise<Credentials> {
  const { dir, sealer, random, now } = options;
  const files = await readAll(options);

  const write = async (file: CredentialFile): Promise<void> => {
    const path = pathOf(dir, file);
    await mkdir(join(path, ".."), { recursive: true, mode: 0o700 });
    await replaceSecretFile(path, random, `${JSON.stringify(file, null, 2)}\n`);
    files.set(keyOf(file), file);
  };
  const remove = async (line: Line): Promise<boolean> => {
    const known = files.delete(keyOf(line));
    if (known) await rm(join(pathOf(dir, line), ".."), { recursive: true, force: true });
    return known;
  };

  return {
    list: () => [...files.values()].map(entryOf).sort((a, b) => keyOf(a) < keyOf(b) ? -1 : 1),
    find(line) {
      const file = files.get(keyOf(line));
      return file && entryOf(file);
    },
    open(line) {
      const file = files.get(keyOf(line));
      if (file === undefined) return undefined;
      const text = sealer.openText(placeOf(file), Buffer.from(file.sealed, "base64"));
      return Sealed.parse(JSON.parse(text));
    },
    async put({ channel, instance, account, registeredBy }, content) {
      const former = files.get(keyOf({ channel, instance }));
      const place = placeOf({ channel, instance, account_id: account });
      await write({
        version: 1,
        channel,
        instance,
        account_id: account,
        registered_by: registeredBy,
        registered_at_ms: now(),
        sealed: Buffer.from(sealer.seal(place, JSON.stringify(content))).toString("base64"),
      });
      return async () => {
        if (former === undefined) await remove({ channel, instance });
        else await write(former);
      };
    },
    remove,
    accountsOf: (microappId) => [
      ...new Set(
        [...files.values()].filter(({ registered_by }) => registered_by === microappId)
          .map(({ account_id }) => account_id),
      ),
    ],
  };
}

async function readAll({ dir, onUnreadable }: CredentialsOptions) {
  const files = new Map<string, CredentialFile>();
  for (const channel of await directories(dir)) {
    for (const instance of await directories(join(dir, channel))) {
      const path = pathOf(dir, { channel, instance });
      const text = await readFile(path, "utf8").catch(() => undefined);
      if (text === undefined) continue;
      const parsed = CredentialFile.safeParse(parseJson(text));
      if (!parsed.success) onUnreadable(path, "it is not one of this program's credentials");
      else if (parsed.data.channel !== channel || parsed.data.instance !== instance) {
        onUnreadable(path, "it belongs to another line");
      } else files.set(keyOf(parsed.data), parsed.data);
    }
  }
  return files;
}

async function directories(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory() && isPathPart(entry.name))
    .map(({ name }) => name);
}

/** @throws {CodedError} `invalid_params` for a name that would leave the directory */
function pathOf(dir: string, { channel, instance }: Line): string {
  for (const part of [channel, instance]) {
    if (!isPathPart(part)) {
      throw new CodedError("invalid_params", `Cannot keep a credential for "${part}"`);
    }
  }
  return join(dir, channel, instance, FILE);
}

const keyOf = ({ channel, instance }: Line): string => `${channel}/${instance}`;

function placeOf({ channel, instance, account_id }: Line & { account_id: string }): Where {
  return { table: "credentials", account: account_id, id: keyOf({ channel, instance }) };
}

function entryOf(file: CredentialFile): CredentialEntry {
  return {
    channel: file.channel,
    instance: file.instance,
    account: file.account_id,
    registeredBy: file.registered_by,
    registeredAtMs: file.registered_at_ms,
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
