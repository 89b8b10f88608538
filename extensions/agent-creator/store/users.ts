/**
 * Who may sign in: the owner of the product, and the people of each tenant.
 *
 * Codes are shown once; what is kept of one is its HMAC under a key of this microapp's own.
 *
 * @module
 */
import { createHmac, randomBytes, randomUUID } from "node:crypto";
import { join } from "node:path";
import type { Database } from "./database.ts";
import { readIfThere, replaceFile } from "./files.ts";

/** Somebody who may sign in. */
export interface User {
  readonly id: string;
  /** Null for the owner, who sees every tenant. */
  readonly account_id: string | null;
  readonly name: string;
}

/** The table `users`. */
export interface Users {
  /**
   * Resolves with the code to sign in with, which nobody can read again. The same `id` gets a new one.
   * `pass` hands the code on before it holds, so that none holds that nobody was given.
   */
  readonly invite: (
    user: {
      id?: string;
      account_id: string | null;
      name: string;
      pass?: (code: string) => Promise<void>;
    },
  ) => Promise<string>;
  readonly byCode: (code: string) => Promise<User | undefined>;
  /** One who was not revoked meanwhile. */
  readonly find: (id: string) => Promise<User | undefined>;
  readonly list: (account: string | null) => Promise<User[]>;
  readonly revoke: (account: string | null, id: string) => Promise<boolean>;
}

/** Returns the users over their table. */
export async function createUsers(
  db: Database,
  { stateDir, now }: { readonly stateDir: string; readonly now: () => number },
): Promise<Users> {
  const key = await openKey(join(stateDir, "users.key"));
  const mac = (code: string): string => createHmac("sha256", key).update(code).digest("hex");
  const one = async (where: string, arg: string): Promise<User | undefined> =>
    (await db.all<User>(
      `SELECT id, account_id, name FROM users WHERE ${where} AND revoked_at_ms IS NULL`,
      [arg],
    ))[0];
  return {
    async invite({ id = randomUUID(), account_id, name, pass }) {
      const code = randomBytes(18).toString("base64url");
      await pass?.(code);
      const changed = await db.run(
        `INSERT INTO users (id, account_id, name, code_mac, created_at_ms) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET code_mac = excluded.code_mac
           WHERE account_id IS excluded.account_id`,
        [id, account_id, name, mac(code), now()],
      );
      if (changed === 0) throw new RangeError(`user "${id}" is another tenant's`);
      return code;
    },
    byCode: (code) => one("code_mac = ?", mac(code)),
    find: (id) => one("id = ?", id),
    list: (account) =>
      db.all<User>(
        `SELECT id, account_id, name FROM users WHERE account_id IS ? AND revoked_at_ms IS NULL
         ORDER BY created_at_ms`,
        [account],
      ),
    revoke: async (account, id) =>
      await db.run(
        "UPDATE users SET revoked_at_ms = ? WHERE id = ? AND account_id IS ? AND revoked_at_ms IS NULL",
        [now(), id, account],
      ) > 0,
  };
}

async function openKey(path: string): Promise<Buffer> {
  const known = await readIfThere(path);
  if (known !== undefined) return known;
  const key = randomBytes(32);
  await replaceFile(path, key);
  return key;
}
