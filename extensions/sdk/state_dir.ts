/**
 * Where a microapp keeps its files: a directory of its own, and one in it for each tenant.
 *
 * @module
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { AccountId } from "../../core/contract/mod.ts";

/**
 * A tenant's name that is safe in a path.
 *
 * @throws {RangeError} when it is not 1 to 64 of a-z, 0-9 and -, starting with a letter or digit
 */
export function parseAccountId(text: string): AccountId {
  const parsed = AccountId.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new RangeError(`Cannot work for account "${text.slice(0, 80)}": not a name`);
}

/** Makes and gives `<stateDir>/tenants/<accountId>`. @throws as {@linkcode parseAccountId} */
export async function openTenantDir(stateDir: string, accountId: string): Promise<string> {
  const dir = join(stateDir, "tenants", parseAccountId(accountId));
  await mkdir(dir, { recursive: true, mode: 0o700 });
  return dir;
}
