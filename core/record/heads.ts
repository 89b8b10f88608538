/**
 * Signed statements of how far a chain reached, kept outside the database.
 *
 * @module
 */
import { canonicalJson } from "./hash.ts";

/** A row of a stream at some time. */
export interface Head {
  /** For example `turns:acme`. */
  readonly stream: string;
  readonly offset: number;
  readonly hash: string;
  readonly atMs: number;
}

/** What is said of a row: it was the newest, or everything up to it was deleted on purpose. */
export type HeadKind = "head" | "checkpoint";

/** A {@linkcode Head} that cannot be changed without the key. */
export interface SignedHead extends Head {
  readonly kind: HeadKind;
  readonly signature: string;
}

/** Signs `head`. `sign` is any signature or keyed hash over text. */
export function signHead(
  { stream, offset, hash, atMs }: Head,
  kind: HeadKind,
  sign: (text: string) => string,
): SignedHead {
  const head = { kind, stream, offset, hash, atMs };
  return { ...head, signature: sign(textOf(head)) };
}

/** Whether `head` is what was signed, and says `kind`: a head must not pass for a checkpoint. */
export function checkHead(
  { signature, ...head }: SignedHead,
  kind: HeadKind,
  verify: (text: string, signature: string) => boolean,
): boolean {
  return head.kind === kind && verify(textOf(head), signature);
}

function textOf({ kind, stream, offset, hash, atMs }: Head & { kind: HeadKind }): string {
  return `nexo-audit-1 ${canonicalJson({ kind, stream, offset, hash, atMs })}`;
}
