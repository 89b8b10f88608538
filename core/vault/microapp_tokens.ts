/**
 * The bearer of each microapp's HTTP server: one for each microapp, and its file is the truth.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import type { Random } from "../contract/mod.ts";
import { createKeyedLock } from "../flow/keyed_lock.ts";
import {
  createKeysDir,
  openSecretFile,
  randomBytes,
  readSecretFile,
  replaceSecretFile,
} from "./key_files.ts";

const TOKEN_BYTES = 32;
const isMicroappId = /^[a-z][a-z0-9_-]{0,63}$/;

/** A token that was replaced. */
export interface RotatedToken {
  readonly oldHash: string;
  readonly newHash: string;
  /** The new one. */
  readonly token: string;
}

/** The tokens in force. */
export interface MicroappTokens {
  /**
   * The token of a microapp. When it has none, `first` becomes it, or else 64 random hex digits.
   *
   * @throws {RangeError} when the id is none
   */
  readonly of: (microappId: string, first?: string) => Promise<string>;
  /** Puts a token into the file and then in force; 64 random hex digits when none is given. */
  readonly rotate: (microappId: string, token: string | undefined) => Promise<RotatedToken>;
}

/** Keeps them in `<dir>/<id>/http_token.txt`. */
export function openMicroappTokens(
  { dir, random }: { dir: string; random: Random },
): MicroappTokens {
  const make = (): string => Buffer.from(randomBytes(random, TOKEN_BYTES)).toString("hex");
  /** Of one microapp one thing at a time, so that each rotation names the token before it. */
  const locked = createKeyedLock();

  function inTurn<T>(id: string, task: (path: string) => Promise<T>): Promise<T> {
    if (!isMicroappId.test(id)) throw new RangeError(`Cannot keep a token: "${id}" is no microapp`);
    return locked(id, () => task(join(dir, id, "http_token.txt")));
  }

  async function read(path: string, first: string | undefined): Promise<string> {
    const known = (await readSecretFile(path))?.trim() ?? "";
    if (known !== "") return known;
    await createKeysDir(dirname(path));
    return (await openSecretFile(path, random, () => first ?? make())).trim();
  }

  return {
    of: async (id, first) => inTurn(id, (path) => read(path, first)),
    rotate: async (id, given) =>
      inTurn(id, async (path) => {
        const old = await read(path, undefined);
        const token = given ?? make();
        await replaceSecretFile(path, random, token);
        return { oldHash: tokenHash(old), newHash: tokenHash(token), token };
      }),
  };
}

/** How a token is named where it must not be shown: 16 hex digits of its SHA-256. */
export function tokenHash(token: string): string {
  return createHash("sha256").update(token).digest("hex").slice(0, 16);
}
