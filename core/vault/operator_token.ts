/**
 * The one token operators and microapps' HTTP servers share; its file is the truth, also at a start.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Random } from "../contract/mod.ts";
import { replaceSecretFile } from "../settings/written_secrets.ts";
import { createKeysDir, openSecretFile, randomBytes } from "./key_files.ts";

const TOKEN_BYTES = 32;

/** The token in force. */
export interface OperatorToken {
  readonly current: () => string;
  /** Puts a token into the file and then in force; a new one of 64 hex digits when none is given. */
  readonly rotate: (
    token: string | undefined,
  ) => Promise<{ oldHash: string; newHash: string; token: string }>;
}

/** Reads `<dir>/operator_token.txt`; makes it when there is none. */
export async function openOperatorToken(
  { dir, random, uuid }: { dir: string; random: Random; uuid: () => string },
): Promise<OperatorToken> {
  await createKeysDir(dir);
  const path = join(dir, "operator_token.txt");
  const make = (): string => Buffer.from(randomBytes(random, TOKEN_BYTES)).toString("hex");
  let current = (await openSecretFile(path, random, make)).trim();
  /** Rotations happen one after another, so that each names the token before it. */
  let last: Promise<unknown> = Promise.resolve();

  async function rotate(given: string | undefined) {
    const token = given ?? make();
    await replaceSecretFile(path, token, uuid());
    const oldHash = tokenHash(current);
    current = token;
    return { oldHash, newHash: tokenHash(token), token };
  }

  return {
    current: () => current,
    rotate(token) {
      const done = last.then(() => rotate(token));
      last = done.catch(() => undefined); // whoever asked hears of it
      return done;
    },
  };
}

/** How a token is named where it must not be shown: 16 hex digits of its SHA-256. */
export function tokenHash(token: string): string {
  return createHash("sha256").update(token).digest("hex").slice(0, 16);
}
