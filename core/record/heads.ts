/**
 * Signed statements of how far a chain reached, kept outside the database.
 *
 * @module
 */
import { canonicalJson } from "./hash.ts";

/** The newest row of a stream at some time. */
export interface Head {
  /** For example `turns:acme`. */
  readonly stream: string;
  readonly offset: number;
  readonly hash: string;
  readonly atMs: number;
}

/** A {@linkcode Head} that cannot be changed without the key. */
export interface SignedHead extends Head {
  readonly signature: string;
}

/** Signs `head`. `sign` is any signature or keyed hash over text. */
export async function signHead(
  { stream, offset, hash, atMs }: Head,
  sign: (text: string) => string | Promise<string>,
): Promise<SignedHead> {
  const head = { stream, offset, hash, atMs };
  return { ...head, signature: await sign(textOf(head)) };
}

/** Whether `head` is what was signed. */
export function checkHead(
  { signature, ...head }: SignedHead,
  verify: (text: string, signature: string) => boolean | Promise<boolean>,
): boolean | Promise<boolean> {
  return verify(textOf(head), signature);
}

function textOf({ stream, offset, hash, atMs }: Head): string {
  return canonicalJson({ stream, offset, hash, atMs });
}
