/**
 * The owner's first code.
 *
 * @module
 */
import { join } from "node:path";
import type { Product } from "../product.ts";
import { replaceFile } from "../store/files.ts";

/**
 * Makes the code once and leaves it where only this machine's operator reads it, in
 * `owner_sign_in.txt`. The file comes first: a start that is cut short leaves no owner without a code.
 */
export async function inviteOwner(
  { users, app: { stateDir, log } }: {
    readonly users: Pick<Product["users"], "list" | "invite">;
    readonly app: Pick<Product["app"], "stateDir" | "log">;
  },
): Promise<void> {
  if ((await users.list(null)).length > 0) return;
  const path = join(stateDir, "owner_sign_in.txt");
  await users.invite({
    account_id: null,
    name: "Owner",
    pass: (code) => replaceFile(path, `${code}\n`),
  });
  log.info("owner.invited", { code_in: path });
}
